//! Claims of the shapes that real issuers write, read into principals.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::*;
use serde_json::{Value, json};
use ward_token::{Label, Principal, PrincipalKind, TokenError, Verified};

fn map(
    mapping: &Value,
    options: &Value,
    claims: &Value,
) -> Result<Verified<Principal>, TokenError> {
    let issuer = define(&jwks(&[key("ES256", "k1")]), mapping, options);
    verify(&sign(&with(claims)), &issuer)
}

fn label(text: &str) -> Label {
    Label::parse(text, &categories).unwrap()
}

#[test]
fn nested_namespaced_and_dotted_names() {
    let claims = json!({
        "org": {"id": "nested", "deep": {"er": "deeper"}},
        "org.id": "dotted",
        "https://example.com/tenant": "namespaced",
        "https://example.com/app": {"tenant.id": "inside"},
    });
    for (path, tenant) in [
        (json!("org.id"), "nested"),
        (json!("org.deep.er"), "deeper"),
        (json!(["org.id"]), "dotted"),
        (json!("https://example.com/tenant"), "namespaced"),
        (json!(["https://example.com/tenant"]), "namespaced"),
        (json!(["https://example.com/app", "tenant.id"]), "inside"),
    ] {
        let principal = map(&json!({"tenant": path}), &json!({}), &claims).unwrap();
        assert_eq!(principal.tenants, [tenant], "{path}");
    }
}

#[test]
fn absent_null_and_off_mean_none() {
    for claims in [
        json!({"tenant": null}),
        json!({"tenant": {"x": 1}, "x": null}),
    ] {
        let principal = map(&json!({"tenant": "tenant.id"}), &json!({}), &claims).unwrap();
        assert!(principal.tenants.is_empty());
    }
    let off = json!({"tenant": null, "groups": null, "clearance": null, "kind": null});
    let claims = json!({"tenant": 1.5, "groups": 7, "clearance": [], "kind": "?"});
    let principal = map(&off, &json!({}), &claims).unwrap();
    assert!(principal.tenants.is_empty() && principal.groups.is_empty());
    assert_eq!(
        (principal.clearance, principal.kind),
        (Label::PUBLIC, PrincipalKind::User)
    );
}

#[test]
fn tenant_is_text_whole_number_or_a_list() {
    let tenants = |value: Value| check(&json!({"tenant": value})).map(|p| p.tenants.clone());
    assert_eq!(tenants(json!("acme")).unwrap(), ["acme"]);
    assert_eq!(tenants(json!(42)).unwrap(), ["42"]);
    assert_eq!(tenants(json!(-1)).unwrap(), ["-1"]);
    assert_eq!(tenants(json!(u64::MAX)).unwrap(), [u64::MAX.to_string()]);
    assert_eq!(
        tenants(json!(["b", "a", 7, "b", "7"])).unwrap(),
        ["b", "a", "7"]
    );
    assert_eq!(tenants(json!([])).unwrap(), [] as [&str; 0]);
    let many: Vec<String> = (0..513).map(|i| i.to_string()).collect();
    assert_eq!(tenants(json!(many[..512])).unwrap().len(), 512);
    for bad in [
        json!(""),
        json!([""]),
        json!(1.5),
        json!([1.0]),
        json!(true),
        json!({"a": {}}),
        json!([["a"]]),
        json!([null]),
        json!("a\u{7}"),
        json!("x".repeat(513)),
        json!(many),
    ] {
        let refused = tenants(bad).unwrap_err();
        assert!(
            matches!(refused, TokenError::ClaimForm { .. }),
            "{refused:?}"
        );
    }
}

#[test]
fn groups_are_a_list_or_text_with_spaces() {
    let groups = |value: Value| check(&json!({"groups": value})).map(|p| p.groups.clone());
    assert_eq!(
        groups(json!(["/hr/eu", "staff", "staff"])).unwrap(),
        ["/hr/eu", "staff"]
    );
    assert_eq!(
        groups(json!("read  write read")).unwrap(),
        ["read", "write"]
    );
    assert_eq!(groups(json!(["with space"])).unwrap(), ["with space"]);
    assert_eq!(groups(json!("")).unwrap(), [] as [&str; 0]);
    for bad in [
        json!(7),
        json!([7]),
        json!({"a": 1}),
        json!([""]),
        json!(["a", null]),
    ] {
        let refused = groups(bad).unwrap_err();
        assert!(
            matches!(refused, TokenError::ClaimForm { .. }),
            "{refused:?}"
        );
    }
    let scope = map(
        &json!({"groups": "scope"}),
        &json!({}),
        &json!({"scope": "a b"}),
    )
    .unwrap();
    assert_eq!(scope.groups, ["a", "b"]);
}

