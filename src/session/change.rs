#![forbid(unsafe_code)]
//! Which values `ward.token` and `ward.maintenance` take, and when the identity may change.

use super::{consulted, identity};
use crate::errors::{Code, Result, WardError};
use crate::pg::guc::{self, Source, TokenHash};
use crate::pg::{self, catalog, invalidate, portal, xact};
use sha2::{Digest, Sha256};
use std::cell::Cell;

/// The database roles a token was set under: (login role, role chosen with SET ROLE).
type Roles = (pg::Oid, pg::Oid);

/// On what ground plans are made.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ground {
    /// None: protected relations cannot be planned.
    Nothing,
    Token(TokenHash),
    Maintenance,
}

thread_local! {
    /// The ground on which the plans that are still cached were made.
    static PLANNED_ON: Cell<Ground> = const { Cell::new(Ground::Nothing) };
    static ROLES: Cell<Option<Roles>> = const { Cell::new(None) };
}

/// The rule for a new value of `ward.token`. The text is only looked at, not yet verified:
/// verification reads tables, which a setting's check may not.
pub fn check_token(raw: &[u8], source: Source) -> Result<Option<TokenHash>> {
    let hash = if raw.is_empty() {
        None
    } else {
        Some(accept(raw, source)?)
    };
    if source == Source::Session && hash != guc::token_hash() {
        refuse_if_fixed()?;
    }
    Ok(hash)
}

fn accept(raw: &[u8], source: Source) -> Result<TokenHash> {
    match source {
        Source::Worker => {}
        Source::Session | Source::Connection => {
            ward_token::shape_check(std::str::from_utf8(raw).unwrap_or_default())?;
        }
        Source::Role | Source::Trial | Source::Stored => {
            return Err(WardError::new(
                Code::Argument,
                "ward.token can only be given by the session itself",
            )
            .hint(
                "Use SET LOCAL, set_config() or a connection option; not ALTER ROLE, ALTER \
                 DATABASE, CREATE FUNCTION … SET or postgresql.conf.",
            ));
        }
    }
    Ok(Sha256::digest(raw).into())
}

/// Refuses to change the identity where rows of two identities could mix (WD033): while a query
/// that depends on it is open, and after a write in the same transaction (deferred triggers and
/// constraints would run for the wrong one).
pub fn refuse_if_fixed() -> Result<()> {
    if !xact::is_active() {
        return Ok(());
    }
    let reason = if xact::has_written() {
        "the identity cannot change in a transaction that has written"
    } else if portal::any_live() {
        "the identity cannot change while a query that depends on it is open"
    } else if xact::has_ready_portals() {
        "the identity cannot change while a cursor or portal is open"
    } else {
        return Ok(());
    };
    Err(WardError::new(Code::IdentityChange, reason)
        .hint("Change the identity at the start of a transaction."))
}

/// Learns that another token is in force, or none. Runs inside commits and aborts.
pub fn token_assigned(hash: Option<TokenHash>) {
    if hash.is_some() && !pg::in_parallel_worker() {
        ROLES.set(Some(catalog::session_roles()));
    }
    ground_changed();
}

/// Drops the plans that were made on another ground than the one now in force.
///
/// Losing the ground drops only plans that may be evaluated without being started: without one any
/// other is refused anyway, and a pooler that sets the same token again for each transaction keeps
/// its plans.
pub fn ground_changed() {
    let ground = match guc::token_hash() {
        Some(hash) => Ground::Token(hash),
        None if guc::in_maintenance() => Ground::Maintenance,
        None => {
            if consulted::take_folded() {
                invalidate::forget_identity_plans();
            }
            return;
        }
    };
    if !pg::in_parallel_worker() && PLANNED_ON.replace(ground) != ground {
        invalidate::forget_identity_plans();
    }
}

/// Has the database role changed since the token was set?
///
/// `set_config('role', …)` passes no utility statement, so it is noticed at the next statement.
pub fn role_changed() -> bool {
    guc::token_hash().is_some()
        && ROLES
            .get()
            .is_some_and(|roles| roles != catalog::session_roles())
}

/// What SHOW prints instead of the token: enough to tell two tokens apart, useless to replay.
pub fn summary(hash: Option<TokenHash>) -> String {
    match hash {
        None => String::new(),
        Some(hash) => format!("<token {}>", short(&hash)),
    }
}

/// The first 8 bytes of a token's hash, in hexadecimal.
pub fn short(hash: &TokenHash) -> String {
    let mut text = identity::hex(hash);
    text.truncate(16);
    text
}

/// The rule for `ward.maintenance`: a reason of at most 200 characters, chosen by the session or
/// stored for one role; never for a whole database or server, where applications would get it.
pub fn check_maintenance(raw: &[u8], source: Source) -> Result<()> {
    if raw.is_empty() {
        return Ok(());
    }
    if source == Source::Stored {
        return Err(WardError::new(
            Code::Argument,
            "ward.maintenance cannot be set for a database or a server",
        )
        .hint("Use SET, a connection option, or ALTER ROLE … SET for an administrator's role."));
    }
    let text = std::str::from_utf8(raw).unwrap_or_default();
    if text.trim().is_empty() || text.chars().count() > 200 || text.chars().any(char::is_control) {
        return Err(WardError::new(
            Code::Argument,
            "ward.maintenance must be a reason of 1 to 200 printable characters",
        ));
    }
    Ok(())
}
