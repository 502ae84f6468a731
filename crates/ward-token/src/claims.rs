//! From verified claims to a principal: audience, times, mapping.
//!
//! Everything here runs after the signature was checked, and every value is still bounded: an
//! issuer is trusted to say who somebody is, not to fill the database's memory or logs.

use serde_json::{Map, Value};
use ward_core::{Label, Principal, PrincipalKind, ResolveCategory};

use crate::error::TokenError;
use crate::issuer::Issuer;
use crate::mapping::ClaimPath;

/// Bytes of one name: subject, tenant, group, role, token or session id.
const MAX_NAME: usize = 512;
/// Entries of one list.
const MAX_LIST: usize = 512;
/// Parties in an actor chain.
const MAX_ACTORS: usize = 4;
/// The last second of the year 9999: later times are mistakes.
const MAX_TIME: i64 = 253_402_300_799;

pub(crate) type Claims = Map<String, Value>;

/// Makes the principal. `text` is the JSON that `claims` was read from.
pub(crate) fn principal(
    claims: &Claims,
    text: &str,
    issuer: &Issuer,
    now: i64,
    resolve: ResolveCategory<'_>,
) -> Result<Principal, TokenError> {
    refuse_other_tokens(claims)?;
    audience(claims, issuer)?;
    let subject = subject(claims, issuer)?;
    let times = Times::read(claims)?;
    check_times(&times, issuer.options.leeway, now)?;
    let actors = actors(claims)?;
    let kind = kind(claims, issuer, !actors.is_empty())?;
    times.check_lifetime(kind, issuer)?;
    let map = &issuer.claims;
    for path in &issuer.options.required {
        path.find(claims).ok_or_else(|| missing(path))?;
    }
    Ok(Principal {
        issuer: issuer.name.clone(),
        subject,
        tenants: tenants(claims, issuer)?,
        groups: names(claims, map.groups.as_ref())?,
        roles: names(claims, map.roles.as_ref())?,
        clearance: clearance(claims, issuer, resolve)?,
        kind,
        token_id: optional_name(claims, &ClaimPath::of("jti"))?,
        session_id: map
            .sid
            .as_ref()
            .map_or(Ok(None), |sid| optional_name(claims, sid))?,
        issued_at: times.issued,
        not_before: times.not_before,
        expires_at: times.expires,
        acr: optional_name(claims, &ClaimPath::of("acr"))?,
        amr: names(claims, Some(&ClaimPath::of("amr")))?,
        auth_time: time(claims, "auth_time")?,
        actors,
        claims_json: text.to_owned(),
    })
}

/// Tokens that are signed with the same keys but are no bearer identities. `typ` says so too, but
/// not every issuer writes it (RFC 8725 §3.11, §3.12).
fn refuse_other_tokens(claims: &Claims) -> Result<(), TokenError> {
    if claims.contains_key("events") {
        return Err(TokenError::EventToken);
    }
    if claims.contains_key("cnf") {
        return Err(TokenError::Bound);
    }
    Ok(())
}

fn audience(claims: &Claims, issuer: &Issuer) -> Result<(), TokenError> {
    let audiences: Vec<&str> = match claims.get("aud") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(several)) => several
            .iter()
            .map(Value::as_str)
            .collect::<Option<_>>()
            .ok_or(TokenError::AudienceMissing)?,
        _ => return Err(TokenError::AudienceMissing),
    };
    if !audiences.contains(&issuer.audience.as_str()) {
        return Err(TokenError::AudienceMismatch);
    }
    if issuer.options.sole_audience && audiences.len() != 1 {
        return Err(TokenError::AudienceNotSole);
    }
    Ok(())
}

fn subject(claims: &Claims, issuer: &Issuer) -> Result<String, TokenError> {
    let sub = ClaimPath::of("sub");
    let subject = optional_name(claims, &sub)?.ok_or_else(|| missing(&sub))?;
    if issuer.claims.subject == sub {
        return Ok(subject);
    }
    let mapped = &issuer.claims.subject;
    optional_name(claims, mapped)?.ok_or_else(|| missing(mapped))
}

struct Times {
    issued: i64,
    not_before: Option<i64>,
    expires: i64,
}

