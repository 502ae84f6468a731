#![forbid(unsafe_code)]
//! Row conditions and checks of one query level.
//!
//! The single authority on rows: for every protected relation it removes what the catalog policies
//! contributed and puts the identity's conditions there instead. So it makes no difference whether
//! core applied row security or skipped it (BYPASSRLS, table owner, owner-rights views).

use super::{predicate, write};
use crate::errors::{Code, Result, WardError};
use crate::pg::Oid;
use crate::pg::check;
use crate::pg::expr;
use crate::pg::node::{Command, Expr, Query, Verdict};
use crate::registry::{self, Objects, Protection};
use crate::session::Identity;

/// Enforces the protections of `level`'s own entries, in place.
///
/// Errors: WD014 if the identity does not fit a relation; WD040.
pub fn enforce(level: Query, identity: &Identity, objects: &Objects) -> Result<()> {
    for (index, rte) in level.rtes() {
        let Some(p) = rte.table().map_or(Ok(None), registry::protection)? else {
            continue;
        };
        let is_target = index == level.result_index();
        let wards_own = |function, call| wards_own(function, call, &p, objects);
        rte.settle_security_quals(&wards_own);
        if is_target {
            refuse_out_of_step(&p)?;
            level.settle_checks(&wards_own);
            write::enforce(level, &p, identity, objects, index)?;
        }
        if !(is_target && level.command() == Command::Insert) {
            let changes = is_target && matches!(level.command(), Command::Update | Command::Delete);
            let conditions = if changes || level.locks_rows_of(index) {
                predicate::writable(&p, identity, objects, index)?
            } else {
                predicate::readable(&p, identity, objects, index)?
            };
            let terms: Vec<_> = conditions
                .into_iter()
                .map(|condition| condition.expr)
                .collect();
            // One condition, not one per dimension: core gives each its own security level, and
            // beyond the first level an operator that is not leakproof cannot use an index.
            rte.prepend_security_qual(expr::and(&terms));
        }
        rte.set_mark(check::mark(check::Stage::Rows));
    }
    Ok(())
}

/// Without its triggers a derived row would not follow its sources.
fn refuse_out_of_step(p: &Protection) -> Result<()> {
    if !p.is_recording {
        return Err(WardError::new(
            Code::Audit,
            format!(
                "the trigger that records changed rows of \"{}\" is missing or disabled",
                p.name
            ),
        )
        .hint("An administrator can run ward.protect() again."));
    }
    if p.in_step {
        return Ok(());
    }
    Err(WardError::new(
        Code::Registry,
        format!(
            "a trigger that keeps rows derived from or into \"{}\" in step is missing, disabled or not the last",
            p.name
        ),
    )
    .hint("An administrator can run ward.derive() again; ward.doctor() names the table."))
}

/// What ward's catalog policies contributed: the conditions of the pass replace it.
fn wards_own(function: Oid, call: Expr, p: &Protection, objects: &Objects) -> Verdict {
    if function == objects.may_read || function == objects.may_write {
        return Verdict::Drop;
    }
    match call.oid_argument(0) {
        Some(relation) if function == objects.permit && relation == p.relation => {
            if p.permits {
                Verdict::Drop
            } else {
                Verdict::Never
            }
        }
        _ => Verdict::Keep,
    }
}
