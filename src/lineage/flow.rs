#![forbid(unsafe_code)]
//! Flow without declaration: what a statement writes is labelled like the rows that it came from.
//!
//! For sessions with a token, after the row conditions are in place and the written rows are filled:
//!
//! - the label that is stored is raised to the join of the sources' labels ([`super::carry`]), by an
//!   expression in the target list, so that neither a trigger nor a lower label in the statement
//!   gets around it;
//! - a row that comes from another tenant's rows than its own is refused;
//! - a target that could not hold what is known of its sources is refused: one without protection, or
//!   without a column for the label or the tenant.
//!
//! The sources of INSERT are all entries of FROM; those of UPDATE and of MERGE's updates are the
//! entries that the assigned values use, and never the target row itself. Conditions of UPDATE, DELETE
//! and MERGE decide whether, not what: they bring nothing along.

use super::cargo::{self, Cargo, Flow};
use super::carry::Carrier;
use crate::errors::{Code, Result, WardError};
use crate::pg::carrier::null_document;
use crate::pg::expr;
use crate::pg::node::{Command, Expr, Query, TargetList};
use crate::registry::{self, Objects, Protection};
use crate::rows::{carrier as documents, refuse_generated};
use crate::session::Identity;
use std::ffi::CString;

/// Follows the data of `query` into what it writes, in place.
///
/// Errors: WD030 where a label could not be kept, WD014 where tenants would mix, WD034 where protected
/// rows would go to a relation without protection.
pub fn enforce(query: Query, identity: &Identity, objects: &Objects) -> Result<()> {
    let mut writers = vec![vec![query]];
    for with in query.with_entries() {
        writers.extend(with.query().map(|written| vec![query, written]));
    }
    refuse_hidden_writers(query, &writers)?;
    writers.retain(|chain| chain.last().is_some_and(|level| may_move(*level)));
    if writers.is_empty() {
        return Ok(());
    }
    let mut flows = Flows::new(query, identity, objects)?;
    writers.iter().try_for_each(|chain| flows.follow(chain))
}

/// Core lets only a statement and its own WITH queries write. Another place would not be followed.
fn refuse_hidden_writers(query: Query, known: &[Vec<Query>]) -> Result<()> {
    query.visit(&mut |level| {
        let is_known = known.iter().any(|chain| chain.last() == Some(&level));
        if is_known || level.command() == Command::Select {
            return Ok(());
        }
        Err(WardError::new(
            Code::Unsupported,
            "this kind of statement is refused over protected relations",
        ))
    })
}

/// Does this level write rows that are made of others?
fn may_move(level: Query) -> bool {
    let writes = matches!(
        level.command(),
        Command::Insert | Command::Update | Command::Merge
    );
    let target = level.result_index();
    writes && (level.has_sublinks() || level.leaves().iter().any(|index| *index != target))
}

/// What a statement carries, of each kind.
struct Flows<'a> {
    identity: &'a Identity,
    objects: &'a Objects,
    labels: Carrier<'a>,
    tenants: Carrier<'a>,
    presence: Carrier<'a>,
}

/// A place where a level writes.
struct Place<'a> {
    level: Query,
    chain: &'a [Query],
    values: TargetList,
    /// Is it a new row? Then all entries of FROM are its sources.
    is_new: bool,
}

impl<'a> Flows<'a> {
    fn new(top: Query, identity: &'a Identity, objects: &'a Objects) -> Result<Self> {
        let several = identity.principal().tenants.len() > 1;
        let tenants = if several {
            Cargo::Tenants
        } else {
            Cargo::AnyTenant
        };
        Ok(Self {
            identity,
            objects,
            labels: Carrier::new(Cargo::Labels, top, objects)?,
            tenants: Carrier::new(tenants, top, objects)?,
            presence: Carrier::new(Cargo::AnyRow, top, objects)?,
        })
    }

