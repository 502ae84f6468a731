//! Finding and masking tokens, as pure functions over bytes.

use ward_token::redact::{has_token, mask, mask_pieces, tokens};

const TOKEN: &str = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl-_c2lnbmF0dXJl";

fn masked(text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    mask(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

fn stars(count: usize) -> String {
    "*".repeat(count)
}

#[test]
fn a_token_is_masked_in_its_place_and_nothing_else_is() {
    for (before, after) in [
        ("", ""),
        ("SET ward.token = '", "'; SELECT 1"),
        ("eyJ ", " eyJx."),
        ("=", "\n"),
    ] {
        let text = format!("{before}{TOKEN}{after}");
        assert_eq!(
            masked(&text),
            format!("{before}{}{after}", stars(TOKEN.len()))
        );
    }
}

#[test]
fn several_tokens_are_masked() {
    let text = format!("{TOKEN} and {TOKEN},{TOKEN}");
    let (one, all) = (stars(TOKEN.len()), tokens(text.as_bytes()).count());
    assert_eq!((masked(&text), all), (format!("{one} and {one},{one}"), 3));
}

#[test]
fn a_token_that_was_cut_off_after_its_header_is_one() {
    let header = TOKEN.find('.').unwrap_or_default();
    for end in 0..=TOKEN.len() {
        let cut = TOKEN.get(..end).unwrap_or_default();
        assert_eq!(has_token(cut.as_bytes()), end > header + 1, "{cut}");
    }
}

#[test]
fn other_text_stays_as_it_is() {
    for text in [
        "",
        "eyJ",
        "eyJ.",
        "eyJ..",
        "eyJ abc.def",
        "SELECT 1.5",
        "ey.J.abc",
        "e yJ.a",
    ] {
        assert!(!has_token(text.as_bytes()), "{text}");
        assert_eq!(masked(text), text);
    }
}

#[test]
fn masking_twice_is_masking_once() {
    let once = masked(&format!("a {TOKEN} b"));
    assert_eq!(masked(&once), once);
    assert!(!has_token(once.as_bytes()));
}

#[test]
fn any_long_piece_of_the_statements_token_is_masked() {
    let statement = format!("SELECT column_{TOKEN} FROM t");
    for length in [15, 16, 30] {
        for start in 0..=TOKEN.len() - length {
            let piece = TOKEN.get(start..start + length).unwrap_or_default();
            let mut message = format!("syntax error at or near \"{piece}\"").into_bytes();
            mask_pieces(&mut message, statement.as_bytes());
            let shows = message
                .windows(length)
                .any(|window| window == piece.as_bytes());
            assert_eq!(shows, length < 16, "{piece}");
        }
    }
    let mut other = b"relation \"a_quite_long_relation_name\" does not exist".to_vec();
    mask_pieces(&mut other, statement.as_bytes());
    assert_eq!(
        other,
        b"relation \"a_quite_long_relation_name\" does not exist"
    );
}
