//! The principal: who a verified token speaks for.

use std::fmt;

use crate::label::Label;

/// What kind of party a principal is.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PrincipalKind {
    /// A person.
    User,
    /// A program with its own identity: a job, a backend service.
    Service,
    /// A program that acts by itself, on behalf of somebody.
    Agent,
}

impl PrincipalKind {
    /// `user`, `service` or `agent`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Service => "service",
            Self::Agent => "agent",
        }
    }

    /// The kind with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::User, Self::Service, Self::Agent]
            .into_iter()
            .find(|kind| kind.name() == name)
    }
}

impl fmt::Display for PrincipalKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Who a token speaks for, and until when. Times are seconds since 1970-01-01 UTC.
///
/// A `Principal` by itself proves nothing: only `Verified<Principal>` was checked. `Debug` and
/// every message leave [`Principal::claims_json`] out.
#[derive(Clone, PartialEq, Eq)]
pub struct Principal {
    /// `iss`: the issuer that signed for it.
    pub issuer: String,
    /// Who it is, unique at the issuer (`sub`, or the claim the issuer's mapping names).
    pub subject: String,
    /// The tenants it belongs to, without repetition: none, one or several.
    pub tenants: Vec<String>,
    /// The groups it belongs to, without repetition.
    pub groups: Vec<String>,
    /// The application roles it has, without repetition. These are not database roles.
    pub roles: Vec<String>,
    /// The highest label it may see, already capped by what its issuer may grant.
    pub clearance: Label,
    /// Person, service or agent.
    pub kind: PrincipalKind,
    /// `jti`: the token's own name, if it has one.
    pub token_id: Option<String>,
    /// The session at the issuer (`sid`), if named.
    pub session_id: Option<String>,
    /// `iat`: when the token was issued.
    pub issued_at: i64,
    /// `nbf`: from when it holds, if said.
    pub not_before: Option<i64>,
    /// `exp`: from when it no longer holds.
    pub expires_at: i64,
    /// `acr`: how strongly the person was authenticated.
    pub acr: Option<String>,
    /// `amr`: by which means.
    pub amr: Vec<String>,
    /// `auth_time`: when the person last authenticated.
    pub auth_time: Option<i64>,
    /// Who acts for the subject (`act`, RFC 8693 §4.1), the party acting now first.
    pub actors: Vec<String>,
    /// All claims as the JSON text that was signed.
    pub claims_json: String,
}

impl Principal {
    /// The names under which a row can be shared with this principal: its subject and its groups.
    pub fn acl_names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.subject.as_str()).chain(self.groups.iter().map(String::as_str))
    }
}

impl fmt::Debug for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Principal")
            .field("issuer", &self.issuer)
            .field("subject", &self.subject)
            .field("tenants", &self.tenants)
            .field("clearance", &self.clearance)
            .field("kind", &self.kind)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}