#[test]
fn clearance_is_read_and_capped() {
    let clearance = |value: Value, cap: Option<&str>| {
        let options = cap.map_or(json!({}), |cap| json!({"max_clearance": cap}));
        check_with(&json!({"clearance": value}), &options).map(|p| p.clearance)
    };
    assert_eq!(clearance(json!(null), None), Ok(Label::PUBLIC));
    assert_eq!(clearance(json!(null), Some("secret")), Ok(Label::PUBLIC));
    assert_eq!(
        clearance(json!("secret{pii}"), None),
        Ok(label("secret{pii}"))
    );
    assert_eq!(
        clearance(json!(["Restricted {phi}"]), None),
        Ok(label("restricted{phi}"))
    );
    assert_eq!(
        clearance(json!("internal{apollo}"), None),
        Ok(label("internal{x3}"))
    );
    let capped = clearance(json!("secret{pii,phi}"), Some("restricted{pii,hr}"));
    assert_eq!(capped, Ok(label("restricted{pii}")));
    for bad in [
        json!("top"),
        json!(""),
        json!(4),
        json!(["internal", "secret"]),
        json!([]),
        json!("internal{nope}"),
        json!({"level": "secret"}),
    ] {
        assert_eq!(clearance(bad, Some("public")), Err(TokenError::Clearance));
    }
}

#[test]
fn kinds() {
    let kind = |value: Value, options: Value| {
        check_with(&json!({"kind": value}), &options).map(|p| p.kind)
    };
    for known in [
        PrincipalKind::User,
        PrincipalKind::Service,
        PrincipalKind::Agent,
    ] {
        assert_eq!(kind(json!(known.name()), json!({})), Ok(known));
    }
    let service = json!({"default_kind": "service"});
    assert_eq!(kind(json!(null), service), Ok(PrincipalKind::Service));
    for bad in [json!("root"), json!("User"), json!(1), json!(["user"])] {
        assert_eq!(kind(bad, json!({})), Err(TokenError::KindRefused));
    }
    let users = json!({"kinds": ["user"]});
    assert_eq!(kind(json!("user"), users.clone()), Ok(PrincipalKind::User));
    assert_eq!(
        kind(json!("service"), users.clone()),
        Err(TokenError::KindRefused)
    );
    let delegated = check_with(&json!({"act": {"sub": "bot"}}), &users);
    assert_eq!(delegated, Err(TokenError::KindRefused));
}

#[test]
fn session_and_authentication_facts() {
    let claims = json!({"sid": "s", "acr": "urn:mace:silver", "amr": ["pwd", "otp"],
        "auth_time": NOW - 60, "nbf": NOW - 10});
    let principal = check(&claims).unwrap();
    assert_eq!(principal.session_id.as_deref(), Some("s"));
    assert_eq!(principal.acr.as_deref(), Some("urn:mace:silver"));
    assert_eq!(principal.amr, ["pwd", "otp"]);
    assert_eq!(principal.auth_time, Some(NOW - 60));
    assert_eq!(principal.not_before, Some(NOW - 10));
    for bad in [
        json!({"sid": 5}),
        json!({"acr": []}),
        json!({"amr": 1}),
        json!({"jti": 9}),
        json!({"jti": ""}),
    ] {
        let refused = check(&bad).unwrap_err();
        assert!(matches!(refused, TokenError::ClaimForm { .. }), "{bad}");
    }
}

