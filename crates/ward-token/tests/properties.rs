//! Properties: no changed token passes, and nothing panics.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::sync::LazyLock;

use common::*;
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use ward_token::{Issuer, peek_issuer, shape_check};

/// An accepted token for each family, and its issuer.
static ACCEPTED: LazyLock<Vec<(String, Issuer)>> = LazyLock::new(|| {
    let accepted = ["ES256", "EdDSA", "RS256", "PS256"].map(|alg| {
        let key = key(alg, "only");
        let token = key.sign(&Map::new(), &good()).unwrap();
        let issuer = define(&jwks(&[key]), &json!({}), &json!({}));
        // The control: unchanged, it is accepted.
        assert!(verify(&token, &issuer).is_ok());
        (token, issuer)
    });
    accepted.into()
});

fn refused(token: &str, issuer: &Issuer) -> bool {
    verify(token, issuer).is_err()
}

#[test]
fn every_single_bit_counts() {
    for (token, issuer) in &ACCEPTED[..2] {
        for position in 0..token.len() {
            for bit in 0..7 {
                let mut bytes = token.clone().into_bytes();
                bytes[position] ^= 1 << bit;
                let changed = String::from_utf8(bytes).unwrap();
                assert!(refused(&changed, issuer), "byte {position} bit {bit}");
            }
        }
    }
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map("[a-z]{1,4}", inner, 0..4)
                .prop_map(|map| map.into_iter().collect()),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn one_changed_byte(which in 0..4usize, at in any::<prop::sample::Index>(), to in 0..128u8) {
        let (token, issuer) = &ACCEPTED[which];
        let mut bytes = token.clone().into_bytes();
        let at = at.index(bytes.len());
        prop_assume!(bytes[at] != to);
        bytes[at] = to;
        prop_assert!(refused(&String::from_utf8(bytes).unwrap(), issuer));
    }

    #[test]
    fn a_piece_removed_or_repeated(
        which in 0..4usize,
        from in any::<prop::sample::Index>(),
        length in 1..40usize,
        repeat in any::<bool>(),
    ) {
        let (token, issuer) = &ACCEPTED[which];
        let from = from.index(token.len());
        let to = (from + length).min(token.len());
        let piece = if repeat { token[from..to].repeat(2) } else { String::new() };
        let changed = format!("{}{piece}{}", &token[..from], &token[to..]);
        prop_assert!(refused(&changed, issuer));
    }

    #[test]
    fn no_text_panics(text in ".{0,200}|[A-Za-z0-9._-]{0,200}|e[A-Za-z0-9]{9,40}\\.e[A-Za-z0-9]{9,40}\\.[A-Za-z0-9]{2,90}") {
        let shaped = shape_check(&text).is_ok();
        prop_assert!(shaped || peek_issuer(&text).is_err());
        prop_assert!(refused(&text, &ACCEPTED[0].1));
    }

    #[test]
    fn no_signed_bytes_panic(header in any::<Vec<u8>>(), payload in any::<Vec<u8>>()) {
        let key = key("ES256", "only");
        let good_header = br#"{"alg":"ES256"}"#;
        for (header, payload) in [(&header[..], &payload[..]), (&good_header[..], &payload[..])] {
            let token = key.sign_raw(header, payload).unwrap();
            prop_assert!(refused(&token, &ACCEPTED[0].1));
        }
    }

    /// Any value in any claim: refused or accepted, never a panic; and what is accepted still has
    /// the identity that was signed.
    #[test]
    fn any_claim_may_hold_anything(
        name in prop::sample::select(vec!["iss", "aud", "sub", "iat", "exp", "nbf", "jti", "tenant",
            "groups", "roles", "clearance", "kind", "sid", "acr", "amr", "auth_time", "act"]),
        value in json_value(),
    ) {
        let key = key("ES256", "only");
        let token = key.sign(&Map::new(), &with(&json!({name: value}))).unwrap();
        if let Ok(principal) = verify(&token, &ACCEPTED[0].1) {
            prop_assert_eq!(&principal.issuer, ISSUER);
            prop_assert!(principal.expires_at > NOW - 5);
            prop_assert!(principal.tenants.iter().all(|t| !t.is_empty() && !t.contains('\0')));
        }
    }

    #[test]
    fn no_definition_panics(jwks in json_value(), claims in json_value(), options in json_value()) {
        let keys = common::jwks(&[key("ES256", "only")]);
        for jwks in [&jwks.to_string(), &json!({"keys": [jwks]}).to_string(), &keys] {
            let _ = Issuer::define(ISSUER, AUDIENCE, jwks, &claims.to_string(),
                &options.to_string(), &categories);
        }
    }
}
