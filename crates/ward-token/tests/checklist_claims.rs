//! One test for each rule about the claims of a token, from its issuer to its revocation. Each
//! starts from a token that is accepted and changes one thing.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::*;
use serde_json::{Value, json};
use ward_token::{JsonError, Part, PrincipalKind, TokenError, recheck};

const HEADER: &str = r#"{"alg":"ES256","kid":"k1"}"#;

fn raw(payload: &str) -> Result<(), TokenError> {
    let token = key("ES256", "k1")
        .sign_raw(HEADER.as_bytes(), payload.as_bytes())
        .unwrap();
    verify(&token, &issuer(&json!({}))).map(|_| ())
}

// 6: issuer, audience, subject

#[test]
fn the_issuer_is_one_exact_string() {
    for iss in [
        json!("https://idp.example.com/"),
        json!("https://IDP.example.com"),
        json!("http://idp.example.com"),
        json!("https://idp.example.com.evil.example"),
        json!(" https://idp.example.com"),
    ] {
        assert_eq!(check(&json!({"iss": iss})), Err(TokenError::IssuerMismatch));
    }
    for iss in [
        json!(null),
        json!(5),
        json!(""),
        json!([ISSUER]),
        json!(["evil", ISSUER]),
        json!({}),
    ] {
        assert_eq!(check(&json!({"iss": iss})), Err(TokenError::IssuerMissing));
    }
}

#[test]
fn the_audience_is_this_database() {
    for aud in [
        json!(AUDIENCE),
        json!([AUDIENCE]),
        json!(["other", AUDIENCE]),
    ] {
        assert!(check(&json!({"aud": aud})).is_ok());
    }
    for aud in [
        json!("other"),
        json!([]),
        json!(["app"]),
        json!("APP-DB"),
        json!("app-db app"),
    ] {
        assert_eq!(
            check(&json!({"aud": aud})),
            Err(TokenError::AudienceMismatch)
        );
    }
    for aud in [
        json!(null),
        json!(1),
        json!({"app-db": 1}),
        json!([AUDIENCE, 1]),
    ] {
        assert_eq!(
            check(&json!({"aud": aud})),
            Err(TokenError::AudienceMissing)
        );
    }
    let sole = json!({"sole_audience": true});
    assert!(check_with(&json!({"aud": [AUDIENCE]}), &sole).is_ok());
    let refused = check_with(&json!({"aud": ["other", AUDIENCE]}), &sole);
    assert_eq!(refused, Err(TokenError::AudienceNotSole));
}

#[test]
fn the_subject_is_a_name() {
    assert_eq!(
        check(&json!({"sub": null})),
        Err(TokenError::ClaimMissing("sub".into()))
    );
    for sub in [
        json!(""),
        json!(7),
        json!(["a"]),
        json!("a\nb"),
        json!("x".repeat(513)),
    ] {
        let refused = check(&json!({"sub": sub})).unwrap_err();
        assert!(
            matches!(refused, TokenError::ClaimForm { .. }),
            "{refused:?}"
        );
    }
    assert!(check(&json!({"sub": "auth0|5f7c8ec7c33c6c004bbafe82"})).is_ok());
}

// 7: times

#[test]
fn times_are_required_whole_numbers() {
    for name in ["exp", "iat"] {
        let missing = TokenError::ClaimMissing(name.into());
        assert_eq!(check(&json!({name: null})), Err(missing));
    }
    for name in ["exp", "iat", "nbf", "auth_time"] {
        for value in [
            json!("1767226200"),
            json!(1.5),
            json!(1767225600.0),
            json!(1e18),
            json!(0),
            json!(-5),
            json!(i64::MAX),
            json!(u64::MAX),
            json!(253402300800_i64),
            json!([NOW]),
            json!(true),
        ] {
            let refused = check(&json!({name: value})).unwrap_err();
            assert!(
                matches!(refused, TokenError::ClaimForm { .. }),
                "{name} {refused:?}"
            );
        }
    }
}

