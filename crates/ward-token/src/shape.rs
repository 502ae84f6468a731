//! The outer form of a token: three parts of base64url with dots between (RFC 7515 §3.1).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::error::{Part, TokenError};

/// The longest token accepted, in bytes.
pub const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// How every token begins: the base64url form of `{"`, which opens a JSON object with a member.
///
/// JSON would allow blanks before the first member; they are refused, since this beginning is what
/// redaction looks for: a token of another one would not be masked in logs.
const BEGINNING: &str = "eyJ";

/// Which bytes are base64url. One look-up per byte: a pooled session gives a token for each
/// transaction, and the alphabet was a quarter of what that cost.
const ALPHABET: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < table.len() {
        let b = byte as u8;
        table[byte] = b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        byte += 1;
    }
    table
};

/// The three encoded parts.
#[derive(Copy, Clone)]
pub(crate) struct Parts<'a> {
    pub header: &'a str,
    pub payload: &'a str,
    pub signature: &'a str,
    /// Header and payload with the dot between: what is signed.
    pub signed: &'a str,
}

/// Checks size, number of parts, alphabet and how the header begins. Allocates nothing, decodes nothing and proves
/// nothing: it is for refusing at once what cannot be a token.
pub fn shape_check(token: &str) -> Result<(), TokenError> {
    split(token).map(|_| ())
}

pub(crate) fn split(token: &str) -> Result<Parts<'_>, TokenError> {
    if token.len() > MAX_TOKEN_BYTES {
        return Err(TokenError::TooLarge);
    }
    let (signed, signature) = token.rsplit_once('.').ok_or(TokenError::NotThreeParts)?;
    let (header, payload) = signed.split_once('.').ok_or(TokenError::NotThreeParts)?;
    let parts = Parts {
        header,
        payload,
        signature,
        signed,
    };
    for (part, name) in parts.named() {
        if part.contains('.') || part.is_empty() {
            return Err(TokenError::NotThreeParts);
        }
        // Without a branch per byte, which the compiler cannot vectorise.
        if !part
            .bytes()
            .fold(true, |all, b| all & ALPHABET[usize::from(b)])
        {
            return Err(TokenError::Encoding(name));
        }
    }
    if !header.starts_with(BEGINNING) {
        return Err(TokenError::Beginning);
    }
    Ok(parts)
}

impl<'a> Parts<'a> {
    fn named(&self) -> [(&'a str, Part); 3] {
        [
            (self.header, Part::Header),
            (self.payload, Part::Payload),
            (self.signature, Part::Signature),
        ]
    }
}

/// Decodes base64url without padding; stray bits in the last character are refused, so one value
/// has one spelling.
pub(crate) fn base64url(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_non_empty_parts() {
        assert_eq!(shape_check("eyJ.b.c"), Ok(()));
        for token in [
            "", "a", "a.b", "a.b.c.d", ".b.c", "a..c", "a.b.", "..", "...", "a.b.c.",
        ] {
            assert_eq!(
                shape_check(token),
                Err(TokenError::NotThreeParts),
                "{token}"
            );
        }
    }

    #[test]
    fn alphabet() {
        for (token, part) in [
            ("a=.b.c", Part::Header),
            ("a.b+.c", Part::Payload),
            ("a.b.c/", Part::Signature),
            (" a.b.c", Part::Header),
            ("a.b.c\n", Part::Signature),
            ("a.bé.c", Part::Payload),
            ("{\"payload\":\"a.b.c\"}", Part::Header),
        ] {
            assert_eq!(
                shape_check(token),
                Err(TokenError::Encoding(part)),
                "{token}"
            );
        }
    }

    #[test]
    fn beginning() {
        for token in [
            "e30.b.c", "eyA.b.c", "ewo.b.c", "eyj.b.c", "eY.b.c", "a.eyJ.c",
        ] {
            assert_eq!(shape_check(token), Err(TokenError::Beginning), "{token}");
        }
    }

    #[test]
    fn size() {
        let token = |n: usize| format!("eyJ.{}.c", "b".repeat(n - 6));
        assert_eq!(shape_check(&token(MAX_TOKEN_BYTES)), Ok(()));
        assert_eq!(
            shape_check(&token(MAX_TOKEN_BYTES + 1)),
            Err(TokenError::TooLarge)
        );
    }

    #[test]
    fn one_value_has_one_spelling() {
        assert_eq!(base64url("AQ"), Some(vec![1]));
        for spelling in ["AR", "AQ=", "AQ==", "A", "A Q", "AQ\n", "+/"] {
            assert_eq!(base64url(spelling), None, "{spelling}");
        }
    }
}
