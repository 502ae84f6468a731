#![forbid(unsafe_code)]
//! Filling and checking the rows that a statement writes.
//!
//! Filling happens in the target list, not in a trigger: it cannot be disabled, it works where the
//! tenant is the partition key, and it costs nothing per row beyond the expression itself.

use super::carrier::{self, Lower};
use super::predicate::{self, Condition};
use crate::errors::{Code, Result, WardError};
use crate::pg::BOOLEAN;
use crate::pg::expr;
use crate::pg::expr::Column;
use crate::pg::node::{CheckKind, Command, Expr, Query, TargetList};
use crate::pg::outline::generated_columns;
use crate::registry::{Objects, Protection};
use crate::session::Identity;
use std::ffi::CString;

/// Fills and checks what `level` writes into its target, range-table entry `index`.
pub fn enforce(
    level: Query,
    p: &Protection,
    identity: &Identity,
    objects: &Objects,
    index: u32,
) -> Result<()> {
    match level.command() {
        Command::Insert => {
            fill(level.targets(), p, identity, objects)?;
            check(level, CheckKind::Insert, p, identity, objects, index)?;
            if let Some(assignments) = level.conflict_targets() {
                keep(assignments, p, objects, index, Lower::Raise)?;
                check(level, CheckKind::Update, p, identity, objects, index)?;
                check(level, CheckKind::Conflict, p, identity, objects, index)?;
                level.prepend_conflict_condition(refusing(p, identity, objects, index)?);
            }
        }
        Command::Update => {
            keep(level.targets(), p, objects, index, Lower::Refuse)?;
            check(level, CheckKind::Update, p, identity, objects, index)?;
        }
        Command::Merge => {
            for (action, targets) in level.merge_actions() {
                match action {
                    Command::Insert => fill(targets, p, identity, objects)?,
                    Command::Update => keep(targets, p, objects, index, Lower::Refuse)?,
                    _ => {}
                }
            }
            for kind in [
                CheckKind::Insert,
                CheckKind::Update,
                CheckKind::MergeUpdate,
                CheckKind::MergeDelete,
            ] {
                check(level, kind, p, identity, objects, index)?;
            }
        }
        Command::Select | Command::Delete | Command::Other => {}
    }
    Ok(())
}

/// Gives a row that names no tenant, label or owner those of the session. An explicit NULL counts
/// as naming none, because frameworks send one for every column that the application left out.
fn fill(targets: TargetList, p: &Protection, identity: &Identity, objects: &Objects) -> Result<()> {
    if let Some(tenant) = &p.tenant
        && let Some(value) = predicate::filling_tenant(p, tenant, identity)?
    {
        fill_column(
            targets,
            &tenant.column,
            tenant.column.constant(tenant.scalar, &value),
            objects,
        );
    }
    // A derived row without a label of its own gets its sources', by the trigger; but the mark is a floor.
    if let (Some(label), true) = (&p.label, p.sources.is_empty() || p.label_from_watermark) {
        let bits = p.default_label.to_bits() as i64;
        let value = expr::eight_bytes(objects.label_type, bits);
        fill_column(targets, label, value, objects);
        raise_to_mark(targets, p, label, None, objects)?;
    }
    if let Some(owner) = &p.owner {
        let subject = predicate::subject(p, owner, identity)?;
        fill_column(
            targets,
            &owner.column,
            owner.column.constant(owner.scalar, &subject),
            objects,
        );
    } else if let Some(acl) = &p.acl {
        // Without an owner column, a row shared with nobody would be lost to its writer as well.
        let values = predicate::acl_values(acl.scalar, identity);
        if let Some(own) = values.get(..1) {
            fill_column(
                targets,
                &acl.column,
                acl.column.array_constant(acl.scalar, own),
                objects,
            );
        }
    }
    Ok(())
}

fn fill_column(targets: TargetList, column: &Column, value: Expr, objects: &Objects) {
    let filled = |given: Option<Expr>| match (&column.carrier, given) {
        (Some(carrier), given) => carrier::fill(carrier, given, value, objects),
        (None, Some(given)) => expr::coalesce(column, given, value),
        (None, None) => value,
    };
    if !targets.map(column.attno, |given| filled(Some(given))) {
        let name = CString::new(column.name.as_str()).unwrap_or_default();
        targets.insert(column.attno, &name, filled(None));
    }
}

