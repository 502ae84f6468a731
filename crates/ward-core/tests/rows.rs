//! The row rules as properties, then case by case.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::prelude::*;
use proptest::sample::subsequence;
use ward_core::rows::{LabelRule, TenantRule, acl, owner, read_label};
use ward_core::{Category, Decision, Denial, Label, Level, Principal, PrincipalKind};

fn principal(tenants: &[&str], groups: &[&str]) -> Principal {
    let text = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect();
    Principal {
        issuer: "https://idp.example.com".into(),
        subject: "alice".into(),
        tenants: text(tenants),
        groups: text(groups),
        roles: Vec::new(),
        clearance: Label::PUBLIC,
        kind: PrincipalKind::User,
        token_id: None,
        session_id: None,
        issued_at: 0,
        not_before: None,
        expires_at: 1,
        acr: None,
        amr: Vec::new(),
        auth_time: None,
        actors: Vec::new(),
        claims_json: "{\"secret\":1}".into(),
    }
}

const TENANTS: [&str; 5] = ["a", "b", "c", "shared", ""];

fn tenants() -> impl Strategy<Value = Vec<&'static str>> {
    subsequence(TENANTS.to_vec(), 0..=TENANTS.len())
}

fn some_tenant() -> impl Strategy<Value = Option<&'static str>> {
    prop::option::of(prop::sample::select(TENANTS.to_vec()))
}

