//! Notes and keys as others write them.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{signer, verifier};
use ward_audit::{Signer, Verifier};

/// The example of c2sp.org/signed-note.
#[test]
fn the_example_of_the_specification() {
    let key =
        Verifier::parse("example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k");
    let note = "This is an example message.\n\n— example.com/foo \
        Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";
    assert_eq!(
        key.unwrap().verify(note),
        Ok("This is an example message.\n")
    );
}

/// The example of Go's sumdb/note: Ed25519 is deterministic, so ours must be the same.
#[test]
fn the_example_of_go() {
    let key = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
    let signer = Signer::parse(key).unwrap();
    assert_eq!(signer.skey(), key);
    assert_eq!(
        signer.vkey(),
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    );
    let note = signer.sign(
        "If you think cryptography is the answer to your problem,\n\
         then you don't know what your problem is.\n",
    );
    assert_eq!(
        note,
        "If you think cryptography is the answer to your problem,\n\
         then you don't know what your problem is.\n\n\
         — PeterNeumann \
         x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
    );
}

#[test]
fn a_checkpoint_is_read_back() {
    let note = signer().checkpoint("ward-7/000001", 42, &[9; 32]);
    let checkpoint = verifier().open(&note).unwrap();
    assert_eq!(checkpoint.origin, "ward-7/000001");
    assert_eq!((checkpoint.size, checkpoint.root), (42, [9; 32]));
}

#[test]
fn every_changed_byte_is_noticed() {
    let note = signer().checkpoint("ward-7/000001", 42, &[9; 32]);
    for at in 0..note.len() {
        for bit in 0..8 {
            let mut bytes = note.clone().into_bytes();
            bytes[at] ^= 1 << bit;
            let Ok(text) = String::from_utf8(bytes) else {
                continue;
            };
            assert!(
                verifier().open(&text).is_err(),
                "byte {at}, bit {bit}: {text}"
            );
        }
    }
    assert!(verifier().open(&note).is_ok());
}

#[test]
fn strangers_may_sign_too_but_do_not_count() {
    let stranger = Signer::generate_from_seed("witness", &[1; 32]).unwrap();
    let text = "ward-7/000001\n42\nCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk=\n";
    let line = |note: String| note.lines().last().unwrap().to_owned();
    let ours = line(signer().sign(text));
    let theirs = line(stranger.sign(text));
    let both = format!("{text}\n{theirs}\n{ours}\n");
    assert!(verifier().open(&both).is_ok());
    assert!(verifier().open(&format!("{text}\n{theirs}\n")).is_err());
    // The same name with another key is a stranger as well.
    let namesake = Signer::generate_from_seed("ward-7", &[1; 32]).unwrap();
    assert!(verifier().open(&namesake.sign(text)).is_err());
}

#[test]
fn what_is_signed_must_still_be_a_checkpoint() {
    let root = "CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk=";
    let open = |text: &str| verifier().open(&signer().sign(text));
    assert!(open(&format!("o\n1\n{root}\n")).is_ok());
    assert!(open(&format!("o\n1\n{root}\nextension\n")).is_ok());
    for text in [
        format!("\n1\n{root}\n"),
        format!("o\n01\n{root}\n"),
        format!("o\n+1\n{root}\n"),
        format!("o\n-1\n{root}\n"),
        "o\n1\nCQkJ\n".to_owned(),
        "o\n1\n".to_owned(),
    ] {
        assert!(open(&text).is_err(), "{text}");
    }
}

#[test]
fn keys_that_do_not_fit_are_refused() {
    let (skey, vkey) = (signer().skey(), signer().vkey());
    assert!(Signer::parse(&format!("{skey}\n")).is_ok());
    assert!(Verifier::parse(&format!("{vkey}\n")).is_ok());
    assert!(Signer::parse(&skey.replace("ward-7", "ward-8")).is_err());
    assert!(Verifier::parse(&vkey.replace("ward-7", "ward-8")).is_err());
    assert!(Signer::parse(&vkey).is_err());
    assert!(Verifier::parse("ward-7").is_err());
    for name in ["", "a b", "a+b", "a\u{a0}b", "a\n"] {
        assert!(
            Signer::generate_from_seed(name, &[7; 32]).is_err(),
            "{name:?}"
        );
    }
    assert!(
        !format!("{:?}", signer()).contains("Bwc"),
        "a key is not shown"
    );
}
