//! Messages: clear, in one style, and without anything that could be a secret.

use ward_token::{Alg, JsonError, Part, RevocationKind, TokenError};

const HOSTILE: &str = "k\u{1b}[31m\n\u{202e}'; DROP TABLE x; -- \
                       eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9.AAAAAAAAAAAAAAAAAAAAAAAA";

fn one_of_each() -> Vec<(TokenError, &'static str)> {
    use TokenError as E;
    let text = || HOSTILE.to_owned();
    vec![
        (E::TooLarge, "WD001"),
        (E::NotThreeParts, "WD001"),
        (E::Encoding(Part::Signature), "WD001"),
        (
            E::Json(Part::Payload, JsonError::Duplicate(text())),
            "WD001",
        ),
        (E::HeaderMember("crit"), "WD001"),
        (E::ClaimMissing(text()), "WD001"),
        (
            E::ClaimForm {
                claim: text(),
                expected: "a time",
            },
            "WD001",
        ),
        (E::ClaimElsewhere(text()), "WD001"),
        (E::AlgMissing, "WD002"),
        (E::AlgRefused(text()), "WD002"),
        (E::IssuerMissing, "WD003"),
        (E::IssuerMismatch, "WD003"),
        (E::KidForm, "WD004"),
        (E::KeyUnknown(text()), "WD004"),
        (E::KeyAmbiguous, "WD004"),
        (
            E::KeyMismatch {
                kid: text(),
                alg: Alg::ES256,
            },
            "WD004",
        ),
        (E::KeyNotForSignatures(text()), "WD004"),
        (E::KeyInHeader("jwk"), "WD004"),
        (E::Signature, "WD005"),
        (E::TypeRefused(text()), "WD006"),
        (E::EventToken, "WD006"),
        (E::KindRefused, "WD006"),
        (E::AudienceMissing, "WD007"),
        (E::AudienceMismatch, "WD007"),
        (E::AudienceNotSole, "WD007"),
        (E::Expired, "WD008"),
        (E::NotYetValid, "WD009"),
        (E::IssuedInFuture, "WD009"),
        (E::NoLifetime, "WD010"),
        (E::LifetimeTooLong(900), "WD010"),
        (E::Revoked(RevocationKind::Session), "WD012"),
        (E::Bound, "WD013"),
        (E::TenantRefused, "WD014"),
        (E::Delegation, "WD015"),
        (E::Clearance, "WD030"),
    ]
}

#[test]
fn every_cause_has_its_code_message_and_cure() {
    for (error, code) in one_of_each() {
        assert_eq!(error.code(), code, "{error:?}");
        let (problem, hint) = (error.problem(), error.hint());
        assert_eq!(error.to_string(), format!("{problem}; {hint}"));
        for text in [problem.as_str(), hint] {
            assert!(text.len() > 10 && !text.ends_with('.'), "{text}");
            assert!(
                text.starts_with(|c: char| c.is_lowercase() || c == '"'),
                "{text}"
            );
        }
    }
}

#[test]
fn names_are_shown_but_never_a_token() {
    let shown = |name: &str| TokenError::KeyUnknown(name.to_owned()).problem();
    assert_eq!(shown("key-1"), "the issuer has no key named \"key-1\"");
    assert_eq!(shown("a\n'b"), "the issuer has no key named \"a??b\"");
    let long = format!("the issuer has no key named \"{}…\"", "x".repeat(48));
    assert_eq!(shown(&"x".repeat(49)), long);
    assert_eq!(
        shown("x.eyJhbGciOiJub25lIn0"),
        "the issuer has no key named (not shown)"
    );
}

#[test]
fn hostile_names_are_shortened_and_made_harmless() {
    for (error, _) in one_of_each() {
        let message = error.to_string();
        assert!(message.len() < 300, "{message}");
        assert!(
            message
                .chars()
                .all(|c| c == '…' || c.is_ascii_graphic() || c == ' '),
            "{message}"
        );
        for piece in ["eyJ", "AAAA", "';", "\u{1b}"] {
            assert!(!message.contains(piece), "{message} shows {piece}");
        }
    }
}
