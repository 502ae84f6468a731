//! `post_parse_analyze_hook`: the first point at which a statement's text can be masked.

use crate::audit::who;
use crate::pg::net;
use crate::pg::slot::HookSlot;
use crate::pg::xact;
use crate::session::{disclosure, identity};
use pgrx::pg_sys;

type Analyze = unsafe extern "C-unwind" fn(
    *mut pg_sys::ParseState,
    *mut pg_sys::Query,
    *mut pg_sys::JumbleState,
);

static PREVIOUS: HookSlot<Analyze> = HookSlot::new();

pub fn install() {
    // SAFETY: S1.
    unsafe {
        pg_sys::post_parse_analyze_hook = PREVIOUS.chain(pg_sys::post_parse_analyze_hook, analyze);
    }
}

unsafe extern "C-unwind" fn analyze(
    state: *mut pg_sys::ParseState,
    query: *mut pg_sys::Query,
    jumble: *mut pg_sys::JumbleState,
) {
    // SAFETY: S5.
    unsafe {
        net::spread();
        if !who::knows_role() || !who::knows_actor() || disclosure::is_needed() {
            before();
        }
        if let Some(previous) = PREVIOUS.get() {
            previous(state, query, jumble);
        }
    }
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn before() {
    // Whoever is refused from here on is named by the audit.
    // A transaction that has failed reads no catalog.
    if xact::is_active() {
        who::learn_role();
        identity::introduce();
    }
    disclosure::hide();
}
