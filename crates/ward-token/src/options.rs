//! The options of an issuer.

use serde_json::Value;
use ward_core::{Label, PrincipalKind, ResolveCategory};

use crate::alg::Alg;
use crate::error::DefineError;
use crate::header::media_type;
use crate::json;
use crate::mapping::{ClaimPath, Profile};

/// The longest lifetime any token may have, in seconds.
const MAX_TTL: i64 = 86_400;
/// The longest lifetime of an agent's token unless the options say otherwise, in seconds.
const AGENT_TTL: i64 = 900;
/// The largest clock difference that can be allowed, in seconds.
const MAX_LEEWAY: i64 = 60;
/// The clock difference allowed unless the options say otherwise, in seconds.
const LEEWAY: i64 = 5;

const KEYS: &[&str] = &[
    "profile",
    "algs",
    "types",
    "leeway_s",
    "max_ttl_s",
    "max_agent_ttl_s",
    "max_clearance",
    "sole_audience",
    "tenants",
    "required",
    "kinds",
    "default_kind",
];

/// Tokens of these types are no identities, so no option can accept them: proofs of possession,
/// events, logout, requests, introspection answers, workload tokens (which need a proof), lists.
const NEVER_TYPES: &[&str] = &[
    "dpop+jwt",
    "wit+jwt",
    "wpt+jwt",
    "secevent+jwt",
    "logout+jwt",
    "oauth-authz-req+jwt",
    "token-introspection+jwt",
    "client-authentication+jwt",
    "statuslist+jwt",
    "kb+jwt",
    "entity-statement+jwt",
];

/// The options, checked.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub profile: Profile,
    pub algs: Vec<Alg>,
    /// In the form of `media_type`.
    pub types: Vec<String>,
    pub accept_absent_type: bool,
    pub leeway: i64,
    pub max_ttl: i64,
    pub max_agent_ttl: i64,
    pub max_clearance: Label,
    pub sole_audience: bool,
    /// `None`: any tenant.
    pub tenants: Option<Vec<TenantPattern>>,
    pub required: Vec<ClaimPath>,
    pub kinds: Vec<PrincipalKind>,
    pub default_kind: PrincipalKind,
}

/// A tenant an issuer may assert: a name, or the start of names with `*` at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TenantPattern {
    Name(String),
    Prefix(String),
}

impl TenantPattern {
    pub(crate) fn matches(&self, tenant: &str) -> bool {
        match self {
            Self::Name(name) => tenant == name,
            Self::Prefix(prefix) => tenant.starts_with(prefix.as_str()),
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            profile: Profile::Generic,
            algs: Alg::ALL.to_vec(),
            types: vec!["jwt".to_owned(), "at+jwt".to_owned()],
            accept_absent_type: true,
            leeway: LEEWAY,
            max_ttl: MAX_TTL,
            max_agent_ttl: AGENT_TTL,
            max_clearance: Label::TOP,
            sole_audience: false,
            tenants: None,
            required: Vec::new(),
            kinds: vec![
                PrincipalKind::User,
                PrincipalKind::Service,
                PrincipalKind::Agent,
            ],
            default_kind: PrincipalKind::User,
        }
    }
}

impl Options {
    pub(crate) fn parse(text: &str, resolve: ResolveCategory<'_>) -> Result<Self, DefineError> {
        let given = json::object(text.as_bytes(), json::DEFINITION)
            .map_err(|problem| DefineError::Json("options", problem))?;
        let mut options = Self::default();
        for (key, value) in &given {
            if !KEYS.contains(&key.as_str()) {
                return Err(DefineError::UnknownKey {
                    argument: "options",
                    key: key.clone(),
                    known: KEYS,
                });
            }
            options
                .set(key, value, resolve)
                .map_err(|expected| DefineError::BadValue {
                    argument: "options",
                    key: key.clone(),
                    expected,
                })?;
        }
        Ok(options)
    }

