//! Which method fits which column.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use ward_mask::{Kind, Method};

const KINDS: [Kind; 19] = [
    Kind::Text { max_chars: Some(8) },
    Kind::Int2,
    Kind::Int4,
    Kind::Int8,
    Kind::Numeric,
    Kind::Float4,
    Kind::Float8,
    Kind::Date,
    Kind::Timestamp,
    Kind::TimestampTz,
    Kind::Inet,
    Kind::Cidr,
    Kind::Json,
    Kind::Jsonb,
    Kind::Uuid,
    Kind::Bytea,
    Kind::Boolean,
    Kind::Vector,
    Kind::Other,
];

#[test]
fn which_method_fits_which_column() {
    for (text, kinds) in [
        ("null", "all"),
        ("constant(x)", "all"),
        ("function(a.b)", "all"),
        ("partial(0,x,0)", "text"),
        ("email", "text"),
        ("tokenise", "text"),
        ("hash", "text smallint integer bigint uuid bytea"),
        ("year", "date timestamp timestamp with time zone"),
        ("month", "date timestamp timestamp with time zone"),
        ("day", "timestamp timestamp with time zone"),
        ("round(2)", "numeric real double precision"),
        (
            "round(-2)",
            "smallint integer bigint numeric real double precision",
        ),
        (
            "bucket(10)",
            "smallint integer bigint numeric real double precision",
        ),
        ("bucket(0.5)", "numeric real double precision"),
        ("ip_prefix", "inet cidr"),
        ("json_paths([\"$.a\"],null)", "json jsonb"),
        ("search_only", "vector"),
    ] {
        let method = Method::parse(text).unwrap();
        let fitting = KINDS.iter().filter(|kind| method.check(kind).is_ok());
        let names: Vec<&str> = fitting.map(|kind| kind.name()).collect();
        match kinds {
            "all" => assert_eq!(names.len(), KINDS.len(), "{text}"),
            _ => assert_eq!(names.join(" "), kinds, "{text}"),
        }
    }
}

#[test]
fn misfits_name_the_cure() {
    for (text, kind, message) in [
        (
            "tokenise",
            Kind::Int8,
            "tokenise does not fit a column of type bigint; use hash: numbers have no leading \
             zeros, which tokens need",
        ),
        (
            "day",
            Kind::Date,
            "day would show every value of type date as it is; use month or year",
        ),
        (
            "round(0)",
            Kind::Int4,
            "round would show every value of type integer as it is; use a negative number of \
             places, or bucket",
        ),
        (
            "bucket(0.5)",
            Kind::Int2,
            "bucket does not fit a column of type smallint; use a whole number as the width",
        ),
    ] {
        let error = Method::parse(text).unwrap().check(&kind).unwrap_err();
        assert_eq!(error.to_string(), message);
    }
}
