#![forbid(unsafe_code)]
//! Trusting issuers, rotating keys, revoking.
//!
//! EXECUTE on these belongs to `ward_admin`; they run with the rights of the extension's owner.

use super::{Result, administering};
use crate::errors::{self, Code, WardError};
use crate::pg::{arguments, invalidate, spi};
use crate::registry;
use pgrx::prelude::*;
use pgrx::{JsonB, pg_sys};
use ward_token::{Issuer, RevocationKind};

/// Trusts an issuer of tokens, or replaces its definition.
///
/// `issuer` and `audience` are compared exactly with the claims `iss` and `aud` (RFC 7519 §4.1).
/// `jwks` is the issuer's key set (RFC 7517), public keys only. `claims` maps ward's notions to the
/// issuer's claims, `options` limits what it may assert; see docs/identity.md for both.
/// Errors: WD035 (42P17) naming the argument and the key that is wrong.
#[pg_extern(volatile, parallel_unsafe, security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn trust_issuer(
    issuer: &str,
    audience: &str,
    jwks: JsonB,
    claims: default!(JsonB, "'{}'"),
    options: default!(JsonB, "'{}'"),
) -> Result<()> {
    administering()?;
    define(issuer, audience, &jwks, &claims, &options)?;
    spi::run(
        "INSERT INTO ward_internal.issuer (issuer, audience, jwks, claims, options)
         VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (issuer) DO UPDATE SET audience = excluded.audience, jwks = excluded.jwks,
             claims = excluded.claims, options = excluded.options,
             changed_at = now(), changed_by = SESSION_USER",
        &[
            issuer.into(),
            audience.into(),
            jwks.into(),
            claims.into(),
            options.into(),
        ],
    )?;
    Ok(())
}

/// Replaces an issuer's key set; takes effect at the next statement of every session.
///
/// Errors: WD003 if the issuer is not trusted; WD035 (42P17) if the key set is not usable.
#[pg_extern(volatile, parallel_unsafe, security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn rotate_keys(issuer: &str, jwks: JsonB) -> Result<()> {
    administering()?;
    let stored = spi::row::<String, JsonB, JsonB>(
        "SELECT audience, claims, options FROM ward_internal.issuer WHERE issuer = $1 FOR UPDATE",
        &[issuer.into()],
    )?;
    let Some((audience, claims, options)) = stored else {
        return Ok(known(0, issuer)?);
    };
    define(issuer, &audience, &jwks, &claims, &options)?;
    spi::run(
        "UPDATE ward_internal.issuer SET jwks = $2, changed_at = now(), changed_by = SESSION_USER
         WHERE issuer = $1",
        &[issuer.into(), jwks.into()],
    )?;
    Ok(())
}

/// Stops trusting an issuer; its tokens are refused at the next statement of every session.
///
/// Error: WD003 if the issuer is not trusted.
#[pg_extern(volatile, parallel_unsafe, security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn distrust_issuer(issuer: &str) -> Result<()> {
    administering()?;
    let changed = spi::run(
        "DELETE FROM ward_internal.issuer WHERE issuer = $1",
        &[issuer.into()],
    )?;
    Ok(known(changed, issuer)?)
}

/// Refuses a token, a subject or a session from the next statement of every session on.
///
/// `kind` is `token` (its `jti`, or the SHA-256 of the whole token in lower-case hexadecimal),
/// `subject` (`sub`) or `session` (`sid`). `reason` is recorded. Revoking twice is not an error.
/// Error: WD036 (22023) for another kind, or an empty value or reason.
#[pg_extern(volatile, parallel_unsafe, security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn revoke(kind: &str, value: &str, reason: &str) -> Result<()> {
    administering()?;
    if RevocationKind::from_name(kind).is_none() {
        return Err(WardError::new(
            Code::Argument,
            format!("revocation kind \"{kind}\" is not known"),
        )
        .hint("Use token, subject or session.")
        .into());
    }
    if value.is_empty() || reason.trim().is_empty() {
        return Err(
            WardError::new(Code::Argument, "ward.revoke needs a value and a reason").into(),
        );
    }
    spi::run(
        "INSERT INTO ward_internal.revocation (kind, value, reason) VALUES ($1, $2, $3)
         ON CONFLICT (kind, value) DO UPDATE SET reason = excluded.reason",
        &[kind.into(), value.into(), reason.into()],
    )?;
    Ok(())
}

/// Announces a change of a registry table to every session.
#[pg_extern(sql = "
CREATE FUNCTION ward_internal.registry_changed() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', '@FUNCTION_NAME@';
")]
fn registry_changed(call: pg_sys::FunctionCallInfo) {
    if let Some(relation) = arguments::trigger_relation(call) {
        invalidate::announce_relation(relation);
    }
}

fn define(
    issuer: &str,
    audience: &str,
    jwks: &JsonB,
    claims: &JsonB,
    options: &JsonB,
) -> errors::Result<()> {
    let [jwks, claims, options] = [jwks, claims, options].map(|json| json.0.to_string());
    Issuer::define(
        issuer,
        audience,
        &jwks,
        &claims,
        &options,
        &registry::category,
    )
    .map(|_| ())
    .map_err(|error| WardError::new(Code::Definition, error.to_string()))
}

fn known(changed: usize, issuer: &str) -> errors::Result<()> {
    if changed > 0 {
        return Ok(());
    }
    Err(WardError::new(
        Code::Issuer,
        format!("issuer \"{issuer}\" is not trusted here"),
    )
    .hint("SELECT issuer FROM ward.issuers lists the trusted ones."))
}
