//! What an administrator may define, and what the error says when it is wrong.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::*;
use serde_json::{Value, json};
use ward_token::{DefineError, Issuer, JsonError};

fn with_keys(jwks: &Value) -> Result<(), DefineError> {
    define_raw(&jwks.to_string(), "{}", "{}")
}

fn define_raw(jwks: &str, claims: &str, options: &str) -> Result<(), DefineError> {
    Issuer::define(ISSUER, AUDIENCE, jwks, claims, options, &categories).map(|_| ())
}

fn with_options(options: &Value) -> Result<(), DefineError> {
    define_raw(&jwks(&[key("ES256", "k1")]), "{}", &options.to_string())
}

/// A set of one key: the JWK of this algorithm with changes laid over; null removes a member.
fn one_key(alg: &str, changes: &Value) -> Result<(), DefineError> {
    let mut jwk = members(&key(alg, "k1").jwk());
    jwk.extend(members(changes));
    jwk.retain(|_, value| !value.is_null());
    with_keys(&json!({"keys": [jwk]}))
}

fn problem(result: Result<(), DefineError>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn keys_of_every_type_are_accepted() {
    for alg in ward_mint::ALGS {
        assert_eq!(one_key(alg, &json!({})), Ok(()));
        // Members that say nothing about the purpose may be absent.
        assert_eq!(
            one_key(alg, &json!({"alg": null, "use": null, "kid": null})),
            Ok(())
        );
        assert_eq!(
            one_key(alg, &json!({"x5c": ["AAAA"], "x5t": "a", "other": 1})),
            Ok(())
        );
    }
}

#[test]
fn secrets_are_refused() {
    let oct = json!({"keys": [{"kty": "oct", "kid": "k1", "k": "c2VjcmV0"}]});
    assert!(problem(with_keys(&oct)).contains("symmetric"));
    // Even next to good keys.
    let mixed = json!({"keys": [key("ES256", "k1").jwk(), {"kty": "oct", "k": "c2VjcmV0"}]});
    assert_eq!(
        problem(with_keys(&mixed)),
        "key \"#2\" in jwks is a symmetric key; only public keys are accepted"
    );
    for (alg, member) in [
        ("ES256", "d"),
        ("EdDSA", "d"),
        ("RS256", "d"),
        ("RS256", "p"),
        ("RS256", "dq"),
        ("RS256", "oth"),
        ("RS256", "k"),
    ] {
        let refused = problem(one_key(alg, &json!({member: "AAAA"})));
        assert!(
            refused.contains("private parts") && refused.contains("\"k1\""),
            "{refused}"
        );
    }
}

#[test]
fn rsa_keys_have_2048_to_8192_bits_and_a_sound_exponent() {
    let modulus = |bits: usize| {
        let mut n = vec![0xff; bits.div_ceil(8)];
        n[0] >>= (8 - bits % 8) % 8;
        ward_mint::base64url(&n)
    };
    let rsa = |n: String| one_key("RS256", &json!({"n": n}));
    assert_eq!(rsa(modulus(2048)), Ok(()));
    assert_eq!(rsa(modulus(8192)), Ok(()));
    assert!(problem(rsa(modulus(2047))).contains("less than 2048 bits"));
    assert!(problem(rsa(modulus(1024))).contains("less than 2048 bits"));
    assert!(problem(rsa(modulus(8193))).contains("more than 8192 bits"));
    let padded = [vec![0; 128], vec![0xff; 128]].concat();
    let refused = problem(rsa(ward_mint::base64url(&padded)));
    assert!(
        refused.contains("less than 2048 bits"),
        "leading zeros are no bits: {refused}"
    );
    let exponent = |e: &[u8]| one_key("RS256", &json!({"e": ward_mint::base64url(e)}));
    assert_eq!(exponent(&[1, 0, 1]), Ok(()));
    assert_eq!(exponent(&[0, 1, 0, 1]), Ok(()));
    for weak in [
        &[1][..],
        &[3],
        &[1, 0, 0],
        &[1, 0, 2],
        &[1, 0, 0, 0, 1],
        &[0],
        &[],
    ] {
        assert!(problem(exponent(weak)).contains("key \"k1\""), "{weak:?}");
    }
}

#[test]
fn malformed_keys_are_refused() {
    for (alg, changes) in [
        ("ES256", json!({"x": "AAAA"})),
        ("ES256", json!({"y": null})),
        ("ES256", json!({"x": 5})),
        ("ES256", json!({"x": "not base64!"})),
        // Right length, not on the curve.
        ("ES256", json!({"x": ward_mint::base64url(&[1; 32])})),
        ("ES384", json!({"x": ward_mint::base64url(&[0xff; 48])})),
        ("ES256", json!({"crv": 256})),
        ("EdDSA", json!({"x": ward_mint::base64url(&[1; 31])})),
        ("RS256", json!({"n": null})),
        ("RS256", json!({"n": "+/=="})),
        ("RS256", json!({"kty": null})),
        ("RS256", json!({"kty": 1})),
        ("RS256", json!({"use": ["sig"]})),
        ("RS256", json!({"key_ops": "verify"})),
        ("RS256", json!({"alg": 7})),
        ("RS256", json!({"kid": ""})),
        ("RS256", json!({"kid": 5})),
        ("RS256", json!({"kid": "x".repeat(129)})),
    ] {
        assert!(
            matches!(one_key(alg, &changes), Err(DefineError::Key { .. })),
            "{alg} {changes}"
        );
    }
    let not_object = with_keys(&json!({"keys": ["key"]}));
    assert!(matches!(not_object, Err(DefineError::Key { .. })));
}

#[test]
fn a_set_needs_a_usable_key_but_may_hold_others() {
    for changes in [
        json!({"use": "enc"}),
        json!({"key_ops": ["sign"]}),
        json!({"alg": "ES384"}),
        json!({"alg": "ECDH-ES"}),
        json!({"crv": "P-521"}),
        json!({"crv": "secp256k1"}),
        json!({"kty": "AKP"}),
    ] {
        assert_eq!(
            one_key("ES256", &changes),
            Err(DefineError::NoUsableKey),
            "{changes}"
        );
        let mut other = members(&key("ES256", "k1").jwk());
        other.extend(members(&changes));
        let set = json!({"keys": [other, key("ES256", "k2").jwk()]});
        assert_eq!(with_keys(&set), Ok(()), "{changes}");
    }
    let only_rsa = define_raw(&jwks(&[key("ES256", "k1")]), "{}", r#"{"algs":["RS256"]}"#);
    assert_eq!(only_rsa, Err(DefineError::NoUsableKey));
}

#[test]
fn sets_are_bounded_and_names_unique() {
    let jwk = |kid: String| {
        let mut jwk = key("ES256", "k1").jwk();
        jwk["kid"] = json!(kid);
        jwk
    };
    let set = |n: usize| json!({"keys": (0..n).map(|i| jwk(i.to_string())).collect::<Vec<_>>()});
    assert_eq!(with_keys(&set(32)), Ok(()));
    for bad in [
        set(0),
        set(33),
        json!({}),
        json!({"keys": {}}),
        jwk("one".into()),
    ] {
        assert_eq!(with_keys(&bad), Err(DefineError::KeyCount));
    }
    let twice = json!({"keys": [jwk("a".into()), jwk("b".into()), jwk("a".into())]});
    assert_eq!(
        with_keys(&twice),
        Err(DefineError::DuplicateKid("a".into()))
    );
    // The name counts whatever the key is for: else one could stand in for the other.
    let mut for_encryption = jwk("a".into());
    for_encryption["use"] = json!("enc");
    let twice = json!({"keys": [jwk("a".into()), for_encryption]});
    assert_eq!(
        with_keys(&twice),
        Err(DefineError::DuplicateKid("a".into()))
    );
}

#[test]
fn arguments_are_strict_json() {
    let keys = jwks(&[key("ES256", "k1")]);
    let json = |argument, problem| Err(DefineError::Json(argument, problem));
    assert_eq!(define_raw("", "{}", "{}"), json("jwks", JsonError::Syntax));
    assert_eq!(
        define_raw("[]", "{}", "{}"),
        json("jwks", JsonError::NotObject)
    );
    assert_eq!(
        define_raw(&keys, "null", "{}"),
        json("claims", JsonError::NotObject)
    );
    assert_eq!(
        define_raw(&keys, "{}", "x"),
        json("options", JsonError::Syntax)
    );
    let duplicate = define_raw(&keys, r#"{"tenant":"a","tenant":"b"}"#, "{}");
    assert_eq!(
        duplicate,
        json("claims", JsonError::Duplicate("tenant".into()))
    );
}

#[test]
fn names() {
    let keys = jwks(&[key("ES256", "k1")]);
    let define =
        |name, audience| Issuer::define(name, audience, &keys, "{}", "{}", &categories).map(|_| ());
    assert_eq!(define(ISSUER, AUDIENCE), Ok(()));
    for bad in ["", "a\nb", "a\0", &"x".repeat(513)] {
        assert_eq!(
            define(bad, AUDIENCE),
            Err(DefineError::Name("the issuer's name"))
        );
        assert_eq!(define(ISSUER, bad), Err(DefineError::Name("the audience")));
    }
}

#[test]
fn options_are_checked_and_named() {
    assert_eq!(
        with_options(&json!({
            "profile": "generic", "algs": ["ES256"], "types": ["at+jwt", "absent"], "leeway_s": 0,
            "max_ttl_s": 86400, "max_agent_ttl_s": 1, "max_clearance": "restricted{pii,apollo}",
            "sole_audience": false, "tenants": ["a", 1, "b-*"], "required": ["a.b"],
            "kinds": ["user"], "default_kind": "user",
        })),
        Ok(())
    );
    for (key, value) in [
        ("profile", json!("okta")),
        ("algs", json!("ES256")),
        ("algs", json!([])),
        ("algs", json!(["HS256"])),
        ("algs", json!(["none"])),
        ("algs", json!(["es256"])),
        ("types", json!([])),
        ("types", json!([null])),
        ("types", json!([""])),
        ("types", json!(["dpop+jwt"])),
        ("types", json!(["application/secevent+jwt"])),
        ("leeway_s", json!(61)),
        ("leeway_s", json!(-1)),
        ("leeway_s", json!(5.0)),
        ("leeway_s", json!("5")),
        ("max_ttl_s", json!(0)),
        ("max_ttl_s", json!(86401)),
        ("max_agent_ttl_s", json!(86401)),
        ("max_clearance", json!("top")),
        ("max_clearance", json!(null)),
        ("sole_audience", json!("true")),
        ("tenants", json!([])),
        ("tenants", json!([""])),
        ("tenants", json!([1.5])),
        ("tenants", json!("acme")),
        ("required", json!(["a..b"])),
        ("required", json!("sub")),
        ("kinds", json!(["robot"])),
        ("kinds", json!([])),
        ("default_kind", json!("robot")),
    ] {
        let message = problem(with_options(&json!({key: value})));
        assert!(
            message.starts_with(&format!("\"{key}\" in options must be ")),
            "{message}"
        );
    }
    let unknown = problem(with_options(&json!({"leeway": 5})));
    assert!(unknown.starts_with("options has the unknown key \"leeway\"; known keys are profile"));
}

#[test]
fn claim_paths_are_checked_and_named() {
    let keys = jwks(&[key("ES256", "k1")]);
    let claims = |claims: Value| define_raw(&keys, &claims.to_string(), "{}");
    assert_eq!(
        claims(json!({
            "subject": "oid", "tenant": "org.id", "groups": ["a.b", "c"], "roles": null,
            "clearance": "https://example.com/clearance", "kind": "k", "sid": "s",
        })),
        Ok(())
    );
    for (key, value) in [
        ("tenant", json!("")),
        ("tenant", json!("a..b")),
        ("tenant", json!(".a")),
        ("tenant", json!(5)),
        ("tenant", json!([])),
        ("tenant", json!([""])),
        ("tenant", json!(["a", 5])),
        ("tenant", json!(vec!["a"; 9])),
        ("subject", json!(null)),
        ("groups", json!({"a": "b"})),
    ] {
        let message = problem(claims(json!({key: value})));
        assert!(
            message.starts_with(&format!("\"{key}\" in claims must be ")),
            "{message}"
        );
    }
    for value in [json!("a"), json!(null), json!(5)] {
        let message = problem(claims(json!({"tenants": value})));
        assert!(
            message.starts_with("claims has the unknown key \"tenants\""),
            "{message}"
        );
    }
}