    fn follow(&mut self, chain: &[Query]) -> Result<()> {
        let Some(level) = chain.last().copied() else {
            return Ok(());
        };
        let index = level.result_index();
        let table = level.rte(index).and_then(|rte| rte.table());
        let p = table.map_or(Ok(None), registry::protection)?;
        let p = p.filter(|p| p.columns().next().is_some());
        let place = |values, is_new| Place {
            level,
            chain,
            values,
            is_new,
        };
        let mut places = Vec::new();
        match level.command() {
            Command::Insert => places.push(place(level.targets(), true)),
            Command::Update => places.push(place(level.targets(), false)),
            Command::Merge => places.extend(level.merge_actions().filter_map(
                |(action, values)| match action {
                    Command::Insert => Some(place(values, true)),
                    Command::Update => Some(place(values, false)),
                    _ => None,
                },
            )),
            _ => {}
        }
        for place in &places {
            match &p {
                Some(p) => self.follow_into(place, p, index)?,
                None => self.refuse_unprotected(place)?,
            }
        }
        match (level.conflict_targets(), &p) {
            (Some(values), Some(p)) => self.follow_conflict(level, chain, values, p, index),
            (Some(values), None) => {
                let sublinks = values.sublinks();
                let flow = self.presence.of_sublinks(level, sublinks, chain, false)?;
                refuse_presence(flow)
            }
            (None, _) => Ok(()),
        }
    }

    fn refuse_unprotected(&mut self, place: &Place) -> Result<()> {
        let (level, values) = (place.level, place.values);
        let flow = self
            .presence
            .of_values(level, values, place.is_new, place.chain)?;
        refuse_presence(flow)
    }

    fn follow_into(&mut self, place: &Place, p: &Protection, index: u32) -> Result<()> {
        let (level, values) = (place.level, place.values);
        let label = self
            .labels
            .of_values(level, values, place.is_new, place.chain)?;
        let tenant = self
            .tenants
            .of_values(level, values, place.is_new, place.chain)?;
        self.store_label(values, label, p, (!place.is_new).then_some(index))?;
        self.store_tenant(values, tenant, p, (!place.is_new).then_some(index))
    }

    /// The row that could not be inserted brings along what it would have been stored with.
    fn follow_conflict(
        &mut self,
        level: Query,
        chain: &[Query],
        values: TargetList,
        p: &Protection,
        index: u32,
    ) -> Result<()> {
        let excluded = level.excluded_index();
        let uses_excluded = level.entries_used_in(values).contains(&excluded);
        let inserted = level.targets();
        let sublinks = values.sublinks();
        let mut label = self.labels.of_sublinks(level, sublinks, chain, false)?;
        let mut tenant = self
            .tenants
            .of_sublinks(level, values.sublinks(), chain, false)?;
        if uses_excluded {
            if let Some(column) = &p.label
                && !self
                    .labels
                    .of_values(level, inserted, true, chain)?
                    .is_nothing()
            {
                label = self.labels.joined(label, Flow::Value(column.var(excluded)));
            }
            if let Some(column) = &p.tenant
                && !self
                    .tenants
                    .of_values(level, inserted, true, chain)?
                    .is_nothing()
            {
                let own = column.column.var(excluded);
                let own = cargo::tenant_set(p, column, own, self.objects);
                tenant = self.tenants.joined(tenant, Flow::Value(own));
            }
        }
        self.store_label(values, label, p, Some(index))?;
        self.store_tenant(values, tenant, p, Some(index))
    }

