//! Why a token or a definition is refused: one variant per cause.
//!
//! Messages never hold token material or values of claims. What they may show is the name of a
//! claim, an algorithm, a key or a type, shortened and with anything unusual replaced.

use std::fmt;

use crate::alg::Alg;
use crate::revocation::RevocationKind;

/// A part of a token.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// The first part.
    Header,
    /// The second part.
    Payload,
    /// The third part.
    Signature,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Header => "header",
            Self::Payload => "payload",
            Self::Signature => "signature",
        })
    }
}

/// Why a text is not the JSON object that is needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JsonError {
    /// Not JSON.
    Syntax,
    /// JSON, but not an object.
    NotObject,
    /// This member appears twice in one object.
    Duplicate(String),
    /// Too many arrays or objects within each other.
    TooDeep,
    /// Too many values.
    TooMany,
    /// A string or a member name is too long.
    TooLong,
    /// A string has a NUL character.
    Nul,
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax => f.write_str("is not valid JSON"),
            Self::NotObject => f.write_str("is not a JSON object"),
            Self::Duplicate(name) => write!(f, "has the member {} twice", quote(name)),
            Self::TooDeep => f.write_str("is nested too deeply"),
            Self::TooMany => f.write_str("has too many values"),
            Self::TooLong => f.write_str("has a string that is too long"),
            Self::Nul => f.write_str("has a NUL character in a string"),
        }
    }
}

