//! No literal survives.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::prelude::*;
use ward_audit::normalise;

#[track_caller]
fn becomes(sql: &str, expected: &str) {
    assert_eq!(normalise(sql, false), expected, "{sql}");
}

#[test]
fn literals_become_parameters() {
    for (sql, expected) in [
        ("SELECT 1", "SELECT $1"),
        ("select a, 'b' , 3", "select a, $1 , $2"),
        ("select 'it''s', 'b'", "select $1, $2"),
        (r"select E'it\'s', e'\\', 1", "select $1, $2, $3"),
        (r"select 'a\', 'b'", "select $1, $2"),
        (
            "select U&'d\\0061t' UESCAPE '!', u&'x'",
            "select $1 UESCAPE $2, $3",
        ),
        ("select B'01', x'Ff', N'n', b'1'", "select $1, $2, $3, $4"),
        ("select $$a'b$$, $t$x$$y$u$z$t$, 1", "select $1, $2, $3"),
        ("select $été$x$été$", "select $1"),
        (
            "select 1.5, .5, 1., 1e10, 1.5e-3, 2E+4",
            "select $1, $2, $3, $4, $5, $6",
        ),
        ("select 0x1F, 0o17, 0b11, 1_000", "select $1, $2, $3, $4"),
        ("select -5, +5, 3-4, 3*-4", "select -$1, +$2, $3-$4, $5*-$6"),
        (
            "select '2020-01-01'::date, date '2020-01-01'",
            "select $1::date, date $2",
        ),
        (
            "select interval '1' day, cast('1' as int)",
            "select interval $1 day, cast($2 as int)",
        ),
        (
            "select '{1,2}'::int[], array[1,2], a[1:2]",
            "select $1::int[], array[$2,$3], a[$4:$5]",
        ),
        ("select '[1,2]'::vector <-> e", "select $1::vector <-> e"),
        (
            "select type'lit', fore'x', me'y'",
            "select type$1, fore$2, me$3",
        ),
        ("select 'a' 'b'", "select $1 $2"),
        ("select 'a'\n  'b', 'c'", "select $1, $2"),
        ("select 'a' -- x\n 'b', 'c'", "select $1, $2"),
        (
            r"select E'a'
            'b\'c', 1",
            "select $1, $2",
        ),
        ("select true, null, false", "select true, null, false"),
    ] {
        becomes(sql, expected);
    }
}

#[test]
fn names_and_parameters_stay() {
    for (sql, expected) in [
        (
            "select a1, b_2, c$3, d$x$, _4",
            "select a1, b_2, c$3, d$x$, _4",
        ),
        (
            "select \"it's\", \"a\"\"b 1\", U&\"d\\0061t\"",
            "select \"it's\", \"a\"\"b 1\", U&\"d\\0061t\"",
        ),
        ("select u, e, x, b, n, u&v", "select u, e, x, b, n, u&v"),
        ("select größe, 名前", "select größe, 名前"),
        ("select $1, 'a', $2, 7", "select $1, $3, $2, $4"),
        ("select $12 + 1", "select $12 + $13"),
        (
            "select a->>'b', a #> '{c}', a @> b",
            "select a->>$1, a #> $2, a @> b",
        ),
        ("select a$b$c'x'", "select a$b$c$1"),
        ("select t.c, s.t.c, t.*", "select t.c, s.t.c, t.*"),
    ] {
        becomes(sql, expected);
    }
}

#[test]
fn comments_and_spaces_are_dropped() {
    for (sql, expected) in [
        ("  select\t 1 ;\r\n ", "select $1 ;"),
        ("select -- it's a 'secret'\n 1", "select $1"),
        ("select 1 -- secret", "select $1"),
        ("select /* 'a /* nested ' */ */ 1", "select $1"),
        ("select/**/1", "select $1"),
        ("select 1/*x*/+2", "select $1 +$2"),
        ("select \"a  b\",  'a  b'", "select \"a  b\", $1"),
        ("select 1--2\n+3", "select $1 +$2"),
        ("/* hint */ select 1", "select $1"),
        ("", ""),
        (" -- nothing", ""),
    ] {
        becomes(sql, expected);
    }
}

