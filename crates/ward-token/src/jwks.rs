//! Key sets (RFC 7517): which keys there are and which may verify what.

use aws_lc_rs::signature::{ParsedPublicKey, RsaPublicKeyComponents};
use serde_json::{Map, Value};

use crate::alg::{Alg, Family};
use crate::error::{DefineError, TokenError};
use crate::header::is_kid;
use crate::json;
use crate::shape::base64url;
use crate::weak::weakness;

/// The most keys a set may have.
const MAX_KEYS: usize = 32;
/// The largest `jwks` text in bytes; certificates make real ones long.
const MAX_BYTES: usize = 256 * 1024;

/// The keys of one issuer, ready to verify.
#[derive(Clone)]
pub(crate) struct KeySet(Vec<Key>);

#[derive(Clone)]
struct Key {
    kid: Option<String>,
    /// One entry for each algorithm the key may be used with. None: not a key for signatures.
    prepared: Vec<(Alg, ParsedPublicKey)>,
}

type Jwk = Map<String, Value>;

impl KeySet {
    /// Reads a key set and prepares each key for those of `algs` that it fits.
    ///
    /// A key for another purpose (`use` or `key_ops`) or of a type ward does not use is kept
    /// without preparation, since real sets hold such keys. A key that is dangerous to hold or to
    /// trust (secret, weak, malformed) refuses the whole set.
    pub(crate) fn parse(text: &str, algs: &[Alg]) -> Result<Self, DefineError> {
        let jwks = json::object(text.as_bytes(), json::DEFINITION)
            .map_err(|problem| DefineError::Json("jwks", problem))?;
        let Some(Value::Array(list)) = jwks.get("keys") else {
            return Err(DefineError::KeyCount);
        };
        if list.is_empty() || list.len() > MAX_KEYS || text.len() > MAX_BYTES {
            return Err(DefineError::KeyCount);
        }
        let mut keys: Vec<Key> = Vec::with_capacity(list.len());
        for (index, value) in list.iter().enumerate() {
            let key = Key::parse(value, algs).map_err(|problem| DefineError::Key {
                key: name_of(value, index),
                problem,
            })?;
            if key.kid.is_some() && keys.iter().any(|other| other.kid == key.kid) {
                return Err(DefineError::DuplicateKid(name_of(value, index)));
            }
            keys.push(key);
        }
        if keys.iter().all(|key| key.prepared.is_empty()) {
            return Err(DefineError::NoUsableKey);
        }
        Ok(Self(keys))
    }

    /// The key for a token: by name if it has one, else the only key that fits the algorithm.
    pub(crate) fn select(
        &self,
        alg: Alg,
        kid: Option<&str>,
    ) -> Result<&ParsedPublicKey, TokenError> {
        match kid {
            Some(kid) => self.by_name(alg, kid),
            None => {
                let mut fitting = self.0.iter().filter_map(|key| key.prepared_for(alg));
                match (fitting.next(), fitting.next()) {
                    (Some(only), None) => Ok(only),
                    _ => Err(TokenError::KeyAmbiguous),
                }
            }
        }
    }

    fn by_name(&self, alg: Alg, kid: &str) -> Result<&ParsedPublicKey, TokenError> {
        let named = self.0.iter().find(|key| key.kid.as_deref() == Some(kid));
        let kid = || kid.to_owned();
        let key = named.ok_or_else(|| TokenError::KeyUnknown(kid()))?;
        if key.prepared.is_empty() {
            return Err(TokenError::KeyNotForSignatures(kid()));
        }
        key.prepared_for(alg)
            .ok_or_else(|| TokenError::KeyMismatch { kid: kid(), alg })
    }
}

impl Key {
    fn prepared_for(&self, alg: Alg) -> Option<&ParsedPublicKey> {
        self.prepared
            .iter()
            .find_map(|(fits, key)| (*fits == alg).then_some(key))
    }

    fn parse(value: &Value, algs: &[Alg]) -> Result<Self, &'static str> {
        let Value::Object(jwk) = value else {
            return Err("is not an object");
        };
        let kid = match jwk.get("kid") {
            None => None,
            Some(Value::String(kid)) if is_kid(kid) => Some(kid.clone()),
            Some(_) => return Err("has a \"kid\" that is not 1 to 128 printable characters"),
        };
        refuse_secrets(jwk)?;
        let mut prepared = Vec::new();
        if verifies_signatures(jwk)? {
            let material = Material::parse(jwk)?;
            for alg in algs.iter().copied().filter(|alg| names_alg(jwk, *alg)) {
                if let Some(key) = material.prepare(alg)? {
                    prepared.push((alg, key));
                }
            }
        }
        Ok(Self { kid, prepared })
    }
}