#[test]
fn expiry() {
    let token = sign(&good());
    let issuer = issuer(&json!({}));
    // exp is NOW + 600; five seconds of clock difference are allowed.
    assert!(verify_at(&token, &issuer, NOW + 604).is_ok());
    assert_eq!(
        verify_at(&token, &issuer, NOW + 605),
        Err(TokenError::Expired)
    );
    let exact = common::issuer(&json!({"leeway_s": 0}));
    assert!(verify_at(&token, &exact, NOW + 599).is_ok());
    assert_eq!(
        verify_at(&token, &exact, NOW + 600),
        Err(TokenError::Expired)
    );
    let wide = common::issuer(&json!({"leeway_s": 60}));
    assert!(verify_at(&token, &wide, NOW + 659).is_ok());
    assert_eq!(
        verify_at(&token, &wide, NOW + 660),
        Err(TokenError::Expired)
    );
}

#[test]
fn not_before_and_issued_at() {
    assert!(check(&json!({"nbf": NOW + 5})).is_ok());
    assert_eq!(
        check(&json!({"nbf": NOW + 6})),
        Err(TokenError::NotYetValid)
    );
    assert!(check(&json!({"iat": NOW + 5})).is_ok());
    assert_eq!(
        check(&json!({"iat": NOW + 6})),
        Err(TokenError::IssuedInFuture)
    );
}

#[test]
fn lifetime() {
    let lives = |seconds: i64, options: Value| {
        check_with(
            &json!({"iat": NOW - 10, "exp": NOW - 10 + seconds}),
            &options,
        )
        .map(|_| ())
    };
    assert_eq!(lives(86_400, json!({})), Ok(()));
    assert_eq!(
        lives(86_401, json!({})),
        Err(TokenError::LifetimeTooLong(86_400))
    );
    assert_eq!(lives(600, json!({"max_ttl_s": 600})), Ok(()));
    assert_eq!(
        lives(601, json!({"max_ttl_s": 600})),
        Err(TokenError::LifetimeTooLong(600))
    );
    for (iat, exp) in [(NOW + 4, NOW + 3), (NOW, NOW)] {
        let none = check(&json!({"iat": iat, "exp": exp}));
        assert_eq!(none, Err(TokenError::NoLifetime));
    }
}

#[test]
fn agents_live_fifteen_minutes() {
    let agent = |seconds: i64, more: Value, options: Value| {
        let mut claims = json!({"kind": "agent", "exp": NOW - 10 + seconds});
        for (name, value) in members(&more) {
            claims[name] = value;
        }
        check_with(&claims, &options).map(|p| p.kind)
    };
    let agent_kind = Ok(PrincipalKind::Agent);
    assert_eq!(agent(900, json!({}), json!({})), agent_kind);
    let too_long = Err(TokenError::LifetimeTooLong(900));
    assert_eq!(agent(901, json!({}), json!({})), too_long);
    assert_eq!(
        agent(3600, json!({}), json!({"max_agent_ttl_s": 3600})),
        agent_kind
    );
    // Somebody acts for the subject and no kind is named: an agent.
    let delegated = json!({"kind": null, "act": {"sub": "bot"}});
    assert_eq!(agent(901, delegated.clone(), json!({})), too_long);
    assert_eq!(agent(900, delegated, json!({})), agent_kind);
    // The general limit holds for agents as well.
    let narrower = json!({"max_ttl_s": 60});
    assert_eq!(
        agent(61, json!({}), narrower),
        Err(TokenError::LifetimeTooLong(60))
    );
}

// 8: claims

