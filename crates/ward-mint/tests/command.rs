//! The command as the demo uses it: keys from files, tokens that ward accepts or refuses.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use ward_token::{Issuer, TokenError, verify};

fn mint(arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(env!("CARGO_BIN_EXE_ward-mint"))
        .args(arguments)
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    if output.status.success() {
        Ok(text(output.stdout))
    } else {
        Err(text(output.stderr))
    }
}

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("ward-mint-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn now() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
        .try_into()
        .unwrap()
}

const CLAIMS: &str = r#"{"iss":"https://idp.example.com","aud":"app-db","sub":"alice"}"#;

#[test]
fn keys_and_tokens_of_every_algorithm() {
    let folder = Folder::new("all");
    for alg in ward_mint::ALGS {
        mint(&[
            "keygen",
            "--alg",
            alg,
            "--kid",
            alg,
            "--out",
            &folder.file(""),
        ])
        .unwrap();
    }
    let jwks = fs::read_to_string(folder.file("jwks.json")).unwrap();
    let issuer = Issuer::define(
        "https://idp.example.com",
        "app-db",
        &jwks,
        "{}",
        "{}",
        &|_| None,
    )
    .unwrap();
    for alg in ward_mint::ALGS {
        let key = folder.file(&format!("{alg}.pem"));
        assert_eq!(
            fs::metadata(&key).unwrap().permissions().mode() & 0o777,
            0o600
        );
        let sign = |more: &[&str]| {
            let mut arguments = vec!["sign", "--key", &key, "--alg", alg, "--kid", alg];
            arguments.extend(["--claims", CLAIMS]);
            arguments.extend(more);
            verify(
                mint(&arguments).unwrap().trim_end(),
                &issuer,
                now(),
                &|_| None,
            )
        };
        assert_eq!(sign(&[]).unwrap().subject, "alice");
        assert_eq!(sign(&["--ttl", "60"]).unwrap().subject, "alice");
        assert_eq!(sign(&["--ttl", "-60"]), Err(TokenError::Expired));
        assert!(sign(&["--tamper"]).is_err());
        assert_eq!(
            sign(&["--header", r#"{"crit":["x"]}"#]),
            Err(TokenError::HeaderMember("crit"))
        );
        assert!(sign(&["--header", r#"{"typ":null}"#]).is_ok());
    }
}

#[test]
fn a_key_of_the_same_name_is_replaced_in_the_set() {
    let folder = Folder::new("replace");
    let keygen = || {
        mint(&[
            "keygen",
            "--alg",
            "ES256",
            "--kid",
            "k",
            "--out",
            &folder.file(""),
        ])
    };
    keygen().unwrap();
    let first = fs::read_to_string(folder.file("jwks.json")).unwrap();
    keygen().unwrap();
    let second = fs::read_to_string(folder.file("jwks.json")).unwrap();
    assert_ne!(first, second);
    assert_eq!(second.matches("\"kid\"").count(), 1);
}

#[test]
fn mistakes_are_named() {
    assert!(mint(&["--help"]).unwrap().contains("ward-mint sign --key"));
    for (arguments, message) in [
        (&["fly"][..], "unknown command fly"),
        (
            &[
                "keygen", "--alg", "HS256", "--kid", "k", "--out", "/nowhere",
            ],
            "unknown algorithm",
        ),
        (
            &[
                "keygen", "--alg", "ES256", "--kid", "../k", "--out", "/nowhere",
            ],
            "--kid may have",
        ),
        (
            &["keygen", "--alg", "ES256", "--out", "/nowhere"],
            "--kid is needed",
        ),
        (&["sign", "--speed", "3"], "unknown argument --speed"),
        (&["sign", "--key"], "--key needs a value"),
        (
            &[
                "sign",
                "--key",
                "/nowhere.pem",
                "--alg",
                "ES256",
                "--kid",
                "k",
            ],
            "/nowhere.pem",
        ),
    ] {
        let error = mint(arguments).unwrap_err();
        assert!(error.contains(message), "{error}");
    }
}
