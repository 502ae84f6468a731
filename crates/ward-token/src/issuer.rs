//! A trusted issuer: everything needed to verify its tokens, checked and prepared once.

use std::fmt;

use ward_core::ResolveCategory;

use crate::error::DefineError;
use crate::jwks::KeySet;
use crate::mapping::ClaimMap;
use crate::options::Options;

/// A trusted issuer. Making one parses its definition and prepares its keys; verifying does not
/// repeat that, so keep it as long as the definition stands.
#[derive(Clone)]
pub struct Issuer {
    pub(crate) name: String,
    pub(crate) audience: String,
    pub(crate) keys: KeySet,
    pub(crate) claims: ClaimMap,
    pub(crate) options: Options,
}

impl Issuer {
    /// Checks a definition.
    ///
    /// - `name`: exactly what the issuer writes into `iss`
    /// - `audience`: what `aud` must be or contain
    /// - `jwks_json`: its key set (RFC 7517), public keys only
    /// - `claims_json`: object from `subject`, `tenant`, `groups`, `roles`, `clearance`, `kind`,
    ///   `sid` to where they stand; what is left out is as the profile says
    /// - `options_json`: object of options, each optional: `profile`, `algs`, `types`, `leeway_s`,
    ///   `max_ttl_s`, `max_agent_ttl_s`, `max_clearance`, `sole_audience`, `tenants`, `required`,
    ///   `kinds`, `default_kind`
    ///
    /// # Errors
    /// [`DefineError`] names the argument and the key that is wrong.
    pub fn define(
        name: &str,
        audience: &str,
        jwks_json: &str,
        claims_json: &str,
        options_json: &str,
        resolve_category: ResolveCategory<'_>,
    ) -> Result<Self, DefineError> {
        check_name("the issuer's name", name)?;
        check_name("the audience", audience)?;
        let options = Options::parse(options_json, resolve_category)?;
        Ok(Self {
            name: name.to_owned(),
            audience: audience.to_owned(),
            keys: KeySet::parse(jwks_json, &options.algs)?,
            claims: ClaimMap::parse(claims_json, options.profile)?,
            options,
        })
    }

    /// The issuer's name (`iss`).
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The audience its tokens must be for.
    pub fn audience(&self) -> &str {
        &self.audience
    }

    /// The allowed clock difference in seconds, for [`crate::recheck`].
    pub fn leeway(&self) -> i64 {
        self.options.leeway
    }
}

/// Leaves the keys out: they are long, and public.
impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issuer")
            .field("name", &self.name)
            .field("audience", &self.audience)
            .finish_non_exhaustive()
    }
}

fn check_name(what: &'static str, name: &str) -> Result<(), DefineError> {
    let fits = (1..=512).contains(&name.len()) && !name.chars().any(char::is_control);
    if fits {
        Ok(())
    } else {
        Err(DefineError::Name(what))
    }
}
