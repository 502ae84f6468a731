//! A real issuer for the tests: keys made in the test run, tokens signed with them.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    reason = "shared by several test programs, which fail by panicking"
)]

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

use serde_json::{Map, Value, json};
use ward_mint::SigningKey;
use ward_token::{Issuer, Principal, TokenError, Verified};

/// The time of all tests: 2026-01-01 00:00:00 UTC.
pub const NOW: i64 = 1_767_225_600;
pub const ISSUER: &str = "https://idp.example.com";
pub const AUDIENCE: &str = "app-db";

/// A key of this algorithm and name, made once per test program.
pub fn key(alg: &str, kid: &str) -> &'static SigningKey {
    static KEYS: LazyLock<Mutex<HashMap<String, &'static SigningKey>>> =
        LazyLock::new(Mutex::default);
    let mut keys = KEYS.lock().unwrap();
    keys.entry(format!("{alg}/{kid}"))
        .or_insert_with(|| Box::leak(Box::new(SigningKey::generate(alg, kid).unwrap())))
}

pub fn jwks(keys: &[&SigningKey]) -> String {
    let keys: Vec<Value> = keys.iter().map(|key| key.jwk()).collect();
    json!({ "keys": keys }).to_string()
}

pub fn define(jwks: &str, claims: &Value, options: &Value) -> Issuer {
    let (claims, options) = (claims.to_string(), options.to_string());
    Issuer::define(ISSUER, AUDIENCE, jwks, &claims, &options, &categories).unwrap()
}

/// The issuer most tests use: one ES256 key, everything else as it comes.
pub fn issuer(options: &Value) -> Issuer {
    define(&jwks(&[key("ES256", "k1")]), &json!({}), options)
}

pub fn categories(name: &str) -> Option<u8> {
    (name == "apollo").then_some(3)
}

/// Claims that are accepted.
pub fn good() -> Value {
    json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": "alice",
        "iat": NOW - 10, "exp": NOW + 600, "jti": "t-1", "tenant": "acme",
    })
}

/// The good claims with these laid over; null removes one.
pub fn with(changes: &Value) -> Value {
    let (Value::Object(mut claims), Value::Object(changes)) = (good(), changes.clone()) else {
        panic!("not objects")
    };
    claims.extend(changes);
    claims.retain(|_, value| !value.is_null());
    Value::Object(claims)
}

pub fn members(value: &Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

pub fn sign(claims: &Value) -> String {
    key("ES256", "k1").sign(&Map::new(), claims).unwrap()
}

pub fn verify_at(
    token: &str,
    issuer: &Issuer,
    now: i64,
) -> Result<Verified<Principal>, TokenError> {
    let result = ward_token::verify(token, issuer, now, &categories);
    if let Err(error) = &result {
        assert_message_is_clean(error, token);
    }
    result
}

pub fn verify(token: &str, issuer: &Issuer) -> Result<Verified<Principal>, TokenError> {
    verify_at(token, issuer, NOW)
}

/// Verifies the good claims with changes, under the plain issuer.
pub fn check(changes: &Value) -> Result<Verified<Principal>, TokenError> {
    check_with(changes, &json!({}))
}

pub fn check_with(changes: &Value, options: &Value) -> Result<Verified<Principal>, TokenError> {
    verify(&sign(&with(changes)), &issuer(options))
}

/// Every refusal in every test goes through here: the message must hold no part of the token.
fn assert_message_is_clean(error: &TokenError, token: &str) {
    let message = format!("{error} {} {}", error.problem(), error.hint());
    assert!(message.len() < 400, "{message}");
    assert!(!message.chars().any(char::is_control), "{message}");
    assert!(error.code().starts_with("WD0") && error.code().len() == 5);
    for value in ["alice", "acme", "t-1", ISSUER, AUDIENCE] {
        assert!(!message.contains(value), "{message} shows {value}");
    }
    for part in token.split('.') {
        for window in part.as_bytes().windows(12) {
            if let Ok(piece) = std::str::from_utf8(window) {
                assert!(!message.contains(piece), "{message} shows {piece}");
            }
        }
    }
}