/// Few categories, so that dominance holds about as often as not.
fn label() -> impl Strategy<Value = Label> {
    (0..5usize, 0..8u8).prop_map(|(level, bits)| {
        (0..3)
            .filter(|i| bits & (1 << i) != 0)
            .filter_map(Category::from_index)
            .fold(Label::of(Level::ALL[level]), Label::with)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn writable_is_readable_without_the_shared_tenant(own in tenants(), shared in some_tenant()) {
        let principal = principal(&own, &[]);
        let rule = TenantRule { shared };
        let readable = rule.readable(&principal).unwrap_or_default();
        let writable = rule.writable(&principal).unwrap_or_default();
        let expected: Vec<&str> =
            readable.iter().copied().filter(|t| Some(*t) != shared).collect();
        prop_assert_eq!(writable, expected);
    }

    #[test]
    fn nothing_but_own_and_shared_is_readable(own in tenants(), shared in some_tenant()) {
        let principal = principal(&own, &[]);
        let readable = TenantRule { shared }.readable(&principal);
        prop_assert_eq!(readable.is_err(), own.is_empty());
        for tenant in readable.unwrap_or_default() {
            prop_assert!(own.contains(&tenant) || shared == Some(tenant));
        }
    }

    #[test]
    fn decisions_agree_with_the_lists(
        own in tenants(),
        shared in some_tenant(),
        row in some_tenant(),
    ) {
        let principal = principal(&own, &[]);
        let rule = TenantRule { shared };
        let listed = |list: Result<Vec<&str>, Denial>| {
            row.is_some_and(|row| list.is_ok_and(|list| list.contains(&row)))
        };
        let (may_read, may_write) = (rule.read(&principal, row), rule.write(&principal, row));
        prop_assert_eq!(may_read.is_allowed(), listed(rule.readable(&principal)));
        prop_assert_eq!(may_write.is_allowed(), listed(rule.writable(&principal)));
        prop_assert!(may_read.is_allowed() || !may_write.is_allowed());
    }

    #[test]
    fn what_fills_may_be_written(own in tenants(), shared in some_tenant()) {
        let principal = principal(&own, &[]);
        let rule = TenantRule { shared };
        match rule.fill(&principal) {
            Ok(tenant) => {
                prop_assert!(rule.write(&principal, Some(tenant)).is_allowed());
                prop_assert_eq!(rule.writable(&principal).unwrap(), vec![tenant]);
            }
            Err(denial) => {
                let writable = rule.writable(&principal);
                prop_assert!(denial != Denial::AmbiguousTenant || writable.unwrap().len() > 1);
            }
        }
    }

    #[test]
    fn more_tenants_never_take_rows_away(own in tenants(), shared in some_tenant(), row in some_tenant()) {
        let fewer = principal(&own[..own.len().saturating_sub(1)], &[]);
        let all = principal(&own, &[]);
        let rule = TenantRule { shared };
        prop_assert!(rule.read(&all, row).is_allowed() || !rule.read(&fewer, row).is_allowed());
    }

    #[test]
    fn an_inserted_row_is_readable_by_its_writer_and_not_below_its_sources(
        clearance in label(),
        given in prop::option::of(label()),
        default in label(),
        floor in label(),
    ) {
        let rule = LabelRule { default, floor };
        match rule.insert(clearance, given) {
            Ok(stored) => {
                prop_assert!(stored.dominates(floor));
                prop_assert!(read_label(clearance, Some(stored)).is_allowed());
                prop_assert!(given.is_none_or(|given| given == stored));
                prop_assert!(given.is_some() || stored.dominates(default));
            }
            Err(Denial::BelowSource) => prop_assert!(!given.unwrap().dominates(floor)),
            Err(denial) => {
                prop_assert_eq!(denial, Denial::AboveClearance);
                prop_assert!(!clearance.dominates(given.unwrap_or(default.join(floor))));
            }
        }
    }

    #[test]
    fn an_update_never_lowers_a_label(
        clearance in label(),
        old in label(),
        new in prop::option::of(label()),
        floor in label(),
    ) {
        let rule = LabelRule { default: Label::PUBLIC, floor };
        if let Ok(stored) = rule.update(clearance, Some(old), new) {
            prop_assert!(stored.dominates(old) && stored.dominates(floor));
            prop_assert!(clearance.dominates(stored) && clearance.dominates(old));
        }
        prop_assert_eq!(rule.update(clearance, None, new), Err(Denial::Unlabelled));
    }
}

#[test]
fn tenants_of_a_person_in_one_two_or_no_organisation() {
    let rule = TenantRule {
        shared: Some("shared"),
    };
    let (one, two, none) = (
        principal(&["a"], &[]),
        principal(&["a", "b"], &[]),
        principal(&[], &[]),
    );
    assert_eq!(rule.readable(&one), Ok(vec!["a", "shared"]));
    assert_eq!(rule.readable(&two), Ok(vec!["a", "b", "shared"]));
    assert_eq!(rule.readable(&none), Err(Denial::NoTenant));
    assert_eq!(rule.fill(&one), Ok("a"));
    assert_eq!(rule.fill(&two), Err(Denial::AmbiguousTenant));
    assert_eq!(rule.fill(&none), Err(Denial::NoTenant));
    assert_eq!(rule.write(&two, Some("b")), Decision::Allow);
    assert_eq!(
        rule.write(&two, Some("c")),
        Decision::Deny(Denial::OtherTenant)
    );
    assert_eq!(rule.write(&two, None), Decision::Deny(Denial::OtherTenant));
    assert_eq!(rule.read(&two, None), Decision::Deny(Denial::OtherTenant));
}

#[test]
fn nobody_writes_shared_rows_whatever_the_token_says() {
    let rule = TenantRule {
        shared: Some("shared"),
    };
    let denied = Decision::Deny(Denial::SharedTenant);
    for tenants in [&["a"][..], &["shared"], &["a", "shared"]] {
        let principal = principal(tenants, &[]);
        assert_eq!(rule.write(&principal, Some("shared")), denied);
        assert_eq!(rule.read(&principal, Some("shared")), Decision::Allow);
    }
    assert_eq!(
        rule.fill(&principal(&["shared"], &[])),
        Err(Denial::SharedTenant)
    );
    assert_eq!(rule.fill(&principal(&["a", "shared"], &[])), Ok("a"));
    // Without the option it is a tenant like any other.
    let plain = TenantRule::default();
    assert_eq!(
        plain.write(&principal(&["shared"], &[]), Some("shared")),
        Decision::Allow
    );
}

#[test]
fn owners_see_their_own_rows() {
    let alice = principal(&["a"], &["bob"]);
    assert_eq!(owner(&alice, Some("alice")), Decision::Allow);
    for other in [Some("bob"), Some("Alice"), Some(""), None] {
        assert_eq!(owner(&alice, other), Decision::Deny(Denial::OtherOwner));
    }
}

#[test]
fn acl_names_subject_or_group() {
    let alice = principal(&["a"], &["staff", "hr"]);
    for shared in [&["alice"][..], &["bob", "hr"], &["staff", "staff"]] {
        assert_eq!(acl(&alice, shared.iter().copied()), Decision::Allow);
    }
    for other in [&[][..], &["bob"], &["a"], &["STAFF"], &["*"], &["public"]] {
        let denied = Decision::Deny(Denial::NotShared);
        assert_eq!(acl(&alice, other.iter().copied()), denied, "{other:?}");
    }
}

#[test]
fn unlabelled_rows_are_not_public() {
    assert_eq!(
        read_label(Label::TOP, None),
        Decision::Deny(Denial::Unlabelled)
    );
    assert_eq!(
        read_label(Label::PUBLIC, Some(Label::PUBLIC)),
        Decision::Allow
    );
    let internal = Some(Label::of(Level::Internal));
    let denied = Decision::Deny(Denial::AboveClearance);
    assert_eq!(read_label(Label::PUBLIC, internal), denied);
}

#[test]
fn the_default_label_is_refused_above_the_clearance() {
    let rule = LabelRule {
        default: Label::of(Level::Internal),
        floor: Label::PUBLIC,
    };
    assert_eq!(
        rule.insert(Label::PUBLIC, None),
        Err(Denial::AboveClearance)
    );
    assert_eq!(
        rule.insert(Label::PUBLIC, Some(Label::PUBLIC)),
        Ok(Label::PUBLIC)
    );
    let internal = Label::of(Level::Internal);
    assert_eq!(rule.insert(Label::TOP, None), Ok(internal));
}

#[test]
fn decisions_combine_to_the_first_denial() {
    let (no, other) = (
        Decision::Deny(Denial::OtherOwner),
        Decision::Deny(Denial::NotShared),
    );
    assert_eq!(Decision::Allow.and(Decision::Allow), Decision::Allow);
    assert_eq!(Decision::Allow.and(no.clone()), no);
    assert_eq!(no.clone().and(Decision::Allow), no);
    assert_eq!(no.clone().and(other), no);
    assert_eq!(no.into_result(), Err(Denial::OtherOwner));
}

#[test]
fn debug_output_hides_the_claims() {
    assert!(!format!("{:?}", principal(&["a"], &[])).contains("secret"));
}
