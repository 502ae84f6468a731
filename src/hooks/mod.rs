#![allow(unsafe_code, reason = "hook functions are C functions; SAFETY.md S5")]
#![allow(
    improper_ctypes_definitions,
    reason = "guarded helpers are called from Rust only"
)]
//! What PostgreSQL calls: one file per hook, no logic.
//!
//! Each hook has an outer function and guarded helpers. The outer function has no destructors and no
//! guard, so that an ERROR of the previous hook passes through it untouched (S5); the helpers turn
//! our own refusals into errors. Their order: cheap exit, typed view, feature, refusal, previous hook.

mod analyze;
mod authentication;
mod executor;
mod function;
mod log;
mod object_access;
mod planner;
mod relation_info;
mod utility;

use crate::audit;
use crate::errors::{Result, WardError};
use crate::guard::settings;
use crate::lineage::cascade;
use crate::pg::{slot, xact};
use crate::registry;
use crate::session::{self, disclosure};
use pgrx::pg_sys::panic::ErrorReport;

/// Installs every hook in front of those that are there already.
pub fn install() {
    planner::install();
    executor::install();
    function::install();
    relation_info::install();
    utility::install();
    object_access::install();
    analyze::install();
    authentication::install();
    log::install();
    xact::before_commit(|| {
        raise(cascade::refuse_unfinished());
        raise(settings::compare());
        audit::emit::flush_due();
    });
    slot::set_installed();
}

/// Has no hook anything to do: nothing is protected in this database, the session has no token, and
/// the statement's text holds none? Asked before the guarded helpers, which cost more than it does.
fn idle() -> bool {
    registry::is_idle() && !session::has_token() && !disclosure::is_needed()
}

/// Raises a refusal as an error; called inside guarded helpers only.
fn raise<T>(result: Result<T>) -> T {
    result.unwrap_or_else(|error: WardError| {
        ErrorReport::from(error).report(pgrx::PgLogLevel::ERROR);
        // Reporting at ERROR unwinds; this line only tells the compiler so.
        std::process::abort()
    })
}
