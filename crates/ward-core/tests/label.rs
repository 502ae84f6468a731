//! Labels: the lattice laws as properties, then the text form.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::prelude::*;
use ward_core::{Category, Label, LabelError, Level};

fn none(_: &str) -> Option<u8> {
    None
}

fn defined(name: &str) -> Option<u8> {
    match name {
        "apollo" => Some(3),
        "too_high" => Some(31),
        _ => None,
    }
}

fn parse(text: &str) -> Result<Label, LabelError> {
    Label::parse(text, &defined)
}

fn any_label() -> impl Strategy<Value = Label> {
    // Sparse and dense category sets, so that dominance holds often enough to be tested.
    let bits = prop_oneof![any::<u64>(), (0..8u64), Just(0), Just(u64::MAX)];
    (0..5usize, bits).prop_map(|(level, bits)| {
        let level = Level::ALL[level] as u64;
        Label::from_bits((level << 56) | (bits & ((1 << 56) - 1))).unwrap()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn join_and_meet_are_associative(a in any_label(), b in any_label(), c in any_label()) {
        prop_assert_eq!(a.join(b).join(c), a.join(b.join(c)));
        prop_assert_eq!(a.meet(b).meet(c), a.meet(b.meet(c)));
    }

    #[test]
    fn join_and_meet_are_commutative_and_idempotent(a in any_label(), b in any_label()) {
        prop_assert_eq!(a.join(b), b.join(a));
        prop_assert_eq!(a.meet(b), b.meet(a));
        prop_assert_eq!(a.join(a), a);
        prop_assert_eq!(a.meet(a), a);
    }

    #[test]
    fn join_and_meet_absorb_and_distribute(a in any_label(), b in any_label(), c in any_label()) {
        prop_assert_eq!(a.join(a.meet(b)), a);
        prop_assert_eq!(a.meet(a.join(b)), a);
        prop_assert_eq!(a.meet(b.join(c)), a.meet(b).join(a.meet(c)));
    }

    #[test]
    fn dominance_is_a_partial_order(a in any_label(), b in any_label(), c in any_label()) {
        prop_assert!(a.dominates(a));
        prop_assert!(!(a.dominates(b) && b.dominates(a)) || a == b);
        prop_assert!(!(a.dominates(b) && b.dominates(c)) || a.dominates(c));
        // Random labels seldom form a chain; these always do.
        prop_assert!(a.join(b).join(c).dominates(a.join(b)) && a.join(b).dominates(a));
        prop_assert!(a.join(b).join(c).dominates(a));
        prop_assert_eq!(a.dominates(b), b.is_dominated_by(a));
    }

    #[test]
    fn dominance_agrees_with_join_and_meet(a in any_label(), b in any_label()) {
        prop_assert_eq!(a.dominates(b), a.join(b) == a);
        prop_assert_eq!(a.dominates(b), a.meet(b) == b);
    }

    #[test]
    fn join_is_the_least_upper_bound(a in any_label(), b in any_label(), c in any_label()) {
        prop_assert!(a.join(b).dominates(a) && a.join(b).dominates(b));
        prop_assert_eq!(c.dominates(a) && c.dominates(b), c.dominates(a.join(b)));
        prop_assert_eq!(a.dominates(c) && b.dominates(c), a.meet(b).dominates(c));
    }

    #[test]
    fn dominance_by_its_definition(a in any_label(), b in any_label()) {
        let held: Vec<Category> = a.categories().collect();
        let by_definition = a.level() >= b.level() && b.categories().all(|c| held.contains(&c));
        prop_assert_eq!(a.dominates(b), by_definition);
    }

    #[test]
    fn the_total_order_extends_dominance(a in any_label(), b in any_label()) {
        prop_assert!(!a.dominates(b) || a >= b);
        prop_assert_eq!(a.cmp(&b).is_eq(), a == b);
    }

    #[test]
    fn public_is_bottom_and_top_is_top(a in any_label()) {
        prop_assert!(a.dominates(Label::PUBLIC) && Label::TOP.dominates(a));
        prop_assert_eq!(a.join(Label::PUBLIC), a);
        prop_assert_eq!(a.meet(Label::TOP), a);
    }

    #[test]
    fn text_and_bits_round_trip(a in any_label()) {
        prop_assert_eq!(Label::parse(&a.to_string(), &none), Ok(a));
        prop_assert_eq!(Label::parse(&a.to_string().to_uppercase(), &none), Ok(a));
        prop_assert_eq!(Label::from_bits(a.to_bits()), Some(a));
    }

    #[test]
    fn splitting_and_rebuilding_is_identity(a in any_label()) {
        let rebuilt = a.categories().fold(Label::of(a.level()), Label::with);
        prop_assert_eq!(rebuilt, a);
    }

    #[test]
    fn no_text_panics_and_what_parses_prints_canonically(text in "\\PC{0,40}|[a-z{},x0-9 ]{0,40}") {
        if let Ok(label) = parse(&text) {
            prop_assert_eq!(parse(&label.to_string()), Ok(label));
        }
    }

    #[test]
    fn unknown_level_bits_are_refused(bits in any::<u64>()) {
        let known = Level::ALL.iter().any(|l| *l as u64 == bits >> 56);
        prop_assert_eq!(Label::from_bits(bits).is_some(), known);
    }
}

#[test]
fn canonical_text() {
    for (input, canonical) in [
        ("public", "public"),
        ("public{}", "public"),
        ("public{pii}", "public{pii}"),
        (
            "  Confidential { PHI , pii , pii } ",
            "confidential{pii,phi}",
        ),
        (
            "secret{x30,quarantine,x0,model}",
            "secret{model,x0,x30,quarantine}",
        ),
        ("internal{Apollo}", "internal{x3}"),
        ("restricted\t{\npci\n}", "restricted{pci}"),
    ] {
        assert_eq!(parse(input).unwrap().to_string(), canonical, "{input}");
    }
    assert_eq!(format!("{:?}", Label::PUBLIC), "Label(public)");
}

#[test]
fn stored_bits_never_change() {
    // These values are on disk. If this test fails, the format was broken: do not edit it.
    for (text, bits) in [
        ("public", 0),
        ("internal", 0x10 << 56),
        ("confidential{pii}", 0x20 << 56 | 1),
        ("restricted{model}", 0x30 << 56 | 1 << 23),
        ("secret{x0}", 0x40 << 56 | 1 << 24),
        ("secret{x30}", 0x40 << 56 | 1 << 54),
        ("secret{quarantine}", 0x40 << 56 | 1 << 55),
    ] {
        assert_eq!(parse(text).unwrap().to_bits(), bits, "{text}");
    }
}

#[test]
fn errors_name_word_and_position() {
    use LabelError::{
        MissingCategory, MissingLevel, Trailing, Unclosed, UnknownCategory, UnknownLevel,
    };
    let word = String::from;
    for (text, error) in [
        ("", MissingLevel { position: 1 }),
        ("  ", MissingLevel { position: 3 }),
        ("{pii}", MissingLevel { position: 1 }),
        (
            "topsecret",
            UnknownLevel {
                position: 1,
                word: word("topsecret"),
            },
        ),
        ("public{pii", Unclosed { position: 11 }),
        ("public{", MissingCategory { position: 8 }),
        ("public{,pii}", MissingCategory { position: 8 }),
        ("public{pii,}", MissingCategory { position: 12 }),
        ("public{pii phi}", Unclosed { position: 12 }),
        (
            "public{nope}",
            UnknownCategory {
                position: 8,
                word: word("nope"),
            },
        ),
        (
            "public{x32}",
            UnknownCategory {
                position: 8,
                word: word("x32"),
            },
        ),
        (
            "public{too_high}",
            UnknownCategory {
                position: 8,
                word: word("too_high"),
            },
        ),
        ("public}", Trailing { position: 7 }),
        ("public secret", Trailing { position: 8 }),
        ("public{pii}}", Trailing { position: 12 }),
        (
            "é{é}",
            UnknownLevel {
                position: 1,
                word: word("é"),
            },
        ),
    ] {
        assert_eq!(parse(text), Err(error), "{text}");
    }
    assert_eq!(parse(&"x".repeat(2049)), Err(LabelError::TooLong));
    let message = parse("public{nope}").unwrap_err().to_string();
    assert_eq!(message, "unknown category \"nope\" at position 8");
}
