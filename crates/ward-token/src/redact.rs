#![forbid(unsafe_code)]
//! Finding and masking tokens in text.
//!
//! A token is recognised by its shape (RFC 7519 §3: a base64url header that begins `{"`, which is
//! `eyJ`, then a dot and more base64url), not by comparing it with the one in force: other sessions'
//! tokens are secrets as well, and so are those that were refused. Masked text keeps its length, so
//! that error positions stay right.

use std::ops::Range;

const START: &[u8] = b"eyJ";
/// What stands for each byte of a token.
pub const MASK: u8 = b'*';

/// Does the text hold a token, or the beginning of one?
pub fn has_token(text: &[u8]) -> bool {
    tokens(text).next().is_some()
}

/// Where the tokens of a text are, in order. A token that was cut off after its header counts.
pub fn tokens(text: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let mut from = 0;
    std::iter::from_fn(move || {
        loop {
            let start = from + find_start(text.get(from..)?)?;
            let rest = text.get(start..)?;
            let length = rest.iter().take_while(|byte| is_token_byte(**byte)).count();
            from = start + length;
            if is_shaped(rest.get(..length)?) {
                return Some(start..from);
            }
        }
    })
}

/// Where the first `eyJ` is. Searching for its capital is several times cheaper on the short texts
/// of ordinary statements than a search for the whole.
fn find_start(text: &[u8]) -> Option<usize> {
    memchr::memchr_iter(b'J', text)
        .filter_map(|capital| capital.checked_sub(2))
        .find(|&start| text.get(start..start + 3) == Some(START))
}

/// Masks the tokens of a text in place.
pub fn mask(text: &mut [u8]) {
    let mut from = 0;
    loop {
        let Some(token) = text.get(from..).and_then(|rest| tokens(rest).next()) else {
            return;
        };
        let (start, end) = (from + token.start, from + token.end);
        if let Some(token) = text.get_mut(start..end) {
            token.fill(MASK);
        }
        from = end;
    }
}

/// A text with its tokens masked.
pub fn masked(text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    mask(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Masks pieces of the tokens of `statement` in a message about it.
///
/// The parser quotes from the place of an error onwards, which may lie inside a token that was
/// written without quotes.
pub fn mask_pieces(text: &mut [u8], statement: &[u8]) {
    const PIECE: usize = 16;
    let mut from = 0;
    while from < text.len() {
        let length = text
            .iter()
            .skip(from)
            .take_while(|byte| is_token_byte(**byte))
            .count();
        let Some(run) = text.get_mut(from..from + length) else {
            return;
        };
        if length >= PIECE
            && tokens(statement).any(|token| {
                statement
                    .get(token)
                    .is_some_and(|token| contains(token, run))
            })
        {
            run.fill(MASK);
        }
        from += length + 1;
    }
}

fn contains(text: &[u8], piece: &[u8]) -> bool {
    memchr::memmem::find(text, piece).is_some()
}

fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
}

/// A header, a dot, and at least one byte of what follows.
fn is_shaped(run: &[u8]) -> bool {
    match memchr::memchr(b'.', run) {
        Some(dot) => run.get(dot + 1).is_some_and(|byte| *byte != b'.'),
        None => false,
    }
}