#[test]
fn keycloak() {
    let options = json!({"profile": "keycloak"});
    // An access token of Keycloak 26 with organisations, and what it adds besides.
    let claims = json!({
        "tenant": null, "typ": "Bearer", "azp": "app", "sid": "0b7c", "acr": "1",
        "allowed-origins": ["https://app.example.com"], "scope": "openid profile",
        "realm_access": {"roles": ["offline_access", "analyst"]},
        "resource_access": {"account": {"roles": ["view-profile"]}},
        "organization": ["acme"], "groups": ["/staff"], "preferred_username": "alice",
        "email_verified": true,
    });
    let principal = map(&json!({}), &options, &claims).unwrap();
    assert_eq!(principal.tenants, ["acme"]);
    assert_eq!(principal.roles, ["offline_access", "analyst"]);
    assert_eq!(principal.groups, ["/staff"]);
    assert_eq!(principal.session_id.as_deref(), Some("0b7c"));

    let with_ids = json!({"organization": {"acme": {"id": "42c3"}, "beta": {}}});
    let principal = map(&json!({}), &options, &with_ids).unwrap();
    assert_eq!(principal.tenants, ["acme", "beta"]);
    let attribute = map(
        &json!({"tenant": "organization.acme.id"}),
        &options,
        &with_ids,
    )
    .unwrap();
    assert_eq!(attribute.tenants, ["42c3"]);
    let client_roles = json!({"groups": ["resource_access", "account", "roles"]});
    assert_eq!(
        map(&client_roles, &options, &claims).unwrap().groups,
        ["view-profile"]
    );
    // Only there is an object a list of tenants.
    let generic = map(&json!({"tenant": "organization"}), &json!({}), &with_ids);
    assert!(matches!(generic, Err(TokenError::ClaimForm { .. })));
}

#[test]
fn auth0() {
    let options = json!({"profile": "auth0"});
    let claims = json!({
        "tenant": null, "sub": "auth0|5f7c", "aud": [AUDIENCE, "https://x.auth0.com/userinfo"],
        "azp": "client", "scope": "openid profile", "org_id": "org_9ybsU1dN2dKfDkBi",
        "permissions": ["read:docs"], "https://example.com/clearance": "internal",
    });
    let mapping = json!({"clearance": "https://example.com/clearance"});
    let principal = map(&mapping, &options, &claims).unwrap();
    assert_eq!(principal.tenants, ["org_9ybsU1dN2dKfDkBi"]);
    assert_eq!(principal.roles, ["read:docs"]);
    assert_eq!(principal.clearance, label("internal"));
    assert_eq!(principal.kind, PrincipalKind::User);
    let machine = json!({"sub": "abc@clients", "gty": "client-credentials"});
    assert_eq!(
        map(&json!({}), &options, &machine).unwrap().kind,
        PrincipalKind::Service
    );
    let password = json!({"gty": "password"});
    assert_eq!(
        map(&json!({}), &options, &password).unwrap().kind,
        PrincipalKind::User
    );
}

#[test]
fn entra() {
    let options = json!({"profile": "entra"});
    let claims = json!({
        "tenant": null, "ver": "2.0", "sub": "pairwise", "oid": "11ab-22cd", "tid": "9188040d",
        "groups": ["c9aa"], "roles": ["Reader"], "scp": "access", "azp": "app", "uti": "x",
        "idtyp": "user", "nbf": NOW - 10, "rh": "0.A",
    });
    let principal = map(&json!({}), &options, &claims).unwrap();
    assert_eq!(principal.subject, "11ab-22cd");
    assert_eq!(principal.tenants, ["9188040d"]);
    assert_eq!(
        (&principal.groups[..], &principal.roles[..]),
        (&["c9aa".to_owned()][..], &["Reader".to_owned()][..])
    );
    let app = json!({"oid": "a", "idtyp": "app"});
    assert_eq!(
        map(&json!({}), &options, &app).unwrap().kind,
        PrincipalKind::Service
    );
    let no_oid = map(&json!({}), &options, &json!({}));
    assert_eq!(no_oid, Err(TokenError::ClaimMissing("oid".into())));
    // More groups than fit: the token says where else they are.
    let overage = json!({
        "oid": "a", "_claim_names": {"groups": "src1"},
        "_claim_sources": {"src1": {"endpoint": "https://graph.microsoft.com/v1.0/x"}},
    });
    let refused = map(&json!({}), &options, &overage);
    assert_eq!(refused, Err(TokenError::ClaimElsewhere("groups".into())));
}
