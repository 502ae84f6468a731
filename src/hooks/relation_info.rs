//! `get_relation_info_hook`: the tripwire. A protected relation that is planned without having
//! passed through the pass is an error, whichever new path led there.

use super::raise;
use crate::errors::{Code, Result, WardError};
use crate::pg::check::{self, Stage};
use crate::pg::slot::HookSlot;
use crate::registry;
use pgrx::pg_sys::{self, Oid};

type RelationInfo =
    unsafe extern "C-unwind" fn(*mut pg_sys::PlannerInfo, Oid, bool, *mut pg_sys::RelOptInfo);

static PREVIOUS: HookSlot<RelationInfo> = HookSlot::new();

pub fn install() {
    // SAFETY: S1.
    unsafe {
        pg_sys::get_relation_info_hook =
            PREVIOUS.chain(pg_sys::get_relation_info_hook, relation_info);
    }
}

unsafe extern "C-unwind" fn relation_info(
    root: *mut pg_sys::PlannerInfo,
    relation: Oid,
    is_parent: bool,
    info: *mut pg_sys::RelOptInfo,
) {
    // SAFETY: S5.
    unsafe {
        if !super::idle() {
            inspect(root, relation, info);
        }
        if let Some(previous) = PREVIOUS.get() {
            previous(root, relation, is_parent, info);
        }
    }
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn inspect(
    root: *mut pg_sys::PlannerInfo,
    relation: Oid,
    info: *mut pg_sys::RelOptInfo,
) {
    // SAFETY: S2; core passes live planner structures.
    raise(refuse_unmarked(relation, || unsafe {
        check::stage(root, info)
    }));
}

fn refuse_unmarked(relation: Oid, stage: impl FnOnce() -> Option<Stage>) -> Result<()> {
    if !crate::pg::catalog::is_user_object(relation) {
        return Ok(());
    }
    let Some(p) = registry::protection(relation)? else {
        return Ok(());
    };
    let code = match stage() {
        Some(Stage::Masks) => return Ok(()),
        Some(Stage::Rows) if p.masks.is_empty() => return Ok(()),
        Some(Stage::Rows) => Code::Mask,
        None => Code::Guarded,
    };
    Err(WardError::new(
        code,
        format!(
            "protected relation \"{}\" was reached by a path that ward does not know",
            p.name
        ),
    )
    .hint("Please report the statement: it was refused rather than answered unprotected."))
}
