//! The grammar of methods as properties.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::prelude::*;
use ward_mask::{MAX_METHOD_BYTES, Method};

/// Texts made of the pieces methods are made of, most of them wrong.
fn nearly_a_method() -> impl Strategy<Value = String> {
    let pieces = [
        "null",
        "constant",
        "partial",
        "email",
        "round",
        "bucket",
        "ip_prefix",
        "json_paths",
        "search_only",
        "function",
        "(",
        ")",
        "(",
        ")",
        ",",
        ",",
        "\"",
        "\"x\"",
        "[",
        "]",
        "[\"$.a\"]",
        "[\"$.*[*].\\\"b c\\\"\"]",
        ".",
        "-",
        "0",
        "4",
        "31",
        "0.5",
        "x",
        "é",
        " ",
        "\\",
        "\0",
    ];
    prop::collection::vec(prop::sample::select(pieces.to_vec()), 0..12)
        .prop_map(|pieces| pieces.concat())
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

/// Texts that are methods.
fn a_method() -> impl Strategy<Value = String> {
    let text = || "[^\0]{0,20}";
    let leaf = || {
        prop_oneof![
            Just("null".to_owned()),
            Just("hash".to_owned()),
            text().prop_map(|t| format!("constant({})", quoted(&t))),
            (0..=1000u16, text(), 0..=1000u16)
                .prop_map(|(p, pad, s)| format!("partial({p},{},{s})", quoted(&pad))),
            (-30..=30i32).prop_map(|n| format!("round({n})")),
            "[0-9]{0,17}[1-9](\\.[0-9]{1,18})?".prop_map(|n| format!("bucket({n})")),
        ]
    };
    let step = prop_oneof![
        Just(".*".to_owned()),
        Just("[*]".to_owned()),
        text().prop_map(|t| format!(".{}", quoted(&t))),
        "[a-z_0-9é-]{1,9}".prop_map(|t| format!(".{t}")),
    ];
    let path = prop::collection::vec(step, 0..6).prop_map(|steps| format!("${}", steps.concat()));
    let paths = prop::collection::vec(path, 1..5);
    prop_oneof![
        leaf(),
        (paths, leaf()).prop_map(|(paths, leaf)| {
            let paths: Vec<String> = paths.iter().map(|path| quoted(path)).collect();
            format!("json_paths([{}],{leaf})", paths.join(","))
        }),
        (0..32u8, 0..128u8).prop_map(|(v4, v6)| format!("ip_prefix({v4},{v6})")),
        ("[^\0]{1,15}", "[^\0]{1,15}").prop_map(|(schema, name)| {
            let quoted = |name: &str| name.replace('"', "\"\"");
            format!("function(\"{}\".\"{}\")", quoted(&schema), quoted(&name))
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn what_is_printed_is_read_back(text in a_method()) {
        let method = Method::parse(&text).unwrap();
        let printed = method.to_string();
        prop_assert_eq!(Method::parse(&printed).unwrap(), method, "{}", printed);
    }

    #[test]
    fn reading_is_total(text in prop_oneof![nearly_a_method(), ".{0,40}"]) {
        match Method::parse(&text) {
            Ok(method) => {
                let printed = method.to_string();
                prop_assert!(printed.len() <= MAX_METHOD_BYTES);
                prop_assert_eq!(Method::parse(&printed), Ok(method));
            }
            Err(error) => prop_assert!(!error.to_string().is_empty()),
        }
    }
}