/// Why a token is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum TokenError {
    /// More than 16 KiB.
    TooLarge,
    /// Not three non-empty parts with dots between.
    NotThreeParts,
    /// This part is not unpadded base64url.
    Encoding(Part),
    /// The header does not begin with `{"`, as every token's does.
    Beginning,
    /// This part is not the JSON that is needed.
    Json(Part, JsonError),
    /// The header has a member that would change how the token is read.
    HeaderMember(&'static str),
    /// A claim that must be there is not.
    ClaimMissing(String),
    /// A claim is not of the form it must have.
    ClaimForm {
        /// The claim.
        claim: String,
        /// What it must be.
        expected: &'static str,
    },
    /// The issuer left the claim out because it was too large, and offers it elsewhere.
    ClaimElsewhere(String),
    /// The header names no algorithm.
    AlgMissing,
    /// The algorithm is not one the issuer may use.
    AlgRefused(String),
    /// There is no `iss`, or it is not one string.
    IssuerMissing,
    /// `iss` is not the issuer whose keys are used.
    IssuerMismatch,
    /// The key name in the header is not a short printable text.
    KidForm,
    /// The issuer has no key of this name.
    KeyUnknown(String),
    /// The token names no key and not exactly one would fit.
    KeyAmbiguous,
    /// The key of this name does not go with the algorithm.
    KeyMismatch {
        /// The name.
        kid: String,
        /// The algorithm.
        alg: Alg,
    },
    /// The key of this name is not for verifying signatures.
    KeyNotForSignatures(String),
    /// The header tries to bring its own key.
    KeyInHeader(&'static str),
    /// The signature does not fit.
    Signature,
    /// `typ` says it is another kind of token.
    TypeRefused(String),
    /// It is an event or logout token, not an identity.
    EventToken,
    /// The issuer may not assert this kind of principal.
    KindRefused,
    /// There is no `aud`, or it is neither a string nor a list of strings.
    AudienceMissing,
    /// The token is for somebody else.
    AudienceMismatch,
    /// The token is for others as well, and the issuer's options forbid that.
    AudienceNotSole,
    /// It is past `exp`.
    Expired,
    /// It is before `nbf`.
    NotYetValid,
    /// `iat` lies in the future.
    IssuedInFuture,
    /// `exp` is not after `iat`.
    NoLifetime,
    /// It lives longer than allowed; the limit in seconds.
    LifetimeTooLong(i64),
    /// It was revoked.
    Revoked(RevocationKind),
    /// It is bound to a key or certificate (`cnf`), so it is no bearer token.
    Bound,
    /// A tenant is named that the issuer may not assert.
    TenantRefused,
    /// The actor chain (`act`) is malformed or too long.
    Delegation,
    /// The clearance is not a label.
    Clearance,
}

impl TokenError {
    /// The stable code of the error, `WD001` …
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLarge
            | Self::NotThreeParts
            | Self::Encoding(_)
            | Self::Beginning
            | Self::Json(..)
            | Self::HeaderMember(_)
            | Self::ClaimMissing(_)
            | Self::ClaimForm { .. }
            | Self::ClaimElsewhere(_) => "WD001",
            Self::AlgMissing | Self::AlgRefused(_) => "WD002",
            Self::IssuerMissing | Self::IssuerMismatch => "WD003",
            Self::KidForm
            | Self::KeyUnknown(_)
            | Self::KeyAmbiguous
            | Self::KeyMismatch { .. }
            | Self::KeyNotForSignatures(_)
            | Self::KeyInHeader(_) => "WD004",
            Self::Signature => "WD005",
            Self::TypeRefused(_) | Self::EventToken | Self::KindRefused => "WD006",
            Self::AudienceMissing | Self::AudienceMismatch | Self::AudienceNotSole => "WD007",
            Self::Expired => "WD008",
            Self::NotYetValid | Self::IssuedInFuture => "WD009",
            Self::NoLifetime | Self::LifetimeTooLong(_) => "WD010",
            Self::Revoked(_) => "WD012",
            Self::Bound => "WD013",
            Self::TenantRefused => "WD014",
            Self::Delegation => "WD015",
            Self::Clearance => "WD030",
        }
    }

    /// What to do about it.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::TooLarge => "have the issuer leave claims out; the limit is 16384 bytes",
            Self::NotThreeParts | Self::Encoding(_) | Self::Beginning | Self::Json(..) => {
                "pass the token exactly as issued: compact form, no \"Bearer\", no quotes or spaces"
            }
            Self::HeaderMember(_) => "have the issuer sign plain compact tokens",
            Self::ClaimMissing(_) | Self::ClaimForm { .. } => {
                "have the issuer correct the claim, or correct the claim mapping of the issuer"
            }
            Self::ClaimElsewhere(_) => "have the issuer put fewer entries into the token",
            Self::AlgMissing | Self::AlgRefused(_) => {
                "have the issuer sign with an algorithm in its option \"algs\"; none and HMAC are \
                 never accepted"
            }
            Self::IssuerMissing | Self::IssuerMismatch => {
                "trust the issuer under exactly the name it puts into \"iss\""
            }
            Self::KidForm => "have the issuer use short, printable key names",
            Self::KeyUnknown(_) | Self::KeyAmbiguous => {
                "load the issuer's current key set with ward.rotate_keys"
            }
            Self::KeyMismatch { .. } | Self::KeyNotForSignatures(_) => {
                "check \"kty\", \"crv\", \"use\", \"key_ops\" and \"alg\" of the key in the key set"
            }
            Self::KeyInHeader(_) => "have the issuer name its key by \"kid\" only",
            Self::Signature => {
                "get a new token; if all fail, load the issuer's current key set with \
                 ward.rotate_keys"
            }
            Self::TypeRefused(_) => {
                "pass an access token, or name its type in the issuer's option \"types\""
            }
            Self::EventToken => "pass an access token",
            Self::KindRefused => "name the kind in the issuer's option \"kinds\"",
            Self::AudienceMissing | Self::AudienceMismatch => {
                "request a token for the audience this database was given for the issuer"
            }
            Self::AudienceNotSole => "request a token for this database alone",
            Self::Expired => "get a new token",
            Self::NotYetValid | Self::IssuedInFuture => {
                "compare the clocks of issuer and database, or wait"
            }
            Self::NoLifetime => "have the issuer put a later \"exp\" than \"iat\"",
            Self::LifetimeTooLong(_) => {
                "have the issuer make shorter-lived tokens, or raise \"max_ttl_s\" or \
                 \"max_agent_ttl_s\" of the issuer"
            }
            Self::Revoked(_) => "sign in again, or ask an administrator why it was revoked",
            Self::Bound => "request a bearer token; bound tokens are not accepted",
            Self::TenantRefused => "name the tenant in the issuer's option \"tenants\"",
            Self::Delegation => {
                "have the issuer write \"act\" as in RFC 8693 section 4.1, at most 4 deep"
            }
            Self::Clearance => "have the issuer write a label such as confidential{pii}",
        }
    }

    /// What is wrong, without the hint.
    pub fn problem(&self) -> String {
        struct Problem<'a>(&'a TokenError);
        impl fmt::Display for Problem<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.write_problem(f)
            }
        }
        Problem(self).to_string()
    }

    fn write_problem(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge => f.write_str("the token is too large"),
            Self::NotThreeParts => f.write_str("the token has not three parts"),
            Self::Encoding(part) => write!(f, "the {part} of the token is not base64url"),
            Self::Beginning => f.write_str("the token does not begin with \"eyJ\", as tokens do"),
            Self::Json(part, problem) => write!(f, "the {part} of the token {problem}"),
            Self::HeaderMember(name) => {
                write!(
                    f,
                    "the header of the token has \"{name}\", which is not accepted"
                )
            }
            Self::ClaimMissing(claim) => write!(f, "the token has no claim {}", quote(claim)),
            Self::ClaimForm { claim, expected } => {
                write!(f, "the claim {} is not {expected}", quote(claim))
            }
            Self::ClaimElsewhere(claim) => write!(
                f,
                "the issuer left the claim {} out of the token because it was too large",
                quote(claim)
            ),
            Self::AlgMissing => f.write_str("the header of the token names no algorithm"),
            Self::AlgRefused(alg) => {
                write!(
                    f,
                    "the algorithm {} is not accepted from this issuer",
                    quote(alg)
                )
            }
            Self::IssuerMissing => f.write_str("the claim \"iss\" is missing or not one string"),
            Self::IssuerMismatch => f.write_str("the token is from another issuer"),
            Self::KidForm => f.write_str("\"kid\" is not 1 to 128 printable characters"),
            Self::KeyUnknown(kid) => write!(f, "the issuer has no key named {}", quote(kid)),
            Self::KeyAmbiguous => {
                f.write_str("the token names no key, and not exactly one of the issuer's keys fits")
            }
            Self::KeyMismatch { kid, alg } => {
                write!(f, "the key {} is not for the algorithm {alg}", quote(kid))
            }
            Self::KeyNotForSignatures(kid) => {
                write!(
                    f,
                    "the key {} is not one that verifies signatures",
                    quote(kid)
                )
            }
            Self::KeyInHeader(name) => {
                write!(
                    f,
                    "the header of the token brings its own key in \"{name}\""
                )
            }
            Self::Signature => f.write_str("the signature of the token is wrong"),
            Self::TypeRefused(typ) => {
                write!(f, "a token of the type {} is not accepted", quote(typ))
            }
            Self::EventToken => f.write_str("the token reports events and is no identity"),
            Self::KindRefused => f.write_str("the issuer may not assert this kind of principal"),
            Self::AudienceMissing => {
                f.write_str("the claim \"aud\" is missing or not a string or a list of strings")
            }
            Self::AudienceMismatch => f.write_str("the token is for another audience"),
            Self::AudienceNotSole => f.write_str("the token is for other audiences as well"),
            Self::Expired => f.write_str("the token has expired"),
            Self::NotYetValid => f.write_str("the token is not valid yet"),
            Self::IssuedInFuture => f.write_str("the token was issued in the future"),
            Self::NoLifetime => f.write_str("the token expires before it was issued"),
            Self::LifetimeTooLong(limit) => {
                write!(f, "the token lives longer than {limit} seconds")
            }
            Self::Revoked(kind) => write!(f, "the {kind} was revoked"),
            Self::Bound => f.write_str("the token is bound to a key (\"cnf\")"),
            Self::TenantRefused => {
                f.write_str("the token names a tenant that its issuer may not assert")
            }
            Self::Delegation => {
                f.write_str("the actor chain \"act\" of the token is malformed or too long")
            }
            Self::Clearance => f.write_str("the clearance in the token is not a label"),
        }
    }
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_problem(f)?;
        write!(f, "; {}", self.hint())
    }
}

