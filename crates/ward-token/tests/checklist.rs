//! One test for each rule about form, header, key, type and signature. Each starts from a token that is accepted and changes one
//! thing, so that a refusal has one cause.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::*;
use serde_json::{Map, Value, json};
use ward_mint::{base64url, tamper};
use ward_token::{JsonError, MAX_TOKEN_BYTES, Part, PrincipalKind, TokenError, peek_issuer};

fn header_check(header: &Value) -> Result<(), TokenError> {
    let token = key("ES256", "k1").sign(&members(header), &good()).unwrap();
    verify(&token, &issuer(&json!({}))).map(|_| ())
}

fn raw(header: &str, payload: &str) -> Result<(), TokenError> {
    let token = key("ES256", "k1")
        .sign_raw(header.as_bytes(), payload.as_bytes())
        .unwrap();
    verify(&token, &issuer(&json!({}))).map(|_| ())
}

const HEADER: &str = r#"{"alg":"ES256","kid":"k1"}"#;

#[test]
fn a_good_token_is_accepted() {
    let principal = check(&json!({})).unwrap();
    assert_eq!(principal.issuer, ISSUER);
    assert_eq!(principal.subject, "alice");
    assert_eq!(principal.tenants, ["acme"]);
    assert_eq!(principal.token_id.as_deref(), Some("t-1"));
    assert_eq!(principal.clearance, ward_token::Label::PUBLIC);
    assert_eq!(principal.kind, PrincipalKind::User);
    assert_eq!(
        (principal.issued_at, principal.expires_at),
        (NOW - 10, NOW + 600)
    );
    assert_eq!(
        serde_json::from_str::<Value>(&principal.claims_json).unwrap(),
        good()
    );
    assert_eq!(peek_issuer(&sign(&good())), Ok(ISSUER.to_owned()));
}

#[test]
fn every_algorithm_is_accepted_with_its_key() {
    for alg in ward_mint::ALGS {
        let key = key(alg, "only");
        let issuer = define(&jwks(&[key]), &json!({}), &json!({}));
        let token = key.sign(&Map::new(), &good()).unwrap();
        assert!(verify(&token, &issuer).is_ok(), "{alg}");
        assert!(verify(&tamper(&token), &issuer).is_err(), "{alg}");
    }
}

#[test]
fn ed25519_is_another_name_for_eddsa_but_keys_keep_to_theirs() {
    let key = key("EdDSA", "only");
    let mut jwk = key.jwk();
    let token = key
        .sign(&members(&json!({"alg": "Ed25519"})), &good())
        .unwrap();
    let issuer = |jwk: &Value| define(&json!({"keys": [jwk]}).to_string(), &json!({}), &json!({}));
    let mismatch = verify(&token, &issuer(&jwk));
    assert!(matches!(mismatch, Err(TokenError::KeyMismatch { .. })));
    jwk["alg"] = json!("Ed25519");
    assert!(verify(&token, &issuer(&jwk)).is_ok());
}

// 1: form

#[test]
fn size_is_bounded() {
    let padding = |n: usize| {
        sign(&with(
            &json!({"pad": ["x".repeat(n / 2), "y".repeat(n / 2)]}),
        ))
    };
    assert!(verify(&padding(8000), &issuer(&json!({}))).is_ok());
    let large = padding(14000);
    assert!(large.len() > MAX_TOKEN_BYTES);
    assert_eq!(
        verify(&large, &issuer(&json!({}))),
        Err(TokenError::TooLarge)
    );
}

#[test]
fn only_the_compact_form() {
    let token = sign(&good());
    let issuer = issuer(&json!({}));
    let parts: Vec<&str> = token.split('.').collect();
    let flattened = json!({"protected": parts[0], "payload": parts[1], "signature": parts[2]});
    for bad in [
        String::new(),
        parts[..2].join("."),
        format!("{}.{}.", parts[0], parts[1]),
        format!("{token}.{}", parts[2]),
        flattened.to_string(),
        format!(" {token}"),
        format!("{token}\n"),
        format!("Bearer {token}"),
        format!("\"{token}\""),
        format!("{token}="),
        token.replacen('.', "..", 1),
    ] {
        assert_eq!(verify(&bad, &issuer).unwrap_err().code(), "WD001", "{bad}");
    }
}