/// Symmetric keys and private parts have no place in a database: whoever reads them can sign.
fn refuse_secrets(jwk: &Jwk) -> Result<(), &'static str> {
    match text(jwk, "kty")? {
        None => return Err("has no \"kty\""),
        Some("oct") => return Err("is a symmetric key; only public keys are accepted"),
        Some(_) => {}
    }
    let private = ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"];
    if private.iter().any(|name| jwk.contains_key(*name)) {
        return Err("has private parts; pass the public key only, and replace the exposed key");
    }
    Ok(())
}

/// Whether `use` and `key_ops` allow verifying signatures (RFC 7517 §4.2, §4.3).
fn verifies_signatures(jwk: &Jwk) -> Result<bool, &'static str> {
    let by_use = text(jwk, "use")?.is_none_or(|r#use| r#use == "sig");
    let by_ops = match jwk.get("key_ops") {
        None => true,
        Some(Value::Array(ops)) => ops.iter().any(|op| op == "verify"),
        Some(_) => return Err("has \"key_ops\" that is not a list"),
    };
    Ok(by_use && by_ops)
}

/// A key without `alg` goes with every algorithm of its type, else only with that one.
fn names_alg(jwk: &Jwk, alg: Alg) -> bool {
    jwk.get("alg").is_none_or(|name| name == alg.name())
}

/// The public numbers of a key.
enum Material {
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    P256(Vec<u8>),
    P384(Vec<u8>),
    Ed25519(Vec<u8>),
    /// A type ward has no algorithm for.
    Other,
}

impl Material {
    fn parse(jwk: &Jwk) -> Result<Self, &'static str> {
        text(jwk, "alg")?;
        match (text(jwk, "kty")?, text(jwk, "crv")?) {
            (Some("RSA"), _) => Self::rsa(jwk),
            (Some("EC"), Some("P-256")) => Ok(Self::P256(point(jwk, 32)?)),
            (Some("EC"), Some("P-384")) => Ok(Self::P384(point(jwk, 48)?)),
            (Some("OKP"), Some("Ed25519")) => Ok(Self::Ed25519(coordinate(jwk, "x", 32)?)),
            _ => Ok(Self::Other),
        }
    }

    fn rsa(jwk: &Jwk) -> Result<Self, &'static str> {
        let n = number(jwk, "n")?;
        let e = number(jwk, "e")?;
        match weakness(&n, &e) {
            Some(problem) => Err(problem),
            None => Ok(Self::Rsa { n, e }),
        }
    }

    /// The key made ready for `alg`, if it is of the type `alg` needs.
    fn prepare(&self, alg: Alg) -> Result<Option<ParsedPublicKey>, &'static str> {
        let key = match (self, alg.family()) {
            (Self::Rsa { n, e }, Family::Rsa(params)) => {
                let (n, e) = (n.as_slice(), e.as_slice());
                RsaPublicKeyComponents { n, e }.to_parsed_public_key(params)
            }
            (Self::P256(point), Family::Ec(ec)) if alg == Alg::ES256 => {
                ParsedPublicKey::new(ec, point)
            }
            (Self::P384(point), Family::Ec(ec)) if alg == Alg::ES384 => {
                ParsedPublicKey::new(ec, point)
            }
            (Self::Ed25519(key), Family::Ed(ed)) => ParsedPublicKey::new(ed, key),
            _ => return Ok(None),
        };
        key.map(Some).map_err(|_| "is not a valid public key")
    }
}

/// An uncompressed curve point (SEC 1 §2.3.3).
fn point(jwk: &Jwk, size: usize) -> Result<Vec<u8>, &'static str> {
    let mut point = vec![4];
    point.extend(coordinate(jwk, "x", size)?);
    point.extend(coordinate(jwk, "y", size)?);
    Ok(point)
}

fn coordinate(jwk: &Jwk, name: &str, size: usize) -> Result<Vec<u8>, &'static str> {
    match bytes(jwk, name) {
        Some(value) if value.len() == size => Ok(value),
        _ => Err("has a coordinate that is not base64url of the right length"),
    }
}

/// An unsigned number without leading zeros, which some issuers add.
fn number(jwk: &Jwk, name: &str) -> Result<Vec<u8>, &'static str> {
    let digits = bytes(jwk, name).ok_or("has \"n\" or \"e\" that is not base64url")?;
    Ok(digits.into_iter().skip_while(|byte| *byte == 0).collect())
}

fn bytes(jwk: &Jwk, name: &str) -> Option<Vec<u8>> {
    jwk.get(name).and_then(Value::as_str).and_then(base64url)
}

fn text<'a>(jwk: &'a Jwk, name: &str) -> Result<Option<&'a str>, &'static str> {
    match jwk.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err("has a \"kty\", \"crv\", \"use\" or \"alg\" that is not text"),
    }
}

fn name_of(value: &Value, index: usize) -> String {
    match value.get("kid").and_then(Value::as_str) {
        Some(kid) => kid.to_owned(),
        None => format!("#{}", index + 1),
    }
}