impl std::error::Error for TokenError {}

/// Why the definition of an issuer is refused. The message names the argument and the key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum DefineError {
    /// The issuer's name or the audience is not 1 to 512 printable characters.
    Name(&'static str),
    /// An argument is not the JSON that is needed.
    Json(&'static str, JsonError),
    /// An argument has a key that means nothing.
    UnknownKey {
        /// `claims` or `options`.
        argument: &'static str,
        /// The key.
        key: String,
        /// The keys that mean something.
        known: &'static [&'static str],
    },
    /// The value of a key is not what it must be.
    BadValue {
        /// `claims` or `options`.
        argument: &'static str,
        /// The key.
        key: String,
        /// What it must be.
        expected: String,
    },
    /// The key set has no array `keys`, none in it, or more than 32.
    KeyCount,
    /// Something is wrong with one key.
    Key {
        /// Its `kid`, or its position from 1.
        key: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// Two keys have this name.
    DuplicateKid(String),
    /// No key can verify a signature with an accepted algorithm.
    NoUsableKey,
}

impl fmt::Display for DefineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(what) => write!(f, "{what} is not 1 to 512 printable characters"),
            Self::Json(argument, problem) => write!(f, "{argument} {problem}"),
            Self::UnknownKey {
                argument,
                key,
                known,
            } => write!(
                f,
                "{argument} has the unknown key {}; known keys are {}",
                quote(key),
                known.join(", ")
            ),
            Self::BadValue {
                argument,
                key,
                expected,
            } => {
                write!(f, "{} in {argument} must be {expected}", quote(key))
            }
            Self::KeyCount => {
                f.write_str("jwks must be an object with an array \"keys\" of 1 to 32 keys")
            }
            Self::Key { key, problem } => write!(f, "key {} in jwks {problem}", quote(key)),
            Self::DuplicateKid(kid) => write!(f, "jwks has two keys named {}", quote(kid)),
            Self::NoUsableKey => {
                f.write_str("jwks has no key that verifies signatures with an accepted algorithm")
            }
        }
    }
}

impl std::error::Error for DefineError {}

/// A name for a message: at most 48 characters, anything but common ASCII replaced. A name that
/// looks like a token (`eyJ` is how `{"` starts in base64url) is not shown at all.
pub(crate) fn quote(name: &str) -> String {
    if name.contains("eyJ") {
        return "(not shown)".to_owned();
    }
    let plain = |c: char| match c {
        c if c.is_ascii_alphanumeric() || "-_.:/@+=*{}#$ ".contains(c) => c,
        _ => '?',
    };
    let shown: String = name.chars().take(48).map(plain).collect();
    let rest = if name.chars().nth(48).is_some() {
        "…"
    } else {
        ""
    };
    format!("\"{shown}{rest}\"")
}
