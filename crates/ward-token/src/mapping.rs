//! Where in a token the facts about a principal stand.

use serde_json::{Map, Value};
use ward_core::PrincipalKind;

use crate::error::DefineError;
use crate::json;

/// The way to a claim: member names from the outside in.
///
/// Written as text with dots (`realm_access.roles`) or, for names that hold dots, as an array of
/// names (`["https://example.com/tenant", "id"]`). Text with `://` is one name: namespaced claims
/// look like that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClaimPath(Vec<String>);

impl ClaimPath {
    pub(crate) fn parse(value: &Value) -> Option<Self> {
        let names = match value {
            Value::String(text) if text.contains("://") => vec![text.clone()],
            Value::String(text) => text.split('.').map(str::to_owned).collect(),
            Value::Array(names) => names
                .iter()
                .map(|name| name.as_str().map(str::to_owned))
                .collect::<Option<_>>()?,
            _ => return None,
        };
        let ok = (1..=8).contains(&names.len()) && names.iter().all(|n: &String| !n.is_empty());
        ok.then_some(Self(names))
    }

    /// A claim that stands at the top.
    pub(crate) fn of(name: &str) -> Self {
        Self(vec![name.to_owned()])
    }

    fn dotted(text: &str) -> Self {
        Self(text.split('.').map(str::to_owned).collect())
    }

    /// The claim, or `None` if it is absent or null.
    pub(crate) fn find<'c>(&self, claims: &'c Map<String, Value>) -> Option<&'c Value> {
        let (first, inner) = self.0.split_first()?;
        let value = inner
            .iter()
            .try_fold(claims.get(first)?, |value, name| value.get(name.as_str()))?;
        (!value.is_null()).then_some(value)
    }

    pub(crate) fn outermost(&self) -> &str {
        self.0.first().map_or("", String::as_str)
    }
}

/// For messages.
impl std::fmt::Display for ClaimPath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.join("."))
    }
}

/// A kind of issuer whose tokens have a known form.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Profile {
    Generic,
    Keycloak,
    Auth0,
    Entra,
}

impl Profile {
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        match name {
            "generic" => Some(Self::Generic),
            "keycloak" => Some(Self::Keycloak),
            "auth0" => Some(Self::Auth0),
            "entra" => Some(Self::Entra),
            _ => None,
        }
    }

    /// What a kind claim means: ward's own names, and those the product uses.
    pub(crate) fn kind(self, name: &str) -> Option<PrincipalKind> {
        let own = PrincipalKind::from_name(name);
        match self {
            Self::Entra if name == "app" => Some(PrincipalKind::Service),
            // Auth0 names the grant the token was got with; all but this one have a person behind.
            Self::Auth0 if name == "client-credentials" => Some(PrincipalKind::Service),
            Self::Auth0 => own.or(Some(PrincipalKind::User)),
            _ => own,
        }
    }
}

/// Which claim holds what. `None`: not used.
#[derive(Clone, Debug)]
pub(crate) struct ClaimMap {
    pub subject: ClaimPath,
    pub tenant: Option<ClaimPath>,
    pub groups: Option<ClaimPath>,
    pub roles: Option<ClaimPath>,
    pub clearance: Option<ClaimPath>,
    pub kind: Option<ClaimPath>,
    pub sid: Option<ClaimPath>,
    /// Keycloak writes organisations as an object whose member names are the organisations.
    pub tenant_may_be_object: bool,
}

const KEYS: &[&str] = &[
    "subject",
    "tenant",
    "groups",
    "roles",
    "clearance",
    "kind",
    "sid",
];

impl ClaimMap {
    fn of(profile: Profile) -> Self {
        let path = |text: &str| Some(ClaimPath::dotted(text));
        let generic = Self {
            subject: ClaimPath::dotted("sub"),
            tenant: path("tenant"),
            groups: path("groups"),
            roles: path("roles"),
            clearance: path("clearance"),
            kind: path("kind"),
            sid: path("sid"),
            tenant_may_be_object: false,
        };
        match profile {
            Profile::Generic => generic,
            Profile::Keycloak => Self {
                tenant: path("organization"),
                roles: path("realm_access.roles"),
                tenant_may_be_object: true,
                ..generic
            },
            Profile::Auth0 => Self {
                tenant: path("org_id"),
                roles: path("permissions"),
                kind: path("gty"),
                ..generic
            },
            Profile::Entra => Self {
                // "sub" differs from application to application there; "oid" is the person.
                subject: ClaimPath::dotted("oid"),
                tenant: path("tid"),
                kind: path("idtyp"),
                ..generic
            },
        }
    }

    /// Reads the argument `claims` on top of what the profile says. A null turns a fact off.
    pub(crate) fn parse(text: &str, profile: Profile) -> Result<Self, DefineError> {
        let given = json::object(text.as_bytes(), json::DEFINITION)
            .map_err(|problem| DefineError::Json("claims", problem))?;
        let mut map = Self::of(profile);
        for (key, value) in &given {
            let path = match ClaimPath::parse(value) {
                None if value.is_null() && key != "subject" => None,
                None => return Err(not_a_path(key)),
                some => some,
            };
            match (key.as_str(), path) {
                ("subject", Some(path)) => map.subject = path,
                ("tenant", path) => {
                    map.tenant = path;
                    map.tenant_may_be_object = profile == Profile::Keycloak;
                }
                ("groups", path) => map.groups = path,
                ("roles", path) => map.roles = path,
                ("clearance", path) => map.clearance = path,
                ("kind", path) => map.kind = path,
                ("sid", path) => map.sid = path,
                _ => {
                    return Err(DefineError::UnknownKey {
                        argument: "claims",
                        key: key.clone(),
                        known: KEYS,
                    });
                }
            }
        }
        Ok(map)
    }
}

fn not_a_path(key: &str) -> DefineError {
    if !KEYS.contains(&key) {
        return DefineError::UnknownKey {
            argument: "claims",
            key: key.to_owned(),
            known: KEYS,
        };
    }
    DefineError::BadValue {
        argument: "claims",
        key: key.to_owned(),
        expected: "a claim name, a path with dots, or an array of 1 to 8 names".to_owned(),
    }
}
