//! The way of a token: shape, header, claims read, issuer, key, signature, claims checked.

use ward_core::{Principal, ResolveCategory, Verified};

use crate::claims::{self, Claims};
use crate::error::{Part, TokenError};
use crate::header::Header;
use crate::issuer::Issuer;
use crate::json;
use crate::shape::{self, Parts, base64url};

/// A token that was read but not checked. All it can be used for is to find its issuer.
pub struct UnverifiedToken<'t> {
    parts: Parts<'t>,
    header: Header,
    signature: Vec<u8>,
    payload: String,
    claims: Claims,
    issuer: String,
}

impl<'t> UnverifiedToken<'t> {
    /// Reads a token: shape, encoding, JSON, header members, presence of `iss`.
    pub fn parse(token: &'t str) -> Result<Self, TokenError> {
        let parts = shape::split(token)?;
        let header = Header::parse(&decode(parts.header, Part::Header)?)?;
        let signature = decode(parts.signature, Part::Signature)?;
        let not_utf8 = |_| TokenError::Json(Part::Payload, crate::error::JsonError::Syntax);
        let payload = String::from_utf8(decode(parts.payload, Part::Payload)?).map_err(not_utf8)?;
        let claims = json::object(payload.as_bytes(), json::TOKEN)
            .map_err(|problem| TokenError::Json(Part::Payload, problem))?;
        let issuer = match claims.get("iss").and_then(|iss| iss.as_str()) {
            Some(iss) if !iss.is_empty() => iss.to_owned(),
            _ => return Err(TokenError::IssuerMissing),
        };
        Ok(Self {
            parts,
            header,
            signature,
            payload,
            claims,
            issuer,
        })
    }

    /// What the token says its issuer is. Anybody can write this: use it to look the issuer up,
    /// and for nothing else.
    pub fn claimed_issuer(&self) -> &str {
        &self.issuer
    }

    /// Checks everything and makes the principal. `now` in seconds since 1970-01-01 UTC.
    pub fn verify(
        self,
        issuer: &Issuer,
        now: i64,
        resolve_category: ResolveCategory<'_>,
    ) -> Result<Verified<Principal>, TokenError> {
        if self.issuer != issuer.name {
            return Err(TokenError::IssuerMismatch);
        }
        let alg = self.header.alg;
        if !issuer.options.algs.contains(&alg) {
            return Err(TokenError::AlgRefused(alg.name().to_owned()));
        }
        self.check_type(issuer)?;
        let key = issuer.keys.select(alg, self.header.kid.as_deref())?;
        key.verify_sig(self.parts.signed.as_bytes(), &self.signature)
            .map_err(|_| TokenError::Signature)?;
        let principal =
            claims::principal(&self.claims, &self.payload, issuer, now, resolve_category)?;
        Ok(Verified::assert_checked(principal))
    }

    fn check_type(&self, issuer: &Issuer) -> Result<(), TokenError> {
        let accepted = match &self.header.typ {
            None => issuer.options.accept_absent_type,
            Some(typ) => issuer.options.types.contains(typ),
        };
        if accepted {
            return Ok(());
        }
        let typ = self.header.typ.clone();
        Err(TokenError::TypeRefused(
            typ.unwrap_or_else(|| "absent".to_owned()),
        ))
    }
}

/// The issuer a token claims to be from, for looking it up. Nothing is proven.
pub fn peek_issuer(token: &str) -> Result<String, TokenError> {
    UnverifiedToken::parse(token).map(|token| token.issuer)
}

/// Verifies a token of this issuer at this time (seconds since 1970-01-01 UTC).
///
/// `resolve_category` maps names of custom categories in the clearance claim to their numbers.
pub fn verify(
    token: &str,
    issuer: &Issuer,
    now_unix: i64,
    resolve_category: ResolveCategory<'_>,
) -> Result<Verified<Principal>, TokenError> {
    UnverifiedToken::parse(token)?.verify(issuer, now_unix, resolve_category)
}

/// Checks again, at every use, what changes by itself: that the time has not run out.
///
/// `leeway_s` is [`Issuer::leeway`]. Whether the issuer is still trusted with the same keys and
/// whether something was revoked ([`crate::check_revoked`]) is for the caller to ask.
pub fn recheck(principal: &Principal, leeway_s: i64, now_unix: i64) -> Result<(), TokenError> {
    claims::still_valid(principal, leeway_s, now_unix)
}

fn decode(text: &str, part: Part) -> Result<Vec<u8>, TokenError> {
    base64url(text).ok_or(TokenError::Encoding(part))
}
