//! `needs_fmgr_hook`: keeps core from inlining SQL functions behind the pass.

use crate::pg::inline;
use crate::pg::slot::HookSlot;
use crate::registry;
use pgrx::pg_sys;

type NeedsFmgr = unsafe extern "C-unwind" fn(pg_sys::Oid) -> bool;

static PREVIOUS: HookSlot<NeedsFmgr> = HookSlot::new();

pub fn install() {
    // SAFETY: S1.
    unsafe { pg_sys::needs_fmgr_hook = PREVIOUS.chain(pg_sys::needs_fmgr_hook, needs_fmgr) };
}

unsafe extern "C-unwind" fn needs_fmgr(function: pg_sys::Oid) -> bool {
    // SAFETY: S5.
    unsafe { PREVIOUS.get().is_some_and(|previous| previous(function)) || keeps_call(function) }
}

/// Any doubt (an unreadable registry) keeps the call: it then runs through the planner hook.
#[pgrx::pg_guard]
unsafe extern "C-unwind" fn keeps_call(function: pg_sys::Oid) -> bool {
    !inline::permitted()
        && crate::pg::catalog::is_user_object(function)
        && crate::pg::xact::is_active()
        && registry::any().unwrap_or(true)
        && inline::is_candidate(function)
}
