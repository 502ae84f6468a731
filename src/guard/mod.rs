#![forbid(unsafe_code)]
//! Statements that ward refuses or watches.
//!
//! Row security says who may see a row; the guard keeps the definition of a protected relation from
//! being turned against it. Two rules:
//!
//! - what could take the protection off a relation, destroy other tenants' rows or run its author's
//!   code over them belongs to *administrators*: members of `ward_admin` in a session without a
//!   token ([`definition`], [`alter`], [`family`], [`objects`]);
//! - a session with a token keeps its database role and gets no functions that reach past the
//!   tables ([`statement`], [`functions`]).
//!
//! `docs/guard.md` lists both in full.

mod alter;
mod definition;
mod family;
mod functions;
mod immutable;
mod objects;
pub mod record;
mod rename;
pub mod settings;
mod statement;

pub use objects::inspect as inspect_access;
pub use statement::{Started, finish, inspect};

use crate::errors::{Code, WardError};
use crate::pg::expr::Column;
use crate::pg::{access, catalog, copy, invalidate, xact};
use crate::registry::{self, Protection};
use crate::session::{self, level};

/// Listens to transactions and to changed functions; once, from `_PG_init`.
pub fn install() {
    xact::watch(family::on_event);
    xact::watch(copy::on_event);
    xact::watch(record::on_event);
    xact::watch(settings::on_event);
    invalidate::watch_functions(functions::forget);
}

/// May this session define and alter protected relations?
///
/// Superusers are members of every role. A token takes the right away: policy is not administered
/// on behalf of an application's user.
fn is_administrator() -> bool {
    if session::has_token() {
        return false;
    }
    let user = catalog::current_user();
    access::is_superuser(user)
        || registry::objects().is_ok_and(|objects| {
            objects
                .and_then(|objects| objects.admin)
                .is_some_and(|admin| catalog::has_privileges_of(user, admin))
        })
}

/// Is ward itself at work (its own DDL, or the script of its extension)?
fn is_ward() -> bool {
    level::current().ward || access::in_ward_script()
}

/// The columns that a relation is protected by, those that derivations find rows by, those that are
/// masked, and those that lift a mask.
fn columns(p: &Protection) -> impl Iterator<Item = &Column> {
    let masks = p.masks.iter();
    let keys = p.keys.iter().map(|key| &key.column);
    p.columns().chain(keys).chain(masks.flat_map(|mask| {
        let owner = mask.unless_owner.as_ref().map(|owner| &owner.column);
        owner.into_iter().chain([&mask.column])
    }))
}

/// The refusal of a statement that only an administrator may run (WD032).
fn reserved(what: &str, p: &Protection) -> WardError {
    WardError::new(
        Code::Guarded,
        format!(
            "{what} protected relation \"{}\" is reserved to administrators",
            p.name
        ),
    )
    .hint(administrator_hint())
}

fn administrator_hint() -> &'static str {
    if session::has_token() {
        "Policy is not administered under an application's token: use a session without ward.token."
    } else {
        "A member of the role ward_admin can do it."
    }
}
