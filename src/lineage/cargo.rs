#![forbid(unsafe_code)]
//! What rows bring along: labels, or the tenants that they belong to.

use crate::pg::carry::Kind;
use crate::pg::expr;
use crate::pg::node::{Expr, Query};
use crate::pg::{self, Oid};
use crate::registry::{Dimension, Objects, Protection};

/// What a query level's rows bring along.
#[derive(Clone, Copy)]
pub enum Flow {
    /// Nothing: no relevant row is a source.
    Nothing,
    /// This, over the level's columns; NULL stands for nothing.
    Value(Expr),
    /// Something, and no expression tells what.
    Unknown,
}

/// What is carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cargo {
    /// Labels; NULL stands for the lowest.
    Labels,
    /// The tenants that are not shared ones, as a set.
    Tenants,
    /// Nothing, or [`Flow::Unknown`] where rows of any tenant are a source.
    AnyTenant,
    /// Nothing, or [`Flow::Unknown`] where any protected row is a source.
    AnyRow,
}

impl Cargo {
    /// The type of the expressions.
    pub fn kind(self, objects: &Objects) -> Kind {
        let type_oid = match self {
            Self::Labels | Self::AnyRow => objects.label_type,
            Self::Tenants | Self::AnyTenant => pg::TEXT_ARRAY,
        };
        // A set of tenants is never sorted or compared; its elements have the default collation.
        Kind::of(type_oid)
    }

    /// Does it carry more than the answer whether there is something?
    pub fn has_values(self) -> bool {
        matches!(self, Self::Labels | Self::Tenants)
    }

    /// What joins two, and the same as an aggregate.
    pub fn functions(self, objects: &Objects) -> (Oid, Oid) {
        let flow = &objects.flow;
        match self {
            Self::Labels | Self::AnyRow => (flow.join_two, flow.join_labels),
            Self::Tenants | Self::AnyTenant => (flow.join_tenants, flow.all_tenants),
        }
    }

    /// What the rows of a protected relation bring along, being entry `index` of `level`.
    pub fn of_row(self, p: &Protection, level: Query, index: u32, objects: &Objects) -> Flow {
        // What a trigger is given is its author's to pass on, row by row or as a table.
        let is_stored = level.rte(index).is_some_and(|rte| rte.table().is_some());
        let known = |found: bool| match found && is_stored {
            true => Flow::Unknown,
            false => Flow::Nothing,
        };
        match self {
            Self::Labels => p.label.as_ref().map_or(Flow::Nothing, |label| {
                Flow::Value(level.column_value(index, label))
            }),
            Self::Tenants => p.tenant.as_ref().map_or(Flow::Nothing, |tenant| {
                let value = level.column_value(index, &tenant.column);
                Flow::Value(tenant_set(p, tenant, value, objects))
            }),
            Self::AnyTenant => known(p.tenant.is_some()),
            Self::AnyRow => known(p.columns().next().is_some() || !p.masks.is_empty()),
        }
    }
}

/// The set of one row's tenant, without the shared one.
pub fn tenant_set(p: &Protection, tenant: &Dimension, value: Expr, objects: &Objects) -> Expr {
    let column = &tenant.column;
    let shared = p.shared_tenant.as_deref();
    let shared = shared.and_then(|name| tenant.scalar.parse(name));
    let shared = match shared {
        Some(shared) => column
            .constant(tenant.scalar, &shared)
            .to_text(column.type_oid),
        None => Kind::of(pg::TEXT).null(),
    };
    let arguments = [value.to_text(column.type_oid), shared];
    expr::call(objects.flow.tenant_set, pg::TEXT_ARRAY, &arguments)
}

impl Flow {
    /// The same with nodes of its own.
    pub fn copied(self) -> Flow {
        match self {
            Flow::Value(value) => Flow::Value(value.copied()),
            other => other,
        }
    }

    /// Is there nothing?
    pub fn is_nothing(self) -> bool {
        matches!(self, Flow::Nothing)
    }

    /// The value, or `bound` where it is unknown; `None` for nothing.
    pub fn or_bound(self, bound: impl FnOnce() -> Expr) -> Option<Expr> {
        match self {
            Flow::Nothing => None,
            Flow::Value(value) => Some(value),
            Flow::Unknown => Some(bound()),
        }
    }
}
