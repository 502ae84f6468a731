//! The header of a token (RFC 7515 §4): which key and algorithm, and nothing that changes the rules.

use serde_json::{Map, Value};

use crate::alg::Alg;
use crate::error::{Part, TokenError};
use crate::json;

/// What ward reads of a header. Everything else in it is either refused or ignored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub alg: Alg,
    pub kid: Option<String>,
    /// `typ` in lower case without the prefix `application/` (RFC 7515 §4.1.9).
    pub typ: Option<String>,
}

/// Members that change how the token is read: extensions, detached payload, compression,
/// encryption, nesting.
const REFUSED: [&str; 5] = ["crit", "b64", "zip", "enc", "cty"];
/// Members by which a token would bring its own key.
const KEY_BEARING: [&str; 4] = ["jku", "x5u", "jwk", "x5c"];

impl Header {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, TokenError> {
        let members =
            json::object(bytes, json::TOKEN).map_err(|e| TokenError::Json(Part::Header, e))?;
        if let Some(name) = REFUSED.into_iter().find(|n| members.contains_key(*n)) {
            return Err(TokenError::HeaderMember(name));
        }
        if let Some(name) = KEY_BEARING.into_iter().find(|n| members.contains_key(*n)) {
            return Err(TokenError::KeyInHeader(name));
        }
        Ok(Self {
            alg: alg(&members)?,
            kid: kid(&members)?,
            typ: typ(&members)?,
        })
    }
}

fn alg(members: &Map<String, Value>) -> Result<Alg, TokenError> {
    match members.get("alg") {
        Some(Value::String(name)) => {
            Alg::from_name(name).ok_or_else(|| TokenError::AlgRefused(name.clone()))
        }
        _ => Err(TokenError::AlgMissing),
    }
}

/// A key name is only ever compared; still, it is kept short and printable, because it reaches logs.
fn kid(members: &Map<String, Value>) -> Result<Option<String>, TokenError> {
    match members.get("kid") {
        None => Ok(None),
        Some(Value::String(kid)) if is_kid(kid) => Ok(Some(kid.clone())),
        Some(_) => Err(TokenError::KidForm),
    }
}

/// 1 to 128 printable ASCII characters.
pub(crate) fn is_kid(kid: &str) -> bool {
    (1..=128).contains(&kid.len()) && kid.bytes().all(|b| (0x20..=0x7e).contains(&b))
}

fn typ(members: &Map<String, Value>) -> Result<Option<String>, TokenError> {
    match members.get("typ") {
        None => Ok(None),
        Some(Value::String(typ)) => Ok(Some(media_type(typ))),
        Some(_) => Err(TokenError::TypeRefused("not a string".into())),
    }
}

/// The comparable form of a media type: lower case, `application/` left out where it may be.
pub(crate) fn media_type(typ: &str) -> String {
    let lower = typ.to_ascii_lowercase();
    match lower.strip_prefix("application/") {
        Some(subtype) if !subtype.contains('/') => subtype.to_owned(),
        _ => lower,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Header, TokenError> {
        Header::parse(text.as_bytes())
    }

    #[test]
    fn algorithm() {
        for alg in Alg::ALL {
            let header = parse(&format!(r#"{{"alg":"{alg}"}}"#)).unwrap();
            assert_eq!(
                header,
                Header {
                    alg,
                    kid: None,
                    typ: None
                }
            );
        }
        for alg in [
            "none", "None", "NONE", "HS256", "HS384", "HS512", "rs256", "es256", "eddsa", "RS1",
            "RS256 ", "ES256K", "ES512", "Ed448", "RSA-OAEP", "dir", "",
        ] {
            let refused = Err(TokenError::AlgRefused(alg.into()));
            assert_eq!(parse(&format!(r#"{{"alg":"{alg}"}}"#)), refused, "{alg}");
        }
        for text in [
            "{}",
            r#"{"alg":null}"#,
            r#"{"alg":["RS256"]}"#,
            r#"{"Alg":"RS256"}"#,
        ] {
            assert_eq!(parse(text), Err(TokenError::AlgMissing), "{text}");
        }
    }

    #[test]
    fn members_that_change_the_rules() {
        for name in REFUSED {
            for value in ["null", "[]", "\"JWT\"", "true", r#"["b64"]"#, r#"["exp"]"#] {
                let text = format!(r#"{{"alg":"ES256","{name}":{value}}}"#);
                assert_eq!(parse(&text), Err(TokenError::HeaderMember(name)), "{text}");
            }
        }
        for name in KEY_BEARING {
            let text = format!(r#"{{"alg":"ES256","kid":"a","{name}":null}}"#);
            assert_eq!(parse(&text), Err(TokenError::KeyInHeader(name)), "{text}");
        }
        // Thumbprints and unknown members have no effect.
        let text = r#"{"alg":"ES256","x5t":"a","x5t#S256":"b","nonce":"c","other":{"a":[1]}}"#;
        assert!(parse(text).is_ok());
    }

    #[test]
    fn key_name() {
        let with = |kid: &str| parse(&format!(r#"{{"alg":"ES256","kid":{kid}}}"#));
        assert_eq!(
            with("\"2024 key/../'--\"").unwrap().kid.unwrap(),
            "2024 key/../'--"
        );
        assert!(with(&format!("\"{}\"", "k".repeat(128))).is_ok());
        let long = format!("\"{}\"", "k".repeat(129));
        for kid in [
            "\"\"",
            "null",
            "1",
            "[]",
            r#""a\n""#,
            r#""\u007f""#,
            "\"é\"",
            &long,
        ] {
            assert_eq!(with(kid), Err(TokenError::KidForm), "{kid}");
        }
    }

    #[test]
    fn type_is_a_media_type() {
        for (typ, expected) in [
            ("JWT", "jwt"),
            ("at+jwt", "at+jwt"),
            ("application/AT+JWT", "at+jwt"),
            ("application/a/b", "application/a/b"),
            ("text/jwt", "text/jwt"),
        ] {
            let header = parse(&format!(r#"{{"alg":"ES256","typ":"{typ}"}}"#)).unwrap();
            assert_eq!(header.typ.as_deref(), Some(expected));
        }
        assert!(matches!(
            parse(r#"{"alg":"ES256","typ":7}"#),
            Err(TokenError::TypeRefused(_))
        ));
    }

    #[test]
    fn duplicates() {
        for text in [
            r#"{"alg":"none","alg":"ES256"}"#,
            r#"{"alg":"ES256","x":{"a":1,"a":2}}"#,
        ] {
            assert!(
                matches!(parse(text), Err(TokenError::Json(Part::Header, _))),
                "{text}"
            );
        }
    }
}
