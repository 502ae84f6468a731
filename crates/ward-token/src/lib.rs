//! Verification of JSON Web Tokens: a token, an issuer's keys and the time go in, a
//! [`Verified`]`<`[`Principal`]`>` or a [`TokenError`] comes out.
//!
//! No clock, no network, no randomness: the caller passes the time and the key set. Standards:
//! RFC 7515 (JWS), 7517 (JWK), 7518 (algorithms), 7519 (JWT), 8037 (EdDSA), 8725 (best practice),
//! 9068 (access tokens), 8693 §4.1 (`act`).
//!
//! Wording: an *issuer* signs tokens; *trusting* one means storing its name, audience, keys, claim
//! mapping and options, which [`Issuer::define`] checks. A *claim path* says where in the token a
//! fact stands.
//!
//! Start reading at [`verify`].
#![forbid(unsafe_code)]
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        reason = "a test fails by panicking"
    )
)]

mod alg;
mod claims;
mod error;
mod header;
mod issuer;
mod json;
mod jwks;
mod mapping;
mod options;
pub mod redact;
mod revocation;
mod shape;
#[cfg(test)]
mod vectors;
mod verify;
mod weak;

pub use alg::Alg;
pub use error::{DefineError, JsonError, Part, TokenError};
pub use issuer::Issuer;
pub use revocation::{RevocationKind, check_revoked};
pub use shape::{MAX_TOKEN_BYTES, shape_check};
pub use verify::{UnverifiedToken, peek_issuer, recheck, verify};
pub use ward_core::{Label, Principal, PrincipalKind, ResolveCategory, Verified};