#[test]
fn what_cannot_be_read_ends_the_text() {
    for (sql, expected) in [
        ("select 'secret", "select …"),
        ("select 1, 'sec''ret", "select $1, …"),
        (r"select E'sec\'ret", "select …"),
        (r"select E'sec\", "select …"),
        ("select \"secret", "select …"),
        ("select U&\"secret", "select …"),
        ("select $$secret", "select …"),
        ("select $t$secret$u$", "select …"),
        ("select $secret", "select …"),
        ("select $ secret", "select …"),
        ("select /* secret", "select …"),
        ("select /* /* secret */", "select …"),
        ("select 1e'secret\\'secret'", "select …"),
        ("select 1$a$secret$a$", "select …"),
        ("select $1e'secret'", "select …"),
        ("select $99999", "select …"),
    ] {
        becomes(sql, expected);
    }
}

#[test]
fn backslashes_escape_where_the_server_says_so() {
    let sql = r"select 'it\'s', B'\', N'a\'b', 1";
    assert_eq!(normalise(sql, true), "select $1, $2, $3, $4");
    assert_eq!(
        normalise(
            r"select 'a'
        'b\'c', 1",
            true
        ),
        "select $1, $2"
    );
    // Refused by PostgreSQL, which then reads on in its own way.
    assert_eq!(normalise(r"select U&'a\', 'secret'", true), "select …");
}

const SECRET: &str = "SECRET";

/// Pieces of statements, of which those with the word have it in a literal or a comment.
fn pieces() -> impl Strategy<Value = String> {
    let plain = prop::sample::select(vec![
        "select",
        "a",
        "\"q'q\"",
        "\"q\"\"$$\"",
        "(",
        ")",
        ",",
        "+",
        "-",
        "::text",
        "=",
        "[",
        "]",
        "$3",
        "tab$le",
        "e",
        "U&\"x\"",
        "u",
        ".",
        "*",
        "/ ",
        "é",
        "<->",
        "null",
        ";",
        "uescape",
    ]);
    let hidden = prop::sample::select(vec![
        "'SECRET'",
        "'it''s SECRET'",
        "'SECRET''SECRET'",
        "E'\\'SECRET\\\\'",
        "e'SECRET\\'SECRET'",
        "U&'SECRET\\0061'",
        "N'SECRET'",
        "$$SECRET$$",
        "$a$SECRET$$SECRET$a$",
        "$a1$'SECRET$a1$",
        "'SECRET' \n 'SECRET'",
        "E'SECRET' -- ' SECRET\n '\\'SECRET'",
        "-- SECRET ' $$ \n",
        "/* SECRET ' /* \" */ $$ SECRET */",
        "'$$SECRET'",
        "$$'SECRET$$",
        "'--SECRET'",
        "'/*SECRET'",
        "'\"SECRET'",
        "'a\\\\' 'SECRET'",
        "'SECRET\n-- SECRET'",
    ]);
    prop_oneof![
        plain.prop_map(str::to_owned),
        hidden.prop_map(str::to_owned)
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn no_secret_survives(
        parts in prop::collection::vec((pieces(), prop::sample::select(vec![" ", "\n", "  "])), 0..12),
        cut in option_cut(),
    ) {
        let mut sql: String = parts.iter().flat_map(|(piece, space)| [piece.as_str(), space]).collect();
        let whole = normalise(&sql, false);
        prop_assert!(!whole.contains(SECRET), "{} became {}", sql, whole);
        // A statement that breaks off anywhere tells no more.
        sql.truncate(sql.floor_char_boundary(cut % (sql.len() + 1)));
        let broken = normalise(&sql, false);
        prop_assert!(!broken.contains(SECRET), "{} became {}", sql, broken);
        prop_assert!(!broken.contains("SEC"), "{} became {}", sql, broken);
    }

    #[test]
    fn a_normalised_text_is_its_own(
        parts in prop::collection::vec(pieces(), 0..12), backslashes in any::<bool>(),
    ) {
        let once = normalise(&parts.join(" "), backslashes);
        if !once.ends_with('…') {
            prop_assert_eq!(&normalise(&once, backslashes), &once);
        }
    }

    #[test]
    fn any_text_is_taken(sql in "[ -~éλ\n]{0,60}", backslashes in any::<bool>()) {
        let text = normalise(&sql, backslashes);
        prop_assert!(text.len() <= sql.len() * 6 + 3);
    }

    #[test]
    fn a_literal_of_any_content_is_hidden(content in "[a-z'\"$\\\\/*-]{0,12}") {
        let quoted = content.replace('\'', "''");
        let sql = format!("select 'SECRET{quoted}' , 1");
        prop_assert_eq!(normalise(&sql, false), "select $1 , $2");
        let escaped = content.replace('\\', "\\\\").replace('\'', "\\'");
        let sql = format!("select E'SECRET{escaped}' , 1");
        prop_assert_eq!(normalise(&sql, false), "select $1 , $2");
    }
}

fn option_cut() -> impl Strategy<Value = usize> {
    0usize..400
}