#[test]
fn the_payload_is_strict_json() {
    let payload = good().to_string();
    let open = payload.strip_suffix('}').unwrap();
    let json = |problem| Err(TokenError::Json(Part::Payload, problem));
    for (more, name) in [
        (r#","tenant":"evil"}"#, "tenant"),
        (r#","exp":9999999999}"#, "exp"),
        (r#","a":{"b":[{"c":1,"c":1}]}}"#, "c"),
    ] {
        let duplicate = json(JsonError::Duplicate(name.into()));
        assert_eq!(raw(&format!("{open}{more}")), duplicate);
    }
    for (payload, problem) in [
        (format!("{payload} x"), JsonError::Syntax),
        (format!("[{payload}]"), JsonError::NotObject),
        (format!("{open},\"a\":\"\\u0000\"}}"), JsonError::Nul),
        (
            format!("{open},\"a\":{}{}}}", "[".repeat(16), "]".repeat(16)),
            JsonError::TooDeep,
        ),
        (
            format!("{open},\"a\":[{}0]}}", "0,".repeat(2100)),
            JsonError::TooMany,
        ),
        (
            format!("{open},\"a\":\"{}\"}}", "x".repeat(8193)),
            JsonError::TooLong,
        ),
    ] {
        assert_eq!(raw(&payload), json(problem));
    }
    let binary = key("ES256", "k1")
        .sign_raw(HEADER.as_bytes(), b"{\"a\":\"\xff\"}")
        .unwrap();
    let refused = verify(&binary, &issuer(&json!({})));
    assert_eq!(
        refused,
        Err(TokenError::Json(Part::Payload, JsonError::Syntax))
    );
}

#[test]
fn control_tenants_must_be_allowed_for_the_issuer() {
    let options = json!({"tenants": ["acme", "eu-*", 42]});
    for tenant in [
        json!("acme"),
        json!("eu-1"),
        json!(42),
        json!("42"),
        json!(["acme", "eu-2"]),
    ] {
        assert!(check_with(&json!({"tenant": tenant}), &options).is_ok());
    }
    for tenant in [
        json!("acme2"),
        json!("us-1"),
        json!(["acme", "us-1"]),
        json!("*"),
        json!(43),
    ] {
        let refused = check_with(&json!({"tenant": tenant}), &options);
        assert_eq!(refused, Err(TokenError::TenantRefused));
    }
}

#[test]
fn required_claims() {
    let options = json!({"required": ["tenant", "acr", "org.id", ["https://x.example/y"]]});
    let all = json!({"acr": "2", "org": {"id": 1}, "https://x.example/y": true});
    assert!(check_with(&all, &options).is_ok());
    for (gone, name) in [("tenant", "tenant"), ("acr", "acr"), ("org", "org.id")] {
        let mut claims = all.clone();
        claims[gone] = json!(null);
        let missing = TokenError::ClaimMissing(name.into());
        assert_eq!(check_with(&claims, &options), Err(missing));
    }
}

// 11: delegation (form only)

#[test]
fn actor_chains() {
    let chain = |n: usize| {
        (0..n).fold(Value::Null, |inner, i| match inner {
            Value::Null => json!({"sub": format!("a{i}")}),
            inner => json!({"sub": format!("a{i}"), "act": inner}),
        })
    };
    let principal = check(&json!({"act": chain(4), "exp": NOW + 600})).unwrap();
    assert_eq!(principal.actors, ["a3", "a2", "a1", "a0"]);
    for act in [
        chain(5),
        json!("bot"),
        json!({}),
        json!({"sub": 5}),
        json!({"sub": ""}),
        json!([]),
        json!({"sub": "a", "act": {"client_id": "b"}}),
    ] {
        assert_eq!(check(&json!({"act": act})), Err(TokenError::Delegation));
    }
}

// 9 and 12: at each use

#[test]
fn recheck_follows_the_clock() {
    let principal = check(&json!({"nbf": NOW - 5})).unwrap();
    assert_eq!(recheck(&principal, 5, NOW), Ok(()));
    assert_eq!(recheck(&principal, 5, NOW + 605), Err(TokenError::Expired));
    assert_eq!(recheck(&principal, 0, NOW + 600), Err(TokenError::Expired));
    assert_eq!(
        recheck(&principal, 0, NOW - 6),
        Err(TokenError::NotYetValid)
    );
    assert_eq!(
        recheck(&principal, 0, i64::MIN).unwrap_err().code(),
        "WD009"
    );
    assert_eq!(
        recheck(&principal, i64::MAX, i64::MAX),
        Err(TokenError::Expired)
    );
}

#[test]
fn revocation_asks_about_token_subject_and_session() {
    use ward_token::{RevocationKind, check_revoked};
    let principal = check(&json!({"sid": "s-1"})).unwrap();
    assert_eq!(check_revoked(&principal, |_, _| false), Ok(()));
    for (kind, name) in [
        (RevocationKind::Token, "t-1"),
        (RevocationKind::Subject, "alice"),
        (RevocationKind::Session, "s-1"),
    ] {
        let revoked = check_revoked(&principal, |k, n| k == kind && n == name);
        assert_eq!(revoked, Err(TokenError::Revoked(kind)));
        assert_eq!(RevocationKind::from_name(kind.name()), Some(kind));
    }
    let nameless = check(&json!({"jti": null})).unwrap();
    assert_eq!(
        check_revoked(&nameless, |kind, _| kind == RevocationKind::Token),
        Ok(())
    );
}
