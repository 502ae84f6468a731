#![forbid(unsafe_code)]
//! The one table from a refusal to its ward code and SQLSTATE.
//!
//! Every error that ward raises is a [`WardError`]. Its SQLSTATE is a standard one, so that every
//! driver understands it; the first word of DETAIL is the stable ward code, so that programs and
//! auditors can tell one refusal from another. `docs/errors.md` lists the same table, and a test
//! compares the two. Messages name what is wrong and how to cure it, and never carry a token, a
//! key or a row's value.

use pgrx::PgSqlErrorCode::{self, *};
use pgrx::pg_sys::panic::ErrorReport;

macro_rules! codes {
    ($($variant:ident $text:literal $state:ident $title:literal;)*) => {
        /// A stable ward code. The text form (`WD008`) never changes its meaning between releases.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Code { $(#[doc = $title] $variant,)* }

        impl Code {
            /// Every code, in the order of the documentation.
            pub const ALL: &'static [Code] = &[$(Code::$variant,)*];

            /// The stable text, e.g. `WD008`.
            pub fn text(self) -> &'static str { match self { $(Code::$variant => $text,)* } }

            /// The standard SQLSTATE raised with this code.
            pub fn sqlstate(self) -> PgSqlErrorCode { match self { $(Code::$variant => $state,)* } }

            /// A short name for the documentation.
            pub fn title(self) -> &'static str { match self { $(Code::$variant => $title,)* } }
        }
    };
}

codes! {
    NoIdentity     "WD000" ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION "no identity";
    Malformed      "WD001" ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION "malformed token";
    Algorithm      "WD002" ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION "algorithm not allowed";
    Issuer         "WD003" ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION "issuer not trusted";
    Key            "WD004" ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION "key unknown or unfit";
    Signature      "WD005" ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION "signature does not verify";
    TokenType      "WD006" ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION "token type not accepted";
    Audience       "WD007" ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION "wrong audience";
    Expired        "WD008" ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION "token expired";
    NotYetValid    "WD009" ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION "token not yet valid";
    Lifetime       "WD010" ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION "token lives too long";
    Revoked        "WD012" ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION "token, subject or session revoked";
    Binding        "WD013" ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION "token bound to a key";
    Tenant         "WD014" ERRCODE_INSUFFICIENT_PRIVILEGE "tenant not permitted";
    Delegation     "WD015" ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION "delegation not accepted";
    DefaultDeny    "WD021" ERRCODE_INSUFFICIENT_PRIVILEGE "default deny: nothing allows it";
    Label          "WD030" ERRCODE_INSUFFICIENT_PRIVILEGE "label not permitted";
    Mask           "WD031" ERRCODE_INSUFFICIENT_PRIVILEGE "masked column";
    Guarded        "WD032" ERRCODE_INSUFFICIENT_PRIVILEGE "statement guarded";
    IdentityChange "WD033" ERRCODE_ACTIVE_SQL_TRANSACTION "identity change refused";
    Unsupported    "WD034" ERRCODE_FEATURE_NOT_SUPPORTED "statement kind refused";
    Definition     "WD035" ERRCODE_INVALID_OBJECT_DEFINITION "bad definition";
    Argument       "WD036" ERRCODE_INVALID_PARAMETER_VALUE "bad argument";
    LabelText      "WD037" ERRCODE_INVALID_TEXT_REPRESENTATION "bad label text";
    Limit          "WD038" ERRCODE_PROGRAM_LIMIT_EXCEEDED "limit reached";
    NotLoaded      "WD039" ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE "ward is not loaded";
    Registry       "WD040" ERRCODE_DATA_CORRUPTED "registry unreadable";
    Source         "WD041" ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION "source missing";
    Derived        "WD042" ERRCODE_RESTRICT_VIOLATION "rows are derived from it";
    Audit          "WD043" ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE "audit not available";
}

/// A refusal on its way to the client.
#[must_use]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WardError {
    /// The stable code.
    pub code: Code,
    /// Primary message: lower case, no full stop, no secret.
    pub message: String,
    /// What a person can do about it.
    pub hint: Option<String>,
}

/// What ward's fallible functions return.
pub type Result<T> = std::result::Result<T, WardError>;

impl WardError {
    /// A refusal with this code and message.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            hint: None,
        }
    }

    /// The same refusal with a cure.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl From<WardError> for ErrorReport {
    fn from(error: WardError) -> Self {
        let detail = format!("{} {}", error.code.text(), error.code.title());
        let report = ErrorReport::new(error.code.sqlstate(), error.message, "").set_detail(detail);
        match error.hint {
            Some(hint) => report.set_hint(hint),
            None => report,
        }
    }
}

impl Code {
    /// The code with this stable text, as the pure crates name it.
    ///
    /// An unknown text would be a mistake of ours; it is reported as unreadable state, not ignored.
    pub fn from_text(text: &str) -> Code {
        Code::ALL
            .iter()
            .copied()
            .find(|code| code.text() == text)
            .unwrap_or(Code::Registry)
    }
}

impl From<ward_core::Denial> for WardError {
    fn from(denial: ward_core::Denial) -> Self {
        WardError::new(Code::from_text(denial.code()), denial.to_string())
    }
}

impl From<ward_token::TokenError> for WardError {
    fn from(error: ward_token::TokenError) -> Self {
        WardError::new(Code::from_text(error.code()), error.problem()).hint(error.hint())
    }
}
