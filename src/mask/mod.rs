#![forbid(unsafe_code)]
//! Masked columns: whoever lacks the clearance sees what the mask's method makes of the value,
//! wherever the value could come out.
//!
//! Each table with masked columns is wrapped in a plain sub-select that computes the masks
//! (`pg/wrap.rs`), after the row conditions are in place, which see values as they are. So there is
//! no place in a statement to forget: conditions, joins, aggregates, whole rows and RETURNING read
//! what the sub-select gives. The planner pulls it up, and a session with the clearance pays nothing.
//!
//! - [`define`]: `ward.mask` and `ward.unmask`, and what is refused at definition;
//! - [`expression`]: from a method to the expression that stands for a column;
//! - [`uses`]: what the modes `deny`, `project`, `match` and the method `search_only` allow;
//! - [`key`]: the keys of `hash` and `tokenise`.

mod applied;
pub mod define;
mod expression;
pub mod key;
mod trace;
mod uses;

use crate::errors::{Code, Result, WardError};
use crate::pg::check;
use crate::pg::node::{Command, Query};
use crate::pg::target::Target;
use crate::pg::tree::{Levels, Walk};
use crate::pg::wrap::Wrap;
use crate::registry::{self, Objects};
use crate::session::{self, Identity};
use applied::Applied;
use std::rc::Rc;

/// Masks every protected relation that the query touches, in place. The row conditions are there
/// already.
///
/// Errors: WD031 for a use that a mask does not allow.
pub fn enforce(query: Query, identity: &Identity, objects: &Objects) -> Result<()> {
    let levels = Levels::detach(query, &|table| Ok(registry::protection(table)?.is_some()))?;
    let mut applied = Vec::with_capacity(levels.all().len());
    for level in levels.all() {
        applied.push(applied::find(level.query, identity)?);
    }
    if applied.iter().all(Vec::is_empty) {
        levels.attach();
        return trust_all(query);
    }
    if session::level::in_alter_table() {
        refuse_checking(&levels, &applied)?;
    }
    let mut wraps = Vec::new();
    for (level, masked) in levels.all().iter().zip(&applied) {
        for one in masked.iter().filter(|one| !one.is_target) {
            wraps.push((
                Wrap::new(level.query, one.index, one.protection.relation),
                Rc::clone(one),
            ));
        }
    }
    uses::settle(&levels, &applied, &mut wraps, objects)?;
    for (wrap, _) in &mut wraps {
        wrap.redirect();
    }
    levels.attach();
    for (level, masked) in levels.all().iter().zip(&applied) {
        trust_others(level.query, masked)?;
    }
    for (wrap, one) in wraps {
        one.set_done();
        if let Some(rte) = one.rte() {
            wrap.finish(rte, &|column, var| {
                expression::of(&one, column, var, objects)
            });
        }
    }
    for (level, masked) in levels.all().iter().zip(&applied) {
        for one in masked.iter().filter(|one| one.is_target) {
            enforce_target(level.query, one, objects)?;
        }
    }
    Ok(())
}

/// Lets every relation through the tripwire: none is masked for this session.
fn trust_all(query: Query) -> Result<()> {
    query.visit(&mut |level| trust_others(level, &[]))
}

/// Lets the relations of this level through the tripwire, but for those that are masked.
fn trust_others(level: Query, masked: &[Rc<Applied>]) -> Result<()> {
    for (index, rte) in level.rtes() {
        if let Some(table) = rte.table()
            && registry::protection(table)?.is_some()
            && !masked.iter().any(|one| one.index == index)
        {
            rte.set_mark(check::mark(check::Stage::Masks));
        }
    }
    Ok(())
}

/// ALTER TABLE checks a new foreign key by a query: over masks it would accept rows that refer to
/// nothing, and refuse others.
fn refuse_checking(levels: &Levels, applied: &[Vec<Rc<Applied>>]) -> Result<()> {
    for (level, masked) in levels.all().iter().zip(applied) {
        let mut checked = None;
        level.query.walk(true, &mut |node, depth| {
            if let Some(var) = node.as_variable()
                && var.level() == depth
            {
                let own = masked.iter().find(|one| one.index == var.index());
                checked = checked.or_else(|| own.filter(|one| one.mask_of(var.column()).is_some()));
            }
            Walk::Into
        });
        if let Some(one) = checked {
            return Err(refusal(
                one,
                "ALTER TABLE cannot check masked columns in this session",
            )
            .hint("Use a session with the clearance, or maintenance."));
        }
    }
    Ok(())
}

fn enforce_target(level: Query, one: &Applied, objects: &Objects) -> Result<()> {
    refuse_overwriting(level, one, objects)?;
    let target = Target::new(level, one.index, one.protection.relation);
    if level.mixes_conditions() && target.is_filtered_by(&|column| one.mask_of(column).is_some()) {
        return Err(refusal(
            one,
            "rows cannot be written through a security_barrier view that reads a masked column",
        )
        .hint("Write to the table itself, or to a view without such a condition."));
    }
    let stored = target.replace(
        &|node, depth| uses::is_clear_on_target(one, node, depth),
        &|column, var| expression::of(one, column, var, objects),
    );
    if stored {
        return Err(
            refusal(one, "a value computed from a masked column would be stored")
                .hint("Assign values that do not read it, or use a session with the clearance."),
        );
    }
    one.set_done();
    Ok(())
}

/// A client that read a mask must not write it back over the value (object mappers write back every
/// column they have read). A search-only column reads as NULL, so that there only NULL is refused.
fn refuse_overwriting(level: Query, one: &Applied, objects: &Objects) -> Result<()> {
    let mut lists = Vec::new();
    match level.command() {
        Command::Update => lists.push(level.targets()),
        Command::Insert => lists.extend(level.conflict_targets()),
        Command::Merge => lists.extend(
            level
                .merge_actions()
                .filter(|(action, _)| *action == Command::Update)
                .map(|(_, targets)| targets),
        ),
        _ => {}
    }
    for targets in lists {
        for owner in one.sparing() {
            if targets.assigns(owner.column.attno) {
                return Err(refusal(
                    one,
                    &format!(
                        "column \"{}\" says who sees a masked column, and cannot be changed by this session",
                        owner.column.name
                    ),
                )
                .hint("Use a session with the clearance."));
            }
        }
        for mask in one.masks() {
            let column = &mask.column;
            let assigned = targets.map(column.attno, |value| {
                if mask.method.is_search_only() {
                    expression::refusing_null(value, one, mask, objects)
                } else {
                    value
                }
            });
            if assigned && !mask.method.is_search_only() {
                return Err(refusal(
                    one,
                    &format!(
                        "column \"{}\" is masked to this session and cannot be overwritten",
                        column.name
                    ),
                )
                .hint(
                    "Leave the column out of the statement: what was read of it is not its value.",
                ));
            }
        }
    }
    Ok(())
}

fn refusal(one: &Applied, what: &str) -> WardError {
    WardError::new(
        Code::Mask,
        format!("{what} (table \"{}\")", one.protection.name),
    )
}

/// The refusal that [`expression::refusing_null`] raises (WD031).
pub fn null_refusal(relation: &str, column: &str) -> WardError {
    WardError::new(
        Code::Mask,
        format!(
            "search-only column \"{column}\" of \"{relation}\" cannot be overwritten with NULL"
        ),
    )
    .hint("It reads as NULL: leave it out of the statement, or store a new vector.")
}