    /// Sets one option; the error says what its value must be.
    fn set(
        &mut self,
        key: &str,
        value: &Value,
        resolve: ResolveCategory<'_>,
    ) -> Result<(), String> {
        match key {
            "profile" => self.profile = profile(value)?,
            "algs" => self.algs = algs(value)?,
            "types" => (self.types, self.accept_absent_type) = types(value)?,
            "leeway_s" => self.leeway = seconds(value, 0, MAX_LEEWAY)?,
            "max_ttl_s" => self.max_ttl = seconds(value, 1, MAX_TTL)?,
            "max_agent_ttl_s" => self.max_agent_ttl = seconds(value, 1, MAX_TTL)?,
            "max_clearance" => self.max_clearance = label(value, resolve)?,
            "sole_audience" => {
                self.sole_audience = value.as_bool().ok_or("true or false")?;
            }
            "tenants" => self.tenants = Some(tenants(value)?),
            "required" => {
                let expected = "an array of claim names or paths";
                self.required = list(value, expected, ClaimPath::parse)?;
            }
            "kinds" => self.kinds = list(value, KINDS, kind)?,
            _ => self.default_kind = kind(value).ok_or("user, service or agent")?,
        }
        Ok(())
    }
}

const KINDS: &str = "an array of user, service, agent";

fn kind(value: &Value) -> Option<PrincipalKind> {
    value.as_str().and_then(PrincipalKind::from_name)
}

fn profile(value: &Value) -> Result<Profile, String> {
    let profile = value.as_str().and_then(Profile::from_name);
    profile.ok_or_else(|| "generic, keycloak, auth0 or entra".to_owned())
}

fn algs(value: &Value) -> Result<Vec<Alg>, String> {
    let names = Alg::ALL.map(Alg::name).join(", ");
    let expected = format!("an array of {names}");
    list(value, &expected, |v| v.as_str().and_then(Alg::from_name))
}

fn types(value: &Value) -> Result<(Vec<String>, bool), String> {
    let expected = "an array of token types that are identities, such as \"at+jwt\", \"JWT\", or \
                    \"absent\" for no type";
    let accepted = |v: &Value| {
        let typ = media_type(v.as_str()?);
        (!typ.is_empty() && !NEVER_TYPES.contains(&typ.as_str())).then_some(typ)
    };
    let mut types = list(value, expected, accepted)?;
    let absent = types.iter().any(|typ| typ == "absent");
    types.retain(|typ| typ != "absent");
    Ok((types, absent))
}

fn seconds(value: &Value, min: i64, max: i64) -> Result<i64, String> {
    match value.as_i64() {
        Some(seconds) if (min..=max).contains(&seconds) => Ok(seconds),
        _ => Err(format!("a whole number of seconds from {min} to {max}")),
    }
}

fn label(value: &Value, resolve: ResolveCategory<'_>) -> Result<Label, String> {
    let text = value.as_str().ok_or("a label")?;
    Label::parse(text, resolve).map_err(|error| format!("a label: {error}"))
}

fn tenants(value: &Value) -> Result<Vec<TenantPattern>, String> {
    let expected = "an array of tenants; a \"*\" at the end of one stands for any ending";
    list(value, expected, |v| {
        let text = match v {
            Value::String(text) => text.clone(),
            Value::Number(number) if !number.is_f64() => number.to_string(),
            _ => return None,
        };
        match text.strip_suffix('*') {
            Some(prefix) => Some(TenantPattern::Prefix(prefix.to_owned())),
            None => (!text.is_empty()).then_some(TenantPattern::Name(text)),
        }
    })
}

/// A non-empty array, each element read by `read`.
fn list<T>(
    value: &Value,
    expected: &str,
    read: impl Fn(&Value) -> Option<T>,
) -> Result<Vec<T>, String> {
    let elements = value.as_array().filter(|elements| !elements.is_empty());
    elements
        .and_then(|elements| elements.iter().map(read).collect::<Option<Vec<T>>>())
        .ok_or_else(|| expected.to_owned())
}
