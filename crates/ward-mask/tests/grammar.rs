//! The grammar of methods: what is read, what is refused with which message.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use ward_mask::{MAX_METHOD_BYTES, Method, MethodError};

fn canonical(text: &str) -> String {
    Method::parse(text).unwrap().to_string()
}

fn message(text: &str) -> String {
    Method::parse(text).unwrap_err().to_string()
}

#[test]
fn canonical_forms_stay() {
    for text in [
        "null",
        "constant(\"\")",
        "constant(\"a (b) \\\"c\\\"\\n\")",
        "partial(0,\"***-**-\",4)",
        "partial(1000,\"\",1000)",
        "email",
        "hash",
        "tokenise",
        "year",
        "month",
        "day",
        "round(-2)",
        "round(30)",
        "bucket(0.05)",
        "bucket(1000)",
        "ip_prefix(0,127)",
        "json_paths([\"$.a.b\",\"$.list[*].c\",\"$.\\\"x y\\\".*\"],partial(1,\"*\",0))",
        "search_only(6)",
        "function(app.mask_name)",
        "function(\"My App\".\"say \"\"no\"\"\")",
    ] {
        assert_eq!(canonical(text), text);
    }
}

#[test]
fn other_spellings() {
    for (text, form) in [
        ("  NULL ", "null"),
        ("constant( n/a )", "constant(\"n/a\")"),
        ("constant(a, b)", "constant(\"a, b\")"),
        ("constant(\"\\u00e9\")", "constant(\"é\")"),
        ("Partial ( 0 , ***-**- , 4 )", "partial(0,\"***-**-\",4)"),
        ("round(-02)", "round(-2)"),
        ("bucket(010.50)", "bucket(10.5)"),
        ("ip_prefix", "ip_prefix(24,48)"),
        ("ip_prefix ( 16, 32 )", "ip_prefix(16,32)"),
        ("search_only", "search_only(2)"),
        ("function( App . Mask )", "function(app.mask)"),
        ("function(\"app\".\"mask\")", "function(app.mask)"),
        (
            "json_paths( [ \"$.a\" ] , constant(x, y) )",
            "json_paths([\"$.a\"],constant(\"x, y\"))",
        ),
    ] {
        assert_eq!(canonical(text), form, "{text}");
    }
}

#[test]
fn messages_name_the_place_and_the_cure() {
    for (text, start) in [
        (
            "",
            "at character 1 of the method: write the name of a method",
        ),
        (
            "hide(1)",
            "the method \"hide\" is unknown; write one of null, constant,",
        ),
        (
            "email()",
            "at character 6 of the method: write nothing more",
        ),
        (
            "null null",
            "at character 6 of the method: write nothing more",
        ),
        (
            "partial",
            "at character 8 of the method: write ( and the arguments",
        ),
        (
            "partial(0,",
            "at character 11 of the method: write the pad in double quotes",
        ),
        (
            "partial(0,\"x",
            "at character 11 of the method: write the pad in double quotes",
        ),
        (
            "partial(-1,x,4)",
            "at character 9 of the method: the prefix must be from 0 to 1000",
        ),
        (
            "partial(0,x,1001)",
            "at character 13 of the method: the suffix must be from 0 to 1000",
        ),
        (
            "partial(0,x)",
            "at character 12 of the method: write a comma and the next argument",
        ),
        (
            "constant()",
            "at character 10 of the method: write the constant, in double quotes",
        ),
        (
            "constant(a(b))",
            "at character 11 of the method: write ), which ends",
        ),
        (
            "constant(\"\\u0000\")",
            "at character 10 of the method: write a text without NUL",
        ),
        (
            "round(x)",
            "at character 7 of the method: write a whole number",
        ),
        (
            "round(31)",
            "at character 7 of the method: the decimal places must be from -30 to 30",
        ),
        (
            "round(99999999999999999999)",
            "at character 7 of the method: the decimal places",
        ),
        (
            "bucket(0)",
            "at character 8 of the method: write a width above 0",
        ),
        (
            "bucket(0.00)",
            "at character 8 of the method: write a width above 0",
        ),
        (
            "bucket(-5)",
            "at character 8 of the method: write a width above 0",
        ),
        (
            "bucket(1e3)",
            "at character 9 of the method: write ), which ends",
        ),
        (
            "bucket(1.)",
            "at character 8 of the method: write a width above 0",
        ),
        (
            "bucket(1234567890123456789)",
            "at character 8 of the method: write a width",
        ),
        (
            "ip_prefix(32,48)",
            "at character 11 of the method: the bits of an IPv4 address",
        ),
        (
            "ip_prefix(24,128)",
            "at character 14 of the method: the bits of an IPv6 address",
        ),
        (
            "search_only(7)",
            "at character 13 of the method: the decimal places of the score",
        ),
        (
            "json_paths([],null)",
            "at character 12 of the method: the number of paths must be",
        ),
        (
            "json_paths(\"$.a\",null)",
            "at character 12 of the method: write an array of paths",
        ),
        (
            "json_paths([\"a\"],null)",
            "at character 1 of JSON path 1: write a path",
        ),
        (
            "json_paths([\"$\",\"$..a\"],null)",
            "at character 3 of JSON path 2: write a step",
        ),
        (
            "json_paths([\"$.a\"],year)",
            "year does not mask single JSON values; inside json_paths",
        ),
        (
            "json_paths([\"$\"],json_paths([\"$\"],null))",
            "json_paths does not mask single JSON",
        ),
        (
            "function(mask)",
            "at character 14 of the method: write a point and the name",
        ),
        (
            "function(a.1b)",
            "at character 12 of the method: write a name",
        ),
        (
            "function(a.\"b)",
            "at character 15 of the method: write \" at the end",
        ),
        (
            "function(a.\"\")",
            "at character 12 of the method: the bytes of a name must be",
        ),
    ] {
        let message = message(text);
        assert!(message.starts_with(start), "{text}: {message}");
    }
}

#[test]
fn sizes_are_bounded() {
    let constant = |n: usize| format!("constant({})", "x".repeat(n));
    // The canonical form has two quotation marks more.
    assert!(Method::parse(&constant(MAX_METHOD_BYTES - 12)).is_ok());
    assert_eq!(
        Method::parse(&constant(MAX_METHOD_BYTES - 11)),
        Err(MethodError::TooLong)
    );
    assert_eq!(
        Method::parse(&constant(MAX_METHOD_BYTES)),
        Err(MethodError::TooLong)
    );
    let pad = |n: usize| format!("partial(0,\"{}\",0)", "é".repeat(n));
    assert!(Method::parse(&pad(64)).is_ok());
    assert!(message(&pad(65)).contains("length of the pad must be from 0 to 64"));
    let paths = |n: usize| format!("json_paths([{}],null)", vec!["\"$.a\""; n].join(","));
    assert!(Method::parse(&paths(32)).is_ok());
    assert!(message(&paths(33)).contains("number of paths must be from 1 to 32"));
    let name = |n: usize| format!("function(a.{})", "b".repeat(n));
    assert!(Method::parse(&name(63)).is_ok());
    assert!(message(&name(64)).contains("bytes of a name must be from 1 to 63"));
}

#[test]
fn messages_show_no_values() {
    for text in [
        "constant(hunter2(",
        "partial(0,\"hunter2\",x)",
        "partial(0,hunter2hunter2hunter2hunter2hunter2hunter2hunter2hunter2hunter2hunter2,0)",
        "json_paths([\"$.hunter2[0]\"],null)",
    ] {
        assert!(!message(text).contains("hunter2"), "{text}");
    }
}