    /// `existing` is the entry of the row that is changed; a new row has its label assigned already.
    fn store_label(
        &self,
        values: TargetList,
        flow: Flow,
        p: &Protection,
        existing: Option<u32>,
    ) -> Result<()> {
        let objects = self.objects;
        let clearance = self.identity.principal().clearance.to_bits() as i64;
        let Some(label) = &p.label else {
            return match flow {
                Flow::Nothing => Ok(()),
                Flow::Unknown => Err(refused_label(&p.name)),
                Flow::Value(carried) => {
                    let arguments = [expr::oid(p.relation), carried];
                    values.guard(expr::call(
                        objects.flow.refuse_labelled,
                        crate::pg::BOOLEAN,
                        &arguments,
                    ));
                    Ok(())
                }
            };
        };
        let bound = || expr::eight_bytes(objects.label_type, clearance);
        let Some(carried) = flow.or_bound(bound) else {
            return Ok(());
        };
        if let Some(place) = &label.carrier {
            let raised = |document| documents::raise(place, document, carried, objects);
            if !values.map(label.attno, raised) {
                existing.map_or(Ok(()), |_| refuse_generated(p, label))?;
                let name = CString::new(label.name.as_str()).unwrap_or_default();
                let stored = existing.map_or_else(null_document, |index| label.stored(index));
                values.insert(label.attno, &name, raised(stored));
            }
            return Ok(());
        }
        // A new row without a label gets what it carries (one that is derived has none yet). In a row
        // that is changed, a NULL is refused, not replaced.
        let function = match existing {
            None => objects.flow.join_two,
            Some(_) => objects.flow.raise_label,
        };
        let raised = |given: Expr| expr::call(function, objects.label_type, &[given, carried]);
        if !values.map(label.attno, raised) {
            existing.map_or(Ok(()), |_| refuse_generated(p, label))?;
            let name = CString::new(label.name.as_str()).unwrap_or_default();
            let stored = match existing {
                Some(index) => raised(label.var(index)),
                None => carried,
            };
            values.insert(label.attno, &name, stored);
        }
        Ok(())
    }

    fn store_tenant(
        &self,
        values: TargetList,
        flow: Flow,
        p: &Protection,
        existing: Option<u32>,
    ) -> Result<()> {
        if flow.is_nothing() {
            return Ok(());
        }
        let Some(tenant) = &p.tenant else {
            return Err(WardError::new(
                Code::Tenant,
                format!(
                    "rows of a tenant cannot go into \"{}\", which has no tenants",
                    p.name
                ),
            )
            .hint("Protect it with a tenant column: ward.protect(…, tenant => …)."));
        };
        if self.identity.principal().tenants.len() < 2 {
            return Ok(());
        }
        let Flow::Value(carried) = flow else {
            return Err(refused_mixture(&p.name));
        };
        let column = &tenant.column;
        let checked = |given: Expr| {
            if let Some(place) = &column.carrier {
                return documents::only_tenant(place, given, p, carried, self.objects);
            }
            let arguments = [
                expr::oid(p.relation),
                given.to_text(column.type_oid),
                carried,
            ];
            let text = expr::call(self.objects.flow.only_tenant, crate::pg::TEXT, &arguments);
            text.text_as(given)
        };
        if !values.map(column.attno, checked) {
            let name = CString::new(column.name.as_str()).unwrap_or_default();
            let nothing = || match &column.carrier {
                Some(_) => null_document(),
                None => expr::null(column),
            };
            let old = existing.map_or_else(nothing, |index| column.stored(index));
            values.insert(column.attno, &name, checked(old));
        }
        Ok(())
    }
}

fn refuse_presence(flow: Flow) -> Result<()> {
    if flow.is_nothing() {
        return Ok(());
    }
    Err(WardError::new(
        Code::Unsupported,
        "protected rows cannot go into a relation without protection",
    )
    .hint("An administrator can protect the target with ward.protect()."))
}

/// What can be done where a new table cannot be protected on the spot.
pub const STORE_HINT: &str =
    "Create the table, protect it with ward.protect(), and use INSERT … SELECT.";

/// The refusal of a row with a label in a relation that could not keep it (WD030).
pub fn refused_label(relation: &str) -> WardError {
    WardError::new(
        Code::Label,
        format!("labelled rows cannot go into \"{relation}\", which has no labels"),
    )
    .hint("Protect it with a label column: ward.protect(…, label => …).")
}

/// The refusal of a row that would be made of several tenants' rows (WD014).
pub fn refused_mixture(relation: &str) -> WardError {
    WardError::new(
        Code::Tenant,
        format!("row refused for \"{relation}\": it comes from rows of another tenant"),
    )
    .hint("Write each tenant's rows by a statement of their own, or use a token of one tenant.")
}
