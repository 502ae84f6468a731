//! Masks within JSON documents.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::prelude::*;
use serde_json::{Value, json};
use ward_mask::{JsonPath, Leaf, Method, TenantKey, json_paths};

fn key() -> TenantKey {
    TenantKey::derive(&[7; 32], "public.person.data", "acme")
}

fn masked(document: &str, paths: &[&str], method: &str) -> String {
    let paths: Vec<_> = paths
        .iter()
        .map(|p| JsonPath::parse(p, 1).unwrap())
        .collect();
    let method = Method::parse(method).unwrap();
    let key = key();
    json_paths(document, &paths, |leaf| method.mask_leaf(Some(&key), leaf))
}

fn hidden(document: &str, path: &str) -> String {
    masked(document, &[path], "constant(x)")
}

#[test]
fn paths_choose_values() {
    let document = r#"{"a":{"b":1,"c":"two"},"list":[{"c":3},{"d":4},{"c":5}],"e":true}"#;
    for (path, result) in [
        (
            "$.a.b",
            r#"{"a":{"b":"x","c":"two"},"list":[{"c":3},{"d":4},{"c":5}],"e":true}"#,
        ),
        (
            "$.list[*].c",
            r#"{"a":{"b":1,"c":"two"},"list":[{"c":"x"},{"d":4},{"c":"x"}],"e":true}"#,
        ),
        (
            "$.a.*",
            r#"{"a":{"b":"x","c":"x"},"list":[{"c":3},{"d":4},{"c":5}],"e":true}"#,
        ),
        ("$.*", r#"{"a":null,"list":null,"e":"x"}"#),
        (
            "$.a",
            r#"{"a":null,"list":[{"c":3},{"d":4},{"c":5}],"e":true}"#,
        ),
        ("$.none", document),
        ("$.a.b.c.d", document),
        ("$", "null"),
    ] {
        assert_eq!(hidden(document, path), result, "{path}");
    }
}

#[test]
fn one_value_or_a_list_of_them() {
    assert_eq!(
        hidden(r#"{"mail":["a","b"]}"#, "$.mail[*]"),
        r#"{"mail":["x","x"]}"#
    );
    assert_eq!(hidden(r#"{"mail":"a"}"#, "$.mail[*]"), r#"{"mail":"x"}"#);
    assert_eq!(
        hidden(r#"{"p":[{"n":1},[{"n":2}]]}"#, "$.p.n"),
        r#"{"p":[{"n":"x"},[{"n":"x"}]]}"#
    );
    assert_eq!(hidden(r#"{"p":{"n":1}}"#, "$.p[*].n"), r#"{"p":{"n":"x"}}"#);
    assert_eq!(hidden("1", "$[*][*]"), r#""x""#);
}

#[test]
fn several_paths() {
    let document = r#"{"a":{"b":1},"c":2,"d":3}"#;
    let result = masked(document, &["$.a.b", "$.a", "$.d"], "round(-1)");
    assert_eq!(result, r#"{"a":null,"c":2,"d":0}"#);
}

#[test]
fn everything_else_stays_as_it_is_written() {
    let document = r#"{"n":12345678901234567890.120,"e":1E400,"s":"\u00e9 \/","x":1,"x":2,"d":[ 1, {"x":3} ]}"#;
    let result = r#"{"n":12345678901234567890.120,"e":1E400,"s":"\u00e9 \/","x":"x","x":"x","d":[ 1, {"x":3} ]}"#;
    assert_eq!(hidden(document, "$.x"), result);
    let spaced = " { \"a\" : [ 1 , 2 ] } ";
    assert_eq!(hidden(spaced, "$.b"), spaced);
    assert_eq!(hidden(spaced, "$.a[*]"), r#"{"a":["x","x"]}"#);
    assert_eq!(
        hidden(r#"{"a b":{"\u0061":1,"":{}}}"#, "$.\"a b\".a"),
        r#"{"a b":{"a":"x","":{}}}"#
    );
}

#[test]
fn what_cannot_be_read_is_null() {
    for document in [
        "",
        " ",
        "{",
        "{\"a\":1",
        "[1,]",
        "nul",
        "\"\u{1}\"",
        "1 2",
        "{a:1}",
        "NaN",
    ] {
        assert_eq!(hidden(document, "$.a"), "null", "{document}");
    }
    // A name that is no text: what it stands in is hidden.
    assert_eq!(
        hidden(r#"{"a":{"\ud800":1},"b":2}"#, "$.a.c"),
        r#"{"a":null,"b":2}"#
    );
    assert_eq!(hidden(r#"{"a":"\ud800"}"#, "$.a"), r#"{"a":null}"#);
}

#[test]
fn depth_is_no_danger() {
    let deep = |n: usize| format!("{}1{}", "[".repeat(n), "]".repeat(n));
    let member = format!("{{\"a\":{},\"b\":1}}", deep(100_000));
    assert_eq!(
        hidden(&member, "$.b"),
        member.replace("\"b\":1", "\"b\":\"x\"")
    );
    assert!(hidden(&member, "$.a[*].c").contains("null"));
    assert_eq!(hidden(&deep(10), "$.c"), deep(10));
    assert!(hidden(&deep(100), "$.c").contains("[null]"));
}

#[test]
fn methods_on_single_values() {
    let document = r#"["anna@example.com",1234.5,-17,true,null,"",12345678901234567890]"#;
    for (method, result) in [
        ("null", "[null,null,null,null,null,null,null]"),
        ("constant(0)", r#"["0","0","0","0",null,"0","0"]"#),
        (
            "email",
            r#"["a***@***.com","***","***",null,null,"***","***"]"#,
        ),
        (
            "partial(1,*,1)",
            r#"["a*m","1*5","-*7",null,null,"*","1*0"]"#,
        ),
        (
            "round(-1)",
            "[null,1230,-20,null,null,null,12345678901234567000]",
        ),
        (
            "bucket(10)",
            "[null,1230,-20,null,null,null,12345678901234567000]",
        ),
        (
            "bucket(0.5)",
            "[null,1234.5,-17,null,null,null,12345678901234567000]",
        ),
    ] {
        assert_eq!(masked(document, &["$[*]"], method), result, "{method}");
    }
    let hashed: Vec<Value> =
        serde_json::from_str(&masked(r#"["1",1,"2"]"#, &["$[*]"], "hash")).unwrap();
    assert_eq!(hashed[0], hashed[1]);
    assert_ne!(hashed[0], hashed[2]);
    assert_eq!(hashed[0].as_str().unwrap().len(), 64);
    let token = masked("123456", &["$"], "tokenise");
    assert!(token.len() == 8 && token != "\"123456\"", "{token}");
}

#[test]
fn without_a_key_nothing_shows() {
    let leaf = Leaf::String("x".into());
    for method in ["hash", "tokenise", "year", "ip_prefix"] {
        assert_eq!(
            Method::parse(method).unwrap().mask_leaf(None, &leaf),
            Leaf::Null
        );
    }
}

#[test]
fn a_replacement_cannot_break_the_document() {
    let path = [JsonPath::parse("$.a", 1).unwrap()];
    for text in ["", "1}", "x", "1,2", "NaN", "\"x\"", "[1]", "null"] {
        let number = |_: &Leaf<'_>| Leaf::Number(text.to_owned().into());
        assert_eq!(
            json_paths(r#"{"a":1}"#, &path, number),
            r#"{"a":null}"#,
            "{text}"
        );
    }
}

fn document() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map("[abc]", inner, 0..4)
                .prop_map(|map| map.into_iter().collect()),
        ]
    })
}

fn path() -> impl Strategy<Value = String> {
    let step = prop::sample::select(vec![".a", ".b", ".c", ".*", "[*]"]);
    prop::collection::vec(step, 0..5).prop_map(|steps| format!("${}", steps.concat()))
}

/// The rules of paths once more, over parsed documents.
fn expected(value: &Value, path: &str) -> Value {
    if path.is_empty() {
        return match value {
            Value::Null | Value::Object(_) | Value::Array(_) => Value::Null,
            _ => json!("x"),
        };
    }
    let element = path.strip_prefix("[*]");
    match value {
        Value::Array(list) => list
            .iter()
            .map(|inner| expected(inner, element.unwrap_or(path)))
            .collect(),
        _ if element.is_some() => expected(value, element.unwrap_or_default()),
        Value::Object(map) => map
            .iter()
            .map(|(name, inner)| {
                let (step, rest) = path.split_at(2);
                let leads = step == ".*" || step == format!(".{name}");
                let inner = if leads {
                    expected(inner, rest)
                } else {
                    inner.clone()
                };
                (name.clone(), inner)
            })
            .collect(),
        _ => value.clone(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn like_the_plain_rules(document in document(), path in path()) {
        let result: Value = serde_json::from_str(&hidden(&document.to_string(), &path)).unwrap();
        prop_assert_eq!(result, expected(&document, path.strip_prefix('$').unwrap()));
    }

    #[test]
    fn total_and_always_json(text in ".{0,60}", path in path()) {
        let result = hidden(&text, &path);
        prop_assert!(serde_json::from_str::<Value>(&result).is_ok());
    }

    #[test]
    fn every_method_gives_json(document in document(), path in path(), which in 0..8usize) {
        let method = [
            "null", "constant(x)", "partial(1,*,1)", "email", "hash", "tokenise", "round(1)",
            "bucket(2.5)",
        ][which];
        let result = masked(&document.to_string(), &[&path], method);
        prop_assert!(serde_json::from_str::<Value>(&result).is_ok());
        prop_assert_eq!(&result, &masked(&document.to_string(), &[&path], method));
    }
}