#[test]
fn a_signature_has_one_spelling() {
    let token = sign(&good());
    // 64 bytes end in a character with four unused bits; other values of these are refused.
    let (start, last) = token.split_at(token.len() - 1);
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let value = alphabet.find(last).unwrap();
    let other = &alphabet[value + 1..value + 2];
    let refused = verify(&format!("{start}{other}"), &issuer(&json!({})));
    assert_eq!(refused, Err(TokenError::Encoding(Part::Signature)));
}

// 2: header

#[test]
fn the_header_is_strict_json() {
    let payload = good().to_string();
    assert_eq!(raw(HEADER, &payload), Ok(()));
    let json = |problem| Err(TokenError::Json(Part::Header, problem));
    let duplicate = r#"{"alg":"none","kid":"k1","alg":"ES256"}"#;
    assert_eq!(
        raw(duplicate, &payload),
        json(JsonError::Duplicate("alg".into()))
    );
    // Every token begins alike, so that redaction finds each one.
    for other in [
        "[]",
        "{}",
        " {\"alg\":\"ES256\"}",
        "{ \"alg\":\"ES256\"}",
        "\"alg\"",
    ] {
        assert_eq!(raw(other, &payload), Err(TokenError::Beginning), "{other}");
    }
    assert_eq!(raw("", &payload), Err(TokenError::NotThreeParts));
    assert_eq!(
        raw("{\"alg\":\"ES256\"} x", &payload),
        json(JsonError::Syntax)
    );
    assert_eq!(
        raw("{\"alg\":\"ES256\",\"kid\":\"\\u0000\"}", &payload),
        json(JsonError::Nul)
    );
}

#[test]
fn none_and_hmac_are_refused() {
    let payload = base64url(good().to_string().as_bytes());
    for alg in ["none", "None", "nOnE", "HS256", "HS384", "HS512"] {
        let header = base64url(json!({"alg": alg, "kid": "k1"}).to_string().as_bytes());
        let refused = Err(TokenError::AlgRefused(alg.into()));
        assert_eq!(
            verify(&format!("{header}.{payload}.AAAA"), &issuer(&json!({}))),
            refused
        );
        // With an empty signature it is not even a token.
        let unsigned = format!("{header}.{payload}.");
        let refused = Err(TokenError::NotThreeParts);
        assert_eq!(verify(&unsigned, &issuer(&json!({}))), refused);
    }
}

#[test]
fn the_algorithm_must_be_one_of_the_issuers() {
    let only = |algs: Value| check_with(&json!({}), &json!({"algs": algs})).map(|_| ());
    assert_eq!(only(json!(["ES256"])), Ok(()));
    assert_eq!(only(json!(["EdDSA", "ES256"])), Ok(()));
    let (es, ed) = (key("ES256", "k1"), key("EdDSA", "k2"));
    let both = define(&jwks(&[es, ed]), &json!({}), &json!({"algs": ["EdDSA"]}));
    let token = sign(&good());
    assert_eq!(
        verify(&token, &both),
        Err(TokenError::AlgRefused("ES256".into()))
    );
}

#[test]
fn extensions_encryption_compression_and_nesting_are_refused() {
    for (name, value) in [
        ("crit", json!(["exp"])),
        ("crit", json!([])),
        ("b64", json!(false)),
        ("b64", json!(true)),
        ("zip", json!("DEF")),
        ("enc", json!("A256GCM")),
        ("cty", json!("JWT")),
    ] {
        let refused = header_check(&json!({name: value}));
        assert!(
            matches!(refused, Err(TokenError::HeaderMember(n)) if n == name),
            "{refused:?}"
        );
    }
}

#[test]
fn a_token_cannot_bring_its_own_key() {
    let own = key("ES256", "attacker");
    for (name, value) in [
        ("jwk", own.jwk()),
        ("jku", json!("https://attacker.example/jwks")),
        ("x5u", json!("https://attacker.example/cert")),
        ("x5c", json!(["AAAA"])),
    ] {
        let token = own
            .sign(&members(&json!({name: value, "kid": "k1"})), &good())
            .unwrap();
        let refused = verify(&token, &issuer(&json!({})));
        assert!(
            matches!(refused, Err(TokenError::KeyInHeader(n)) if n == name),
            "{refused:?}"
        );
    }
}