/// Keeps what an UPDATE must not take from a row. A lower label than the row has is refused at run
/// time: lowering is `ward.declassify`'s. A document that replaces another keeps the values in it.
fn keep(
    targets: TargetList,
    p: &Protection,
    objects: &Objects,
    index: u32,
    lower: Lower,
) -> Result<()> {
    for column in p.columns() {
        if let Some(carrier) = &column.carrier {
            targets.map(column.attno, |given| {
                carrier::keep(column, carrier, given, index, lower, objects)
            });
        }
    }
    if let Some(label) = p.label.as_ref().filter(|label| label.carrier.is_none()) {
        targets.map(label.attno, |given| {
            expr::call(
                objects.keep_label,
                objects.label_type,
                &[label.var(index), given],
            )
        });
    }
    match &p.label {
        Some(label) => raise_to_mark(targets, p, label, Some(index), objects),
        None => Ok(()),
    }
}

/// Where labels come from the watermark, what is written gets no lower one. `existing` is the entry
/// of the row that is changed.
fn raise_to_mark(
    targets: TargetList,
    p: &Protection,
    label: &Column,
    existing: Option<u32>,
    objects: &Objects,
) -> Result<()> {
    if !p.label_from_watermark {
        return Ok(());
    }
    let raised = |given: Expr| match &label.carrier {
        Some(carrier) => carrier::raise_to_mark(carrier, given, objects),
        None => expr::call(objects.watermark.raise, objects.label_type, &[given]),
    };
    if let (false, Some(index)) = (targets.map(label.attno, raised), existing) {
        refuse_generated(p, label)?;
        let name = CString::new(label.name.as_str()).unwrap_or_default();
        targets.insert(label.attno, &name, raised(label.stored(index)));
    }
    Ok(())
}

/// Adds the conditions that each written (or, for conflicts, each existing) row must meet.
fn check(
    level: Query,
    kind: CheckKind,
    p: &Protection,
    identity: &Identity,
    objects: &Objects,
    index: u32,
) -> Result<()> {
    let relation = CString::new(p.name.as_str()).unwrap_or_default();
    level.add_check(kind, &relation, refusing(p, identity, objects, index)?);
    if let (true, Some(label)) = (p.label_from_watermark, &p.label)
        && matches!(kind, CheckKind::Insert | CheckKind::Update)
    {
        // What a function in the statement read after the label was raised, or a trigger lowered.
        let covered = expr::call(objects.watermark.covered, BOOLEAN, &[label.var(index)]);
        let condition = Condition {
            dimension: "watermark",
            expr: covered,
        };
        level.add_check(kind, &relation, or_deny(condition, p, objects));
    }
    Ok(())
}

/// True for a row that may be written; raises the refusal for any other.
fn refusing(p: &Protection, identity: &Identity, objects: &Objects, index: u32) -> Result<Expr> {
    let conditions = predicate::writable(p, identity, objects, index)?;
    let terms: Vec<_> = conditions
        .into_iter()
        .map(|condition| or_deny(condition, p, objects))
        .collect();
    Ok(expr::and(&terms))
}

/// `condition OR ward_internal.deny(relation, dimension)`: the refusal carries its own code, and a
/// row that passes never reaches the call. A NULL condition reaches it.
fn or_deny(condition: Condition, p: &Protection, objects: &Objects) -> Expr {
    let arguments = [expr::oid(p.relation), expr::text(condition.dimension)];
    expr::or(
        condition.expr,
        expr::call(objects.deny, BOOLEAN, &arguments),
    )
}

/// Core computes generated columns anew where the statement itself names a column that they read.
pub fn refuse_generated(p: &Protection, label: &Column) -> Result<()> {
    let generated = generated_columns(p.relation);
    if !generated.iter().any(|(_, of)| of.contains(&label.attno)) {
        return Ok(());
    }
    Err(WardError::new(
        Code::Unsupported,
        format!(
            "labels in \"{}\" cannot be raised by the way: a generated column reads them",
            p.name
        ),
    )
    .hint("Assign the label column in the statement."))
}
