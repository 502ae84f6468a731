#![forbid(unsafe_code)]
//! Who is asking: from the token in `ward.token` to a verified identity.
//!
//! - [`change`]: which texts the setting takes, and when the identity may change;
//! - [`identity`]: verification, its cache, and what is checked again at every statement;
//! - [`transaction`]: which identity the current transaction has written as;
//! - [`consulted`]: whether anybody asked for the identity while a statement was being planned;
//! - [`level`]: which statements are under way around the current one;
//! - [`disclosure`]: keeping tokens out of logs, errors and activity views.

mod change;
pub mod consulted;
pub mod disclosure;
pub mod identity;
pub mod level;
mod transaction;

pub use change::refuse_if_fixed;
pub use identity::{Identity, current};
pub use transaction::{check_writer, note_statement};

use crate::errors::{Code, Result, WardError};
use crate::pg::{Oid, catalog, guc, xact};
use crate::registry;
use std::rc::Rc;

/// On what ground a statement may touch protected relations.
pub enum Access {
    /// A verified identity: rows are filtered for it.
    Bound(Rc<Identity>),
    /// An administrator who gave a reason: rows are not filtered, and the use is recorded.
    Maintenance,
}

/// Defines the settings and listens to transactions; once, from `_PG_init`.
pub fn install() {
    guc::define_token(guc::TokenRules {
        check: change::check_token,
        assigned: change::token_assigned,
        summary: change::summary,
    });
    guc::define_maintenance(guc::MaintenanceRules {
        check: change::check_maintenance,
        assigned: change::ground_changed,
    });
    xact::watch(transaction::on_event);
    xact::watch(level::on_event);
    disclosure::install();
}

/// Has this session a token, verified or not?
#[inline]
pub fn has_token() -> bool {
    guc::token_hash().is_some()
}

/// On what ground may the current statement touch protected relations?
///
/// A token always wins over maintenance. Errors: WD000 without either, WD001–WD012 for a token
/// that does not verify.
pub fn access() -> Result<Access> {
    if has_token() {
        return identity::current().map(Access::Bound);
    }
    if guc::in_maintenance() {
        consulted::note();
        return Ok(Access::Maintenance);
    }
    Err(no_identity())
}

/// Refuses to write this table if it is a catalog or ward's registry, in a session with a token: a
/// superuser could write its way out.
///
/// Error: WD032.
pub fn refuse_catalog_write(table: Oid) -> Result<()> {
    if !has_token()
        || level::current().ward
        || (catalog::is_user_object(table) && !registry::is_own_table(table))
    {
        return Ok(());
    }
    Err(WardError::new(Code::Guarded, "catalogs cannot be written in a session with a token").hint(
        "Policy is not administered under an application's token: use a session without ward.token.",
    ))
}

/// The refusal of a session without a token (WD000).
pub fn no_identity() -> WardError {
    WardError::new(Code::NoIdentity, "this session has no verified identity").hint(
        "Set ward.token to a signed token: SELECT set_config('ward.token', $1, true) in the \
         transaction. Administrators can SET ward.maintenance = 'reason'.",
    )
}
