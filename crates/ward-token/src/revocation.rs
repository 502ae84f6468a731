//! Revocation: which names of a principal to look up. The list itself is the caller's.

use std::fmt;

use ward_core::Principal;

use crate::error::TokenError;

/// What was revoked.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub enum RevocationKind {
    /// One token, by its `jti`.
    Token,
    /// Everything of one subject.
    Subject,
    /// One session at the issuer, by its `sid`.
    Session,
}

impl RevocationKind {
    /// `token`, `subject` or `session`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Subject => "subject",
            Self::Session => "session",
        }
    }

    /// The kind with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Token, Self::Subject, Self::Session]
            .into_iter()
            .find(|kind| kind.name() == name)
    }
}

impl fmt::Display for RevocationKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Asks `is_revoked` about each name of the principal: its token, subject and session.
///
/// A token without `jti` can only be revoked by subject or session. The closure decides what an
/// entry covers, for instance only tokens issued before the revocation.
pub fn check_revoked(
    principal: &Principal,
    is_revoked: impl Fn(RevocationKind, &str) -> bool,
) -> Result<(), TokenError> {
    let names = [
        (RevocationKind::Token, principal.token_id.as_deref()),
        (RevocationKind::Subject, Some(principal.subject.as_str())),
        (RevocationKind::Session, principal.session_id.as_deref()),
    ];
    let revoked = names
        .into_iter()
        .find(|(kind, name)| name.is_some_and(|name| is_revoked(*kind, name)));
    match revoked {
        Some((kind, _)) => Err(TokenError::Revoked(kind)),
        None => Ok(()),
    }
}
