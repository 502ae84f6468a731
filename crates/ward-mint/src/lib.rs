//! A small issuer of real tokens: it makes keys, publishes them as a key set and signs.
//!
//! For the demo, the tests and the benchmarks. It checks nothing about what it signs, so that it
//! can also make the tokens that must be refused. Not installed with the extension, and no place
//! for keys that matter.
#![forbid(unsafe_code)]

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeySize, PublicKeyComponents};
use aws_lc_rs::signature::{
    self, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair, RsaEncoding, RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};

/// The algorithms it can sign with.
pub const ALGS: [&str; 9] = [
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA",
];

/// What went wrong, for a person.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// A private key with the name and algorithm it is used under.
pub struct SigningKey {
    alg: String,
    kid: String,
    pkcs8: Vec<u8>,
    pair: Pair,
}

enum Pair {
    Rsa(RsaKeyPair, &'static dyn RsaEncoding),
    Ec(EcdsaKeyPair, &'static str),
    Ed(Ed25519KeyPair),
}

impl SigningKey {
    /// Makes a new key; RSA keys have 2048 bits.
    pub fn generate(alg: &str, kid: &str) -> Result<Self, Error> {
        let random = SystemRandom::new();
        let pkcs8 = match family(alg)? {
            Family::Rsa(_) => return Self::generate_rsa(alg, kid, KeySize::Rsa2048),
            Family::Ec(ec, _) => EcdsaKeyPair::generate_pkcs8(ec, &random)?.as_ref().to_vec(),
            Family::Ed => Ed25519KeyPair::generate_pkcs8v1(&random)?.as_ref().to_vec(),
        };
        Self::from_pkcs8(alg, kid, &pkcs8)
    }

    /// Makes a new RSA key of this size.
    pub fn generate_rsa(alg: &str, kid: &str, size: KeySize) -> Result<Self, Error> {
        let pair = RsaKeyPair::generate(size)?;
        let der: Pkcs8V1Der<'_> = pair.as_der()?;
        Self::from_pkcs8(alg, kid, der.as_ref())
    }

    /// Reads a private key (PKCS #8).
    pub fn from_pkcs8(alg: &str, kid: &str, pkcs8: &[u8]) -> Result<Self, Error> {
        let pair = match family(alg)? {
            Family::Rsa(encoding) => Pair::Rsa(RsaKeyPair::from_pkcs8(pkcs8)?, encoding),
            Family::Ec(ec, curve) => Pair::Ec(EcdsaKeyPair::from_pkcs8(ec, pkcs8)?, curve),
            Family::Ed => Pair::Ed(Ed25519KeyPair::from_pkcs8_maybe_unchecked(pkcs8)?),
        };
        Ok(Self {
            alg: alg.to_owned(),
            kid: kid.to_owned(),
            pkcs8: pkcs8.to_vec(),
            pair,
        })
    }

    /// Reads a private key as [`SigningKey::to_pem`] writes it.
    pub fn from_pem(alg: &str, kid: &str, pem: &str) -> Result<Self, Error> {
        let body: String = pem
            .lines()
            .filter(|line| !line.starts_with("-----"))
            .collect();
        Self::from_pkcs8(alg, kid, &STANDARD.decode(body)?)
    }

    /// The private key as PEM (PKCS #8).
    pub fn to_pem(&self) -> String {
        let body = STANDARD.encode(&self.pkcs8);
        let mut pem = String::from("-----BEGIN PRIVATE KEY-----\n");
        for (index, character) in body.chars().enumerate() {
            if index > 0 && index % 64 == 0 {
                pem.push('\n');
            }
            pem.push(character);
        }
        pem.push_str("\n-----END PRIVATE KEY-----\n");
        pem
    }

    /// The public key as a JWK.
    pub fn jwk(&self) -> Value {
        let mut jwk = json!({"kid": self.kid, "alg": self.alg, "use": "sig"});
        let numbers = match &self.pair {
            Pair::Rsa(pair, _) => {
                let public = PublicKeyComponents::<Vec<u8>>::from(pair.public_key());
                json!({"kty": "RSA", "n": base64url(&public.n), "e": base64url(&public.e)})
            }
            Pair::Ec(pair, curve) => {
                // An uncompressed point: 4, then both coordinates.
                let point = pair.public_key().as_ref();
                let (x, y) = point[1..].split_at(point.len() / 2);
                json!({"kty": "EC", "crv": curve, "x": base64url(x), "y": base64url(y)})
            }
            Pair::Ed(pair) => {
                let x = base64url(pair.public_key().as_ref());
                json!({"kty": "OKP", "crv": "Ed25519", "x": x})
            }
        };
        if let (Value::Object(jwk), Value::Object(numbers)) = (&mut jwk, numbers) {
            jwk.extend(numbers);
        }
        jwk
    }

    /// A compact token of these exact texts, which need not be sensible.
    pub fn sign_raw(&self, header: &[u8], payload: &[u8]) -> Result<String, Error> {
        let signed = format!("{}.{}", base64url(header), base64url(payload));
        let signature = base64url(&self.sign_bytes(signed.as_bytes())?);
        Ok(format!("{signed}.{signature}"))
    }

    /// A token of these claims. `header` is laid over `alg`, `kid` and `typ`; null removes a member.
    pub fn sign(&self, header: &Map<String, Value>, claims: &Value) -> Result<String, Error> {
        let mut members = Map::new();
        members.insert("alg".into(), json!(self.alg));
        members.insert("kid".into(), json!(self.kid));
        members.insert("typ".into(), json!("at+jwt"));
        members.extend(header.clone());
        members.retain(|_, value| !value.is_null());
        let header = Value::Object(members).to_string();
        self.sign_raw(header.as_bytes(), claims.to_string().as_bytes())
    }

    fn sign_bytes(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        let random = SystemRandom::new();
        Ok(match &self.pair {
            Pair::Rsa(pair, encoding) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(*encoding, &random, message, &mut signature)?;
                signature
            }
            Pair::Ec(pair, _) => pair.sign(&random, message)?.as_ref().to_vec(),
            Pair::Ed(pair) => pair.sign(message).as_ref().to_vec(),
        })
    }
}

/// Adds a claim to a signed token, as somebody would who wants more than was granted: the payload
/// stays well formed, and the signature no longer fits. A text that is no token is left alone.
pub fn tamper(token: &str) -> String {
    let mut parts: Vec<String> = token.split('.').map(str::to_owned).collect();
    if let [_, payload, _] = parts.as_mut_slice()
        && let Ok(bytes) = URL_SAFE_NO_PAD.decode(payload.as_bytes())
        && let Ok(Value::Object(mut claims)) = serde_json::from_slice(&bytes)
    {
        claims.insert("tampered".to_owned(), Value::Bool(true));
        *payload = base64url(Value::Object(claims).to_string().as_bytes());
    }
    parts.join(".")
}

/// Base64url without padding.
pub fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

enum Family {
    Rsa(&'static dyn RsaEncoding),
    Ec(&'static EcdsaSigningAlgorithm, &'static str),
    Ed,
}

fn family(alg: &str) -> Result<Family, Error> {
    Ok(match alg {
        "RS256" => Family::Rsa(&signature::RSA_PKCS1_SHA256),
        "RS384" => Family::Rsa(&signature::RSA_PKCS1_SHA384),
        "RS512" => Family::Rsa(&signature::RSA_PKCS1_SHA512),
        "PS256" => Family::Rsa(&signature::RSA_PSS_SHA256),
        "PS384" => Family::Rsa(&signature::RSA_PSS_SHA384),
        "PS512" => Family::Rsa(&signature::RSA_PSS_SHA512),
        "ES256" => Family::Ec(&signature::ECDSA_P256_SHA256_FIXED_SIGNING, "P-256"),
        "ES384" => Family::Ec(&signature::ECDSA_P384_SHA384_FIXED_SIGNING, "P-384"),
        "EdDSA" => Family::Ed,
        _ => return Err(format!("unknown algorithm {alg}; known are {}", ALGS.join(", ")).into()),
    })
}