impl Times {
    fn read(claims: &Claims) -> Result<Self, TokenError> {
        let required = |name| time(claims, name)?.ok_or_else(|| missing(&ClaimPath::of(name)));
        Ok(Self {
            expires: required("exp")?,
            issued: required("iat")?,
            not_before: time(claims, "nbf")?,
        })
    }

    fn check_lifetime(&self, kind: PrincipalKind, issuer: &Issuer) -> Result<(), TokenError> {
        let limit = match kind {
            PrincipalKind::Agent => issuer.options.max_agent_ttl.min(issuer.options.max_ttl),
            PrincipalKind::User | PrincipalKind::Service => issuer.options.max_ttl,
        };
        if self.expires <= self.issued {
            return Err(TokenError::NoLifetime);
        }
        if self.expires - self.issued > limit {
            return Err(TokenError::LifetimeTooLong(limit));
        }
        Ok(())
    }
}

/// The checks against the clock, at first sight and at every later use.
pub(crate) fn still_valid(p: &Principal, leeway: i64, now: i64) -> Result<(), TokenError> {
    let times = Times {
        issued: p.issued_at,
        not_before: p.not_before,
        expires: p.expires_at,
    };
    check_times(&times, leeway, now)
}

/// RFC 7519 §4.1.4–6. At `exp` itself, leeway added, the token is no longer valid.
fn check_times(times: &Times, leeway: i64, now: i64) -> Result<(), TokenError> {
    if now >= times.expires.saturating_add(leeway) {
        return Err(TokenError::Expired);
    }
    if times
        .not_before
        .is_some_and(|from| from.saturating_sub(leeway) > now)
    {
        return Err(TokenError::NotYetValid);
    }
    if times.issued.saturating_sub(leeway) > now {
        return Err(TokenError::IssuedInFuture);
    }
    Ok(())
}

/// A time claim: a whole number of seconds. Fractions are refused, since readers round differently.
fn time(claims: &Claims, name: &'static str) -> Result<Option<i64>, TokenError> {
    match claims.get(name) {
        None => Ok(None),
        Some(value) => match value.as_i64() {
            Some(seconds) if (1..=MAX_TIME).contains(&seconds) => Ok(Some(seconds)),
            _ => Err(TokenError::ClaimForm {
                claim: name.to_owned(),
                expected: "a whole number of seconds since 1970",
            }),
        },
    }
}

/// The kind: as the claim says; else an agent if somebody acts for the subject; else the default.
fn kind(claims: &Claims, issuer: &Issuer, delegated: bool) -> Result<PrincipalKind, TokenError> {
    let path = issuer.claims.kind.as_ref();
    let stated = match path.and_then(|path| path.find(claims)) {
        Some(Value::String(name)) => Some(
            issuer
                .options
                .profile
                .kind(name)
                .ok_or(TokenError::KindRefused)?,
        ),
        Some(_) => return Err(TokenError::KindRefused),
        None => None,
    };
    let kind = match stated {
        Some(kind) => kind,
        None if delegated => PrincipalKind::Agent,
        None => issuer.options.default_kind,
    };
    if issuer.options.kinds.contains(&kind) {
        Ok(kind)
    } else {
        Err(TokenError::KindRefused)
    }
}

/// The actor chain (RFC 8693 §4.1), the party acting now first.
fn actors(claims: &Claims) -> Result<Vec<String>, TokenError> {
    let mut actors = Vec::new();
    let mut next = claims.get("act");
    while let Some(act) = next {
        let Some(sub) = act
            .get("sub")
            .and_then(Value::as_str)
            .filter(|sub| is_name(sub))
        else {
            return Err(TokenError::Delegation);
        };
        if actors.len() == MAX_ACTORS {
            return Err(TokenError::Delegation);
        }
        actors.push(sub.to_owned());
        next = act.get("act");
    }
    Ok(actors)
}