// 3: key

#[test]
fn the_key_is_chosen_by_name() {
    let (first, second) = (key("ES256", "k1"), key("ES256", "k2"));
    let both = define(&jwks(&[first, second]), &json!({}), &json!({}));
    for key in [first, second] {
        assert!(verify(&key.sign(&Map::new(), &good()).unwrap(), &both).is_ok());
    }
    let swapped = members(&json!({"kid": "k2"}));
    let token = first.sign(&swapped, &good()).unwrap();
    assert_eq!(verify(&token, &both), Err(TokenError::Signature));
    for kid in ["K1", "k1 ", "", "../k1", "k1' OR '1'='1"] {
        let token = first.sign(&members(&json!({"kid": kid})), &good()).unwrap();
        assert_eq!(verify(&token, &both).unwrap_err().code(), "WD004", "{kid}");
    }
}

#[test]
fn a_token_without_key_name_needs_exactly_one_fitting_key() {
    let nameless = members(&json!({"kid": null}));
    let (es, other, ed) = (key("ES256", "k1"), key("ES256", "k2"), key("EdDSA", "k3"));
    let token = es.sign(&nameless, &good()).unwrap();
    let with_keys = |keys: &[_]| define(&jwks(keys), &json!({}), &json!({}));
    assert!(verify(&token, &with_keys(&[es])).is_ok());
    assert!(verify(&token, &with_keys(&[ed, es])).is_ok());
    assert_eq!(
        verify(&token, &with_keys(&[es, other])),
        Err(TokenError::KeyAmbiguous)
    );
    assert_eq!(
        verify(&token, &with_keys(&[ed])),
        Err(TokenError::KeyAmbiguous)
    );
    assert_eq!(
        verify(&token, &with_keys(&[other])),
        Err(TokenError::Signature)
    );
}

#[test]
fn rotation_accepts_old_and_new_until_the_old_is_gone() {
    let (old, new) = (key("ES256", "k1"), key("ES256", "k2"));
    let (old_token, new_token) = (sign(&good()), new.sign(&Map::new(), &good()).unwrap());
    let during = define(&jwks(&[old, new]), &json!({}), &json!({}));
    assert!(verify(&old_token, &during).is_ok() && verify(&new_token, &during).is_ok());
    let after = define(&jwks(&[new]), &json!({}), &json!({}));
    assert!(verify(&new_token, &after).is_ok());
    assert_eq!(
        verify(&old_token, &after),
        Err(TokenError::KeyUnknown("k1".into()))
    );
}

#[test]
fn the_key_must_be_for_the_algorithm_and_for_signatures() {
    let rsa = key("RS256", "r");
    let token = key("RS512", "unused")
        .sign(&members(&json!({"kid": "r"})), &good())
        .unwrap();
    let refuse = |changes: Value, options: Value| {
        let mut jwk = rsa.jwk();
        for (name, value) in members(&changes) {
            jwk[name] = value;
        }
        // A second key, because a set without any usable key is refused as a definition.
        let set = json!({"keys": [jwk, key("ES256", "k1").jwk()]}).to_string();
        define(&set, &json!({}), &options)
    };
    let mismatch = verify(&token, &refuse(json!({}), json!({})));
    assert!(
        matches!(mismatch, Err(TokenError::KeyMismatch { .. })),
        "{mismatch:?}"
    );

    let good_token = rsa.sign(&Map::new(), &good()).unwrap();
    assert!(verify(&good_token, &refuse(json!({}), json!({}))).is_ok());
    assert!(
        verify(
            &good_token,
            &refuse(json!({"key_ops": ["verify"]}), json!({}))
        )
        .is_ok()
    );
    let not_for_signatures = Err(TokenError::KeyNotForSignatures("r".into()));
    for changes in [
        json!({"use": "enc"}),
        json!({"use": "enc", "key_ops": ["verify"]}),
        json!({"key_ops": ["sign"]}),
        json!({"key_ops": ["encrypt", "wrapKey"]}),
        json!({"key_ops": []}),
        json!({"alg": "RSA-OAEP"}),
    ] {
        assert_eq!(
            verify(&good_token, &refuse(changes, json!({}))),
            not_for_signatures
        );
    }
    let cross = json!({"alg": "PS256"});
    let mismatch = verify(&good_token, &refuse(cross, json!({})));
    assert!(
        matches!(mismatch, Err(TokenError::KeyMismatch { .. })),
        "{mismatch:?}"
    );
}

