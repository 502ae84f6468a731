//! The outer form of a token: three parts of base64url with dots between (RFC 7515 §3.1).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::error::{Part, TokenError};

/// The longest token accepted, in bytes.
pub const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// The three encoded parts.
#[derive(Copy, Clone)]
pub(crate) struct Parts<'a> {
    pub header: &'a str,
    pub payload: &'a str,
    pub signature: &'a str,
    /// Header and payload with the dot between: what is signed.
    pub signed: &'a str,
}

/// Checks size, number of parts and alphabet. Allocates nothing, decodes nothing and proves
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
    let in_alphabet = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    for (part, name) in parts.named() {
        if part.contains('.') || part.is_empty() {
            return Err(TokenError::NotThreeParts);
        }
        if !part.bytes().all(in_alphabet) {
            return Err(TokenError::Encoding(name));
        }
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
        assert_eq!(shape_check("a.b.c"), Ok(()));
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
    fn size() {
        let token = |n: usize| format!("a.{}.c", "b".repeat(n - 4));
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