/// The tenants: one, a list, or (Keycloak) the member names of an object. All must be allowed; a
/// token that names another one is refused as a whole, not trimmed.
fn tenants(claims: &Claims, issuer: &Issuer) -> Result<Vec<String>, TokenError> {
    let Some(path) = &issuer.claims.tenant else {
        return Ok(Vec::new());
    };
    let Some(value) = path.find(claims) else {
        return Ok(Vec::new());
    };
    let tenants = match value {
        Value::Array(values) => values.iter().map(tenant).collect(),
        Value::Object(members) if issuer.claims.tenant_may_be_object => members
            .keys()
            .map(|key| is_name(key).then(|| key.clone()))
            .collect(),
        one => tenant(one).map(|tenant| vec![tenant]),
    };
    let expected = "a tenant or a list of tenants (text or whole numbers)";
    let tenants = distinct(tenants, path, expected)?;
    if let Some(allowed) = &issuer.options.tenants {
        let is_allowed = |tenant: &String| allowed.iter().any(|a| a.matches(tenant));
        if !tenants.iter().all(is_allowed) {
            return Err(TokenError::TenantRefused);
        }
    }
    Ok(tenants)
}

fn tenant(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => is_name(text).then(|| text.clone()),
        Value::Number(number) if !number.is_f64() => Some(number.to_string()),
        _ => None,
    }
}

/// A list of names: an array of text, or one text with spaces between (as `scope` is).
fn names(claims: &Claims, path: Option<&ClaimPath>) -> Result<Vec<String>, TokenError> {
    let Some(path) = path else {
        return Ok(Vec::new());
    };
    let Some(value) = path.find(claims) else {
        // Entra leaves long group lists out and says so. Missing groups would weaken rules that
        // forbid by group, so such a token is refused rather than read as having none.
        let elsewhere = claims
            .get("_claim_names")
            .and_then(|names| names.get(path.outermost()));
        return match elsewhere {
            Some(_) => Err(TokenError::ClaimElsewhere(path.to_string())),
            None => Ok(Vec::new()),
        };
    };
    let name = |text: &str| is_name(text).then(|| text.to_owned());
    let names = match value {
        Value::Array(values) => values.iter().map(|v| v.as_str().and_then(name)).collect(),
        Value::String(text) => text
            .split(' ')
            .filter(|t| !t.is_empty())
            .map(name)
            .collect(),
        _ => None,
    };
    distinct(names, path, "a list of names")
}

fn clearance(
    claims: &Claims,
    issuer: &Issuer,
    resolve: ResolveCategory<'_>,
) -> Result<Label, TokenError> {
    let path = issuer.claims.clearance.as_ref();
    let text = match path.and_then(|path| path.find(claims)) {
        None => return Ok(Label::PUBLIC),
        // User attributes arrive as lists of one from some issuers. Several are not joined: that
        // would be more than any of them says.
        Some(Value::Array(values)) if values.len() == 1 => values.first().and_then(Value::as_str),
        Some(value) => value.as_str(),
    };
    let label = Label::parse(text.ok_or(TokenError::Clearance)?, resolve);
    let label = label.map_err(|_| TokenError::Clearance)?;
    // What is in quarantine is hidden from everybody, whatever a token says.
    let quarantine = ward_core::Category::QUARANTINE;
    Ok(label.meet(issuer.options.max_clearance).without(quarantine))
}

fn optional_name(claims: &Claims, path: &ClaimPath) -> Result<Option<String>, TokenError> {
    match path.find(claims) {
        None => Ok(None),
        Some(Value::String(text)) if is_name(text) => Ok(Some(text.clone())),
        Some(_) => Err(TokenError::ClaimForm {
            claim: path.to_string(),
            expected: "text of 1 to 512 bytes without control characters",
        }),
    }
}

/// 1 to 512 bytes without control characters.
fn is_name(text: &str) -> bool {
    (1..=MAX_NAME).contains(&text.len()) && !text.chars().any(char::is_control)
}

/// Bounds a list and drops repetitions, keeping the order.
fn distinct(
    list: Option<Vec<String>>,
    path: &ClaimPath,
    expected: &'static str,
) -> Result<Vec<String>, TokenError> {
    let list = list.filter(|list| list.len() <= MAX_LIST);
    let list = list.ok_or_else(|| TokenError::ClaimForm {
        claim: path.to_string(),
        expected,
    })?;
    let mut distinct: Vec<String> = Vec::with_capacity(list.len());
    for name in list {
        if !distinct.contains(&name) {
            distinct.push(name);
        }
    }
    Ok(distinct)
}

fn missing(path: &ClaimPath) -> TokenError {
    TokenError::ClaimMissing(path.to_string())
}