#[test]
fn curves_do_not_mix() {
    let (es, ed) = (key("ES384", "a"), key("EdDSA", "b"));
    let issuer = define(&jwks(&[es, ed]), &json!({}), &json!({}));
    for header in [
        json!({"alg": "ES256", "kid": "a"}),
        json!({"alg": "EdDSA", "kid": "a"}),
        json!({"alg": "RS256", "kid": "b"}),
    ] {
        let token = es.sign(&members(&header), &good()).unwrap();
        let refused = verify(&token, &issuer);
        assert!(
            matches!(refused, Err(TokenError::KeyMismatch { .. })),
            "{refused:?}"
        );
    }
}

// 4: type

#[test]
fn types() {
    for accepted in ["JWT", "jwt", "at+jwt", "application/at+jwt", "AT+JWT"] {
        assert_eq!(
            header_check(&json!({"typ": accepted})),
            Ok(()),
            "{accepted}"
        );
    }
    assert_eq!(header_check(&json!({"typ": null})), Ok(()));
    for other in [
        "dpop+jwt",
        "secevent+jwt",
        "wit+jwt",
        "txntoken+jwt",
        "logout+jwt",
        "JOSE",
        "",
    ] {
        let refused = header_check(&json!({"typ": other})).unwrap_err();
        assert_eq!(refused.code(), "WD006", "{other}");
    }
}

#[test]
fn types_can_be_narrowed_and_widened() {
    let header = |typ: Value| {
        key("ES256", "k1")
            .sign(&members(&json!({"typ": typ})), &good())
            .unwrap()
    };
    let strict = issuer(&json!({"types": ["at+jwt"]}));
    assert!(verify(&header(json!("at+jwt")), &strict).is_ok());
    for typ in [json!("JWT"), json!(null)] {
        assert_eq!(verify(&header(typ), &strict).unwrap_err().code(), "WD006");
    }
    let wide = issuer(&json!({"types": ["absent", "txntoken+jwt"]}));
    for typ in [json!(null), json!("txntoken+jwt")] {
        assert!(verify(&header(typ), &wide).is_ok());
    }
}

#[test]
fn event_and_bound_tokens_are_refused_whatever_their_type() {
    let events = json!({"events": {"http://schemas.openid.net/event/backchannel-logout": {}}});
    assert_eq!(check(&events), Err(TokenError::EventToken));
    assert_eq!(check(&json!({"cnf": {"jkt": "x"}})), Err(TokenError::Bound));
}

// 5: signature

#[test]
fn another_key_or_another_payload_is_refused() {
    let attacker = key("ES256", "attacker");
    let forged = attacker
        .sign(&members(&json!({"kid": "k1"})), &good())
        .unwrap();
    let issuer = issuer(&json!({}));
    assert_eq!(verify(&forged, &issuer), Err(TokenError::Signature));

    let (mine, theirs) = (sign(&good()), sign(&with(&json!({"sub": "mallory"}))));
    let mine: Vec<&str> = mine.split('.').collect();
    let theirs: Vec<&str> = theirs.split('.').collect();
    let spliced = format!("{}.{}.{}", theirs[0], theirs[1], mine[2]);
    assert_eq!(verify(&spliced, &issuer), Err(TokenError::Signature));
    for signature in ["AA".to_owned(), base64url(&[0; 64]), base64url(&[0xff; 64])] {
        let token = format!("{}.{}.{signature}", mine[0], mine[1]);
        assert_eq!(verify(&token, &issuer), Err(TokenError::Signature));
    }
}
