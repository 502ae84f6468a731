//! Text that stays partly readable.
//!
//! Characters are Unicode code points, as PostgreSQL counts them in `varchar(n)`. A blank-padded
//! `char(n)` should be passed without its padding, else the blanks count as the suffix.

/// What stands for hidden text.
const HIDDEN: &str = "***";

/// The longest last label of a domain that is shown, in characters. The longest top-level domain
/// in use has 24; anything longer may be more than a domain.
const MAX_TLD: usize = 24;

/// The first `prefix` and the last `suffix` characters with `pad` between, whatever the length of
/// what is hidden; cut to `max_chars` characters where the column has such a limit.
///
/// A short value must not show itself: unless at least a third as many characters are hidden as
/// are shown, the result is the pad alone. So `partial(0, pad, 4)` needs six characters, and
/// `partial(6, pad, 4)`, the most a card number may show, needs fourteen.
pub fn partial(
    value: &str,
    prefix: usize,
    pad: &str,
    suffix: usize,
    max_chars: Option<u32>,
) -> String {
    partial_pieces(value, prefix, pad, suffix, max_chars).concat()
}

/// [`partial`] in the pieces that it is put together from, so that a caller can do so without
/// memory in between.
pub fn partial_pieces<'a>(
    value: &'a str,
    prefix: usize,
    pad: &'a str,
    suffix: usize,
    max_chars: Option<u32>,
) -> [&'a str; 3] {
    let shown = prefix.saturating_add(suffix);
    let hidden = count_chars(value).saturating_sub(shown);
    let pieces = if hidden < shown.div_ceil(3) {
        ["", pad, ""]
    } else {
        let (start, _) = split_chars(value, prefix);
        let (_, end) = split_chars(value, prefix.saturating_add(hidden));
        [start, pad, end]
    };
    let Some(limit) = max_chars else {
        return pieces;
    };
    let mut left = usize::try_from(limit).unwrap_or(usize::MAX);
    pieces.map(|piece| {
        let (kept, _) = split_chars(piece, left);
        left = left.saturating_sub(count_chars(kept));
        kept
    })
}

/// The first character and the top-level domain of an address: `a***@***.com`. What is not an
/// address is `***`. Cut to `max_chars` characters where the column has such a limit.
pub fn email(value: &str, max_chars: Option<u32>) -> String {
    let masked = match address(value) {
        Some((first, tld)) => format!("{first}{HIDDEN}@{HIDDEN}.{tld}"),
        None => HIDDEN.to_owned(),
    };
    cut(masked, max_chars)
}

/// The first character and the top-level domain, if the value looks like an address (RFC 5321
/// §4.1.2) closely enough that the two tell no more than that.
fn address(value: &str) -> Option<(char, &str)> {
    let (local, domain) = value.rsplit_once('@')?;
    let (name, tld) = domain.rsplit_once('.')?;
    let plain = |c: char| !c.is_whitespace() && !c.is_control();
    let length = tld.chars().count();
    let is_tld = (2..=MAX_TLD).contains(&length) && tld.chars().all(char::is_alphabetic);
    if name.is_empty() || !is_tld || !value.chars().all(plain) {
        return None;
    }
    Some((local.chars().next()?, tld))
}

/// The first `max_chars` characters.
pub(crate) fn cut(mut text: String, max_chars: Option<u32>) -> String {
    let limit = max_chars.map_or(usize::MAX, |n| usize::try_from(n).unwrap_or(usize::MAX));
    let keep = split_chars(&text, limit).0.len();
    text.truncate(keep);
    text
}

/// How many characters; bytes and characters are the same where all are ASCII, as most are.
fn count_chars(text: &str) -> usize {
    if text.is_ascii() {
        text.len()
    } else {
        text.chars().count()
    }
}

/// Splits after `count` characters, or at the end.
fn split_chars(text: &str, count: usize) -> (&str, &str) {
    if text.is_ascii() {
        return text.split_at_checked(count).unwrap_or((text, ""));
    }
    let at = text
        .char_indices()
        .nth(count)
        .map_or(text.len(), |(at, _)| at);
    text.split_at_checked(at).unwrap_or((text, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_value_shows_its_ends() {
        let ssn = |value| partial(value, 0, "***-**-", 4, None);
        assert_eq!(ssn("123-45-6789"), "***-**-6789");
        assert_eq!(ssn("456789"), "***-**-6789");
        assert_eq!(partial("4111222233334444", 6, "…", 4, None), "411122…4444");
        assert_eq!(partial("Grüße aus Köln", 3, "*", 2, None), "Grü*ln");
        assert_eq!(partial("secret", 0, "x", 0, None), "x");
    }

    #[test]
    fn a_short_value_shows_nothing() {
        for value in ["", "6", "6789", "56789"] {
            assert_eq!(partial(value, 0, "***-**-", 4, None), "***-**-", "{value}");
            assert_eq!(partial(value, 2, "*", 2, None), "*", "{value}");
            assert_eq!(partial(value, 4, "", 0, None), "", "{value}");
        }
        assert_eq!(partial("abc", usize::MAX, "*", usize::MAX, None), "*");
        // The ends never overlap, so no character is shown twice.
        assert_eq!(partial("abcdef", 2, "*", 2, None), "ab*ef");
    }

    #[test]
    fn results_fit_the_column() {
        assert_eq!(
            partial("123-45-6789", 0, "***-**-", 4, Some(9)),
            "***-**-67"
        );
        assert_eq!(partial("abc", 0, "äöü", 0, Some(2)), "äö");
        assert_eq!(email("anna@example.com", Some(5)), "a***@");
        assert_eq!(email("none", Some(0)), "");
    }

    #[test]
    fn addresses() {
        assert_eq!(email("anna@example.com", None), "a***@***.com");
        assert_eq!(email("a@b.co", None), "a***@***.co");
        assert_eq!(email("é@mail.example.museum", None), "é***@***.museum");
        assert_eq!(email("\"a@b\"@example.org", None), "\"***@***.org");
    }

    #[test]
    fn what_is_no_address_shows_nothing() {
        for value in [
            "",
            "anna",
            "@",
            "@example.com",
            "anna@",
            "anna@localhost",
            "anna@.com",
            "anna@example.",
            "anna@example.c",
            "anna@10.0.0.1",
            "anna@example.com, bob@example.com",
            "my pin is 1234 @ home.now",
            "anna@example.com\n",
            "a@b.thisisnotadomainbutasecret",
        ] {
            assert_eq!(email(value, None), "***", "{value}");
        }
    }
}
