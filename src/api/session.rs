#![forbid(unsafe_code)]
//! The identity in force, as SQL sees it.

use super::label::LabelDatum;
use super::{Result, preloaded};
use crate::errors::{Code, WardError};
use crate::pg::{guc, xact};
use crate::session::{self, identity};
use pgrx::JsonB;
use pgrx::prelude::*;

/// Gives this session an identity and verifies it at once.
///
/// `scope` is `transaction` (until COMMIT or ROLLBACK; the default, and the only safe one behind a
/// transaction pooler) or `session`. The same as setting `ward.token`, but errors come here rather
/// than at the first protected statement. Pass the token as a bind parameter.
/// Errors: WD001–WD012 if it does not verify; WD033 if the identity may not change now; WD036.
#[pg_extern(volatile, parallel_unsafe)]
fn login(token: &str, scope: default!(&str, "'transaction'")) -> Result<()> {
    preloaded()?;
    let local = match scope {
        "transaction" => true,
        "session" => false,
        _ => Err(WardError::new(
            Code::Argument,
            "the scope must be transaction or session",
        ))?,
    };
    if local && !xact::in_block() {
        return Err(WardError::new(
            Code::Argument,
            "ward.login for a transaction was called outside one",
        )
        .hint("BEGIN first, or use ward.login(token, 'session').")
        .into());
    }
    guc::set_token(token, local);
    session::current()?;
    Ok(())
}

/// Takes the identity off this session. Error: WD033 if it may not change now.
#[pg_extern(volatile, parallel_unsafe)]
fn logout() -> Result<()> {
    preloaded()?;
    guc::set_token("", false);
    Ok(())
}

/// Who this session acts for: one row from the verified token.
///
/// Times are those of the claims `iat` and `exp`; `token` is the SHA-256 of the token, which
/// `ward.revoke('token', …)` accepts. Errors: WD000 without a token, WD001–WD012.
#[pg_extern(stable, parallel_safe)]
#[allow(
    clippy::type_complexity,
    reason = "a row type is spelt as a tuple in pgrx"
)]
fn session() -> Result<
    TableIterator<
        'static,
        (
            name!(issuer, String),
            name!(subject, String),
            name!(kind, String),
            name!(tenants, Vec<String>),
            name!(groups, Vec<String>),
            name!(clearance, LabelDatum),
            name!(issued_at, TimestampWithTimeZone),
            name!(expires_at, TimestampWithTimeZone),
            name!(token_id, Option<String>),
            name!(session_id, Option<String>),
            name!(token, String),
        ),
    >,
> {
    preloaded()?;
    let identity = session::current()?;
    let p = identity.principal();
    Ok(TableIterator::once((
        p.issuer.clone(),
        p.subject.clone(),
        p.kind.name().to_owned(),
        p.tenants.clone(),
        p.groups.clone(),
        LabelDatum::from(p.clearance),
        to_timestamp(p.issued_at as f64),
        to_timestamp(p.expires_at as f64),
        p.token_id.clone(),
        p.session_id.clone(),
        identity::hex(identity.hash()),
    )))
}

/// The tenant of the identity in force, as text.
///
/// Errors: WD000 without a token; WD014 if the token names no tenant or several.
#[pg_extern(stable, parallel_safe)]
fn tenant() -> Result<String> {
    preloaded()?;
    match session::current()?.principal().tenants.as_slice() {
        [only] => Ok(only.clone()),
        [] => Err(WardError::new(Code::Tenant, "the token names no tenant").into()),
        _ => Err(
            WardError::new(Code::Tenant, "the token names several tenants")
                .hint("Use ward.tenants(), or name the tenant.")
                .into(),
        ),
    }
}

/// All tenants of the identity in force. Error: WD000 without a token.
#[pg_extern(stable, parallel_safe)]
fn tenants() -> Result<Vec<String>> {
    preloaded()?;
    Ok(session::current()?.principal().tenants.clone())
}

/// The subject (`sub`) of the identity in force. Error: WD000 without a token.
#[pg_extern(stable, parallel_safe)]
fn subject() -> Result<String> {
    preloaded()?;
    Ok(session::current()?.principal().subject.clone())
}

/// The clearance of the identity in force: rows whose label it dominates are visible.
///
/// Error: WD000 without a token.
#[pg_extern(stable, parallel_safe)]
fn clearance() -> Result<LabelDatum> {
    preloaded()?;
    Ok(LabelDatum::from(session::current()?.principal().clearance))
}

/// One claim of the verified token by its dotted path (`realm_access.roles`), as jsonb; NULL if
/// the token has no such claim. A claim whose name itself holds dots is found by its whole name.
///
/// Error: WD000 without a token.
#[pg_extern(stable, parallel_safe)]
fn claim(path: &str) -> Result<Option<JsonB>> {
    preloaded()?;
    let identity = session::current()?;
    let claims: serde_json::Value = serde_json::from_str(&identity.principal().claims_json)
        .map_err(|_| WardError::new(Code::Malformed, "the token's claims cannot be read"))?;
    let whole = claims.get(path);
    let found = whole.or_else(|| {
        path.split('.')
            .try_fold(&claims, |value, name| value.get(name))
    });
    Ok(found.cloned().map(JsonB))
}
