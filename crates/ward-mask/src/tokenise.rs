//! Tokens that look like the numbers they stand for: digits become digits, all else stays.

use fpe::ff1::FlexibleNumeralString;

use crate::digits::{digit, in_row};
use crate::keyed::TenantKey;

/// The fewest digits that FF1 encrypts: it needs a million possible values (NIST SP 800-38G
/// Revision 1, §5).
const MIN_DIGITS: usize = 6;

/// Longer numbers are encrypted in pieces, since the time FF1 takes grows with the square.
const PIECE: usize = 256;

/// Replaces each decimal digit, of whatever script, by another of its script, and keeps everything
/// else, so that `DE-4711-0815` becomes something like `DE-0293-7750`. A text without digits stays
/// as it is.
///
/// From six digits on, different values have different tokens: the digits are encrypted with FF1
/// (NIST SP 800-38G) under AES-256, with the rest of the text as the tweak. Numbers of 512 digits
/// and more are encrypted in pieces of 256 to 511 digits, each with the token of the one before in
/// its tweak. Up to five digits are replaced by digits of a keyed hash of the whole text; two
/// values may then have the same token.
pub fn tokenise(key: &TenantKey, value: &str) -> String {
    let digits: Vec<u16> = value.chars().filter_map(digit).map(|(d, _)| d).collect();
    let token = encrypt(key, value, &digits).unwrap_or_else(|| hash(key, value, digits.len()));
    let mut token = token.into_iter();
    let replaced = value.chars().map(|c| match digit(c) {
        Some((_, zero)) => in_row(zero, token.next().unwrap_or_default()),
        None => c,
    });
    replaced.collect()
}

/// As many digits from an HMAC of the value in counter mode. Each is a 32-bit number modulo 10.
fn hash(key: &TenantKey, value: &str, count: usize) -> Vec<u16> {
    let blocks = (0u64..).map(|n| key.mac("digits", &[&n.to_be_bytes(), value.as_bytes()]));
    let digits = blocks.flat_map(|block| {
        let (numbers, _) = block.as_chunks::<4>();
        let digit = |number: &[u8; 4]| u16::try_from(u32::from_be_bytes(*number) % 10);
        let digits: Vec<u16> = numbers.iter().filter_map(|n| digit(n).ok()).collect();
        digits
    });
    digits.take(count).collect()
}

/// The digits under FF1; `None` if they are too few.
fn encrypt(key: &TenantKey, value: &str, digits: &[u16]) -> Option<Vec<u16>> {
    if digits.len() < MIN_DIGITS {
        return None;
    }
    let shape: String = value
        .chars()
        .map(|c| digit(c).map_or(c, |(_, zero)| zero))
        .collect();
    // Of fixed length, for the sake of long texts.
    let shape = key.mac("shape", &[shape.as_bytes()]);
    let mut token: Vec<u16> = Vec::with_capacity(digits.len());
    let mut before = Vec::new();
    for piece in pieces(digits) {
        let tweak = key.mac("tweak", &[&shape, &before]);
        let masked = ff1(key, &tweak, piece)?;
        before = masked
            .iter()
            .filter_map(|d| u8::try_from(*d).ok())
            .collect();
        token.extend(masked);
    }
    Some(token)
}

/// Pieces of [`PIECE`] digits, of which the last is up to twice as long.
fn pieces(mut rest: &[u16]) -> Vec<&[u16]> {
    let mut pieces = Vec::new();
    while rest.len() >= PIECE.saturating_mul(2) {
        let (piece, after) = rest.split_at_checked(PIECE).unwrap_or((rest, &[]));
        pieces.push(piece);
        rest = after;
    }
    pieces.push(rest);
    pieces
}

fn ff1(key: &TenantKey, tweak: &[u8], digits: &[u16]) -> Option<Vec<u16>> {
    let numerals = FlexibleNumeralString::from(digits.to_vec());
    let token = key.ff1.as_ref()?.encrypt(tweak, &numerals).ok()?;
    Some(token.into())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use aes::Aes256;
    use fpe::ff1::FF1;

    use super::*;

    fn key() -> TenantKey {
        TenantKey::derive(&[7; 32], "public.person.phone", "acme")
    }

    /// Samples 7 and 8 of NIST for FF1 with AES-256 and radix 10.
    #[test]
    fn ff1_known_answers() {
        let secret: [u8; 32] = 0x2B7E151628AED2A6ABF7158809CF4F3C_u128
            .to_be_bytes()
            .into_iter()
            .chain(0xEF4359D8D580AA4F7F036D6F04FC6A94_u128.to_be_bytes())
            .collect::<Vec<_>>()
            .try_into()
            .unwrap();
        let mut key = key();
        key.ff1 = FF1::<Aes256>::new(&secret, 10).ok();
        let digits: Vec<u16> = (0..10).collect();
        for (tweak, token) in [
            ("", [6, 6, 5, 7, 6, 6, 7, 0, 0, 9]),
            ("9876543210", [1, 0, 0, 1, 6, 2, 3, 4, 6, 3]),
        ] {
            assert_eq!(ff1(&key, tweak.as_bytes(), &digits), Some(token.to_vec()));
        }
    }

    /// Masks must not change from release to release.
    #[test]
    fn tokens_stay_as_they_are() {
        for (value, token) in [
            ("4111-1111-1111-1111", "0243-1023-8692-7797"),
            ("12-34", "90-48"),
            ("٠١٢٣٤٥٦٧٨٩", "٥٤١٣٦١٨٩٢٩"),
        ] {
            assert_eq!(tokenise(&key(), value), token);
        }
    }

    #[test]
    fn a_token_has_the_form_of_its_value() {
        for value in [
            "",
            "-",
            "no digits",
            "0",
            "a1b22-333",
            "+49 (0)30 1234567",
            "１２３４５６x",
        ] {
            let token = tokenise(&key(), value);
            let shape = |text: &str| -> Vec<char> {
                let shape = text.chars().map(|c| digit(c).map_or(c, |(_, zero)| zero));
                shape.collect()
            };
            assert_eq!(shape(value), shape(&token), "{value}");
        }
    }

    #[test]
    fn the_text_around_the_digits_counts() {
        let digits = |value: &str| -> String {
            let token = tokenise(&key(), value);
            token.chars().filter(char::is_ascii_digit).collect()
        };
        assert_ne!(digits("A12345678"), digits("B12345678"));
        assert_ne!(digits("A12345"), digits("B12345"));
    }

    #[test]
    fn six_digits_are_enough_to_tell_values_apart() {
        let key = key();
        let tokens: HashSet<String> = (0..20_000)
            .map(|n| tokenise(&key, &format!("{:06}", n * 49)))
            .collect();
        assert_eq!(tokens.len(), 20_000);
        assert!(tokens.iter().all(|token| token.len() == 6));
    }

    #[test]
    fn long_numbers() {
        let key = key();
        for length in [255, 256, 511, 512, 513, 767, 768, 5000] {
            let sizes: Vec<usize> = pieces(&vec![0; length]).iter().map(|p| p.len()).collect();
            assert_eq!(sizes.iter().sum::<usize>(), length);
            let zeros = tokenise(&key, &"0".repeat(length));
            let other = tokenise(&key, &format!("{}1", "0".repeat(length - 1)));
            assert_eq!(zeros.len(), length);
            assert_ne!(zeros, other);
            // Neither a run of one digit nor a repetition of pieces.
            assert!(length < 512 || zeros[..200] != zeros[256..456]);
        }
    }
}
