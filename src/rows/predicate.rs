#![forbid(unsafe_code)]
//! From a protection and an identity to conditions, with the identity folded into constants.
//!
//! The conditions are what a person would write by hand: `tenant_id = 7 AND label <@ '…'`. Each
//! dimension is a condition of its own, so that a refused write can say which one refused it.

use crate::errors::{Code, Result, WardError};
use crate::pg::expr;
use crate::pg::node::Expr;
use crate::pg::scalar::{Scalar, Value};
use crate::registry::{Dimension, Objects, Protection};
use crate::session::Identity;
use ward_core::Denial;
use ward_core::rows::TenantRule;

/// One dimension's condition on one row.
pub struct Condition {
    /// What the refusal is about: `tenant`, `label`, `owner` or `acl`.
    pub dimension: &'static str,
    pub expr: Expr,
}

/// The conditions under which the identity may read a row of range-table entry `index`.
pub fn readable(
    p: &Protection,
    identity: &Identity,
    objects: &Objects,
    index: u32,
) -> Result<Vec<Condition>> {
    conditions(p, identity, objects, index, false)
}

/// The conditions under which it may store or change a row. They imply the readable ones.
pub fn writable(
    p: &Protection,
    identity: &Identity,
    objects: &Objects,
    index: u32,
) -> Result<Vec<Condition>> {
    conditions(p, identity, objects, index, true)
}

fn conditions(
    p: &Protection,
    identity: &Identity,
    objects: &Objects,
    index: u32,
    write: bool,
) -> Result<Vec<Condition>> {
    let mut all = Vec::with_capacity(3);
    if let Some(tenant) = &p.tenant {
        let values = tenants(p, tenant, identity, write)?;
        let expr = tenant.column.equals_any(index, tenant.scalar, &values);
        all.push(Condition {
            dimension: "tenant",
            expr,
        });
    }
    if let Some(label) = &p.label {
        let clearance = identity.principal().clearance.to_bits() as i64;
        let clearance = expr::eight_bytes(objects.label_type, clearance);
        let expr = expr::operator_call(
            objects.label_dominated,
            label.var(index),
            clearance,
            label.collation,
        );
        all.push(Condition {
            dimension: "label",
            expr,
        });
    }
    match (&p.owner, &p.acl) {
        (None, None) => {}
        (Some(own), None) => all.push(owner(own, identity, index)),
        (None, Some(list)) => all.push(acl(list, identity, index)),
        // Sharing a row lets others see it; changing it stays with its owner.
        (Some(own), Some(_)) if write => all.push(owner(own, identity, index)),
        (Some(own), Some(list)) => {
            let expr = expr::or(
                owner(own, identity, index).expr,
                acl(list, identity, index).expr,
            );
            all.push(Condition {
                dimension: "acl",
                expr,
            });
        }
    }
    Ok(all)
}

/// The tenants whose rows may be read (or written), as values of the column's type.
pub fn tenants(
    p: &Protection,
    tenant: &Dimension,
    identity: &Identity,
    write: bool,
) -> Result<Vec<Value>> {
    let rule = TenantRule {
        shared: p.shared_tenant.as_deref(),
    };
    let principal = identity.principal();
    let names = if write {
        rule.writable(principal)?
    } else {
        rule.readable(principal)?
    };
    let shared = rule.shared.and_then(|name| tenant.scalar.parse(name));
    let mut values = Vec::with_capacity(names.len());
    for name in names {
        let value = parse(tenant.scalar, name, p, "tenant")?;
        // Two texts may be one value of the column ("7" and "07"), the shared tenant's among them.
        let is_shared = write && Some(&value) == shared.as_ref();
        if !is_shared && !values.contains(&value) {
            values.push(value);
        }
    }
    if values.is_empty() {
        return Err(Denial::SharedTenant.into());
    }
    Ok(values)
}

/// The tenant that fills a row which names none; `None` if the identity has several.
pub fn filling_tenant(
    p: &Protection,
    tenant: &Dimension,
    identity: &Identity,
) -> Result<Option<Value>> {
    let mut values = tenants(p, tenant, identity, true)?;
    Ok(if values.len() == 1 {
        values.pop()
    } else {
        None
    })
}

/// The identity's subject as a value of the owner column's type.
pub fn subject(p: &Protection, owner: &Dimension, identity: &Identity) -> Result<Value> {
    parse(owner.scalar, &identity.principal().subject, p, "subject")
}

fn owner(dimension: &Dimension, identity: &Identity, index: u32) -> Condition {
    let expr = match dimension.scalar.parse(&identity.principal().subject) {
        Some(value) => dimension
            .column
            .equals_any(index, dimension.scalar, &[value]),
        // A subject of another form (a service beside numbered users) owns no row here.
        None => expr::boolean(false),
    };
    Condition {
        dimension: "owner",
        expr,
    }
}

fn acl(dimension: &Dimension, identity: &Identity, index: u32) -> Condition {
    let values = acl_values(dimension.scalar, identity);
    Condition {
        dimension: "acl",
        expr: dimension.column.overlaps(index, dimension.scalar, &values),
    }
}

/// The names a row can be shared under; those that are not of the column's type match nothing.
pub fn acl_values(scalar: Scalar, identity: &Identity) -> Vec<Value> {
    identity
        .principal()
        .acl_names()
        .filter_map(|name| scalar.parse(name))
        .collect()
}

fn parse(scalar: Scalar, name: &str, p: &Protection, what: &str) -> Result<Value> {
    scalar.parse(name).ok_or_else(|| {
        WardError::new(
            Code::Tenant,
            format!(
                "the token's {what} does not fit the {what} column of \"{}\"",
                p.name
            ),
        )
        .hint(format!(
            "The column's type and the form of the {what} claim must agree."
        ))
    })
}
