//! How long the first verification of a token takes, for each algorithm:
//! `cargo run --release -p ward-token --example first_sight`.
//!
//! Everything a backend does with a token it has not seen: shape, decoding, JSON, header, key,
//! signature, claims. The issuer's definition is prepared before, as it is once per backend.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a program for developers"
)]

use std::hint::black_box;
use std::time::Instant;

use serde_json::{Map, json};
use ward_mint::SigningKey;
use ward_token::{Issuer, peek_issuer, recheck, shape_check, verify};

const NOW: i64 = 1_767_225_600;
const ROUNDS: usize = 60;
const REPEATS: usize = 50;

fn main() {
    println!("microseconds, once");
    for alg in ["ES256", "RS256", "EdDSA"] {
        cold(alg);
    }
    println!("microseconds, median and least of {ROUNDS} rounds of {REPEATS}");
    let mut es256 = None;
    for alg in ward_mint::ALGS {
        let (token, issuer) = prepare(alg);
        time(
            &format!("first sight {alg} ({} bytes)", token.len()),
            || {
                black_box(verify(black_box(&token), &issuer, NOW, &|_| None)).unwrap();
            },
        );
        if alg == "ES256" {
            es256 = Some((token, issuer));
        }
    }
    let (token, issuer) = es256.unwrap();
    let principal = verify(&token, &issuer, NOW, &|_| None).unwrap();
    time("peek_issuer", || {
        black_box(peek_issuer(black_box(&token))).unwrap();
    });
    time("shape_check", || shape_check(black_box(&token)).unwrap());
    time("recheck", || {
        recheck(black_box(&principal), issuer.leeway(), NOW).unwrap()
    });
}

fn prepare(alg: &str) -> (String, Issuer) {
    let key = SigningKey::generate(alg, "k1").unwrap();
    let jwks = json!({"keys": [key.jwk()]}).to_string();
    let claims = json!({
        "iss": "https://idp.example.com/realms/main", "aud": ["app-db", "app"],
        "sub": "5f7c8ec7-c33c-6c00-4bba-fe82aa01c2d9", "jti": "0b7c7f3a-9c1e-4a52-8f0e-1a2b3c4d5e6f",
        "iat": NOW, "exp": NOW + 600, "auth_time": NOW - 60, "sid": "c1a2", "tenant": "acme",
        "groups": ["/staff", "/finance/eu", "/finance/us"], "scope": "openid profile email",
        "realm_access": {"roles": ["offline_access", "analyst", "uma_authorization"]},
        "clearance": "confidential{pii,financial}", "preferred_username": "alice@example.com",
    });
    let token = key.sign(&Map::new(), &claims).unwrap();
    let name = "https://idp.example.com/realms/main";
    let issuer = Issuer::define(name, "app-db", &jwks, "{}", "{}", &|_| None).unwrap();
    (token, issuer)
}

/// The very first use of an issuer, when nothing is in any cache: definition and verification once.
fn cold(alg: &str) {
    let key = SigningKey::generate(alg, "k1").unwrap();
    let jwks = json!({"keys": [key.jwk()]}).to_string();
    let claims = json!({"iss": "i", "aud": "a", "sub": "s", "iat": NOW, "exp": NOW + 600});
    let token = key.sign(&Map::new(), &claims).unwrap();
    let start = Instant::now();
    let issuer = Issuer::define("i", "a", &jwks, "{}", "{}", &|_| None).unwrap();
    let defined = start.elapsed();
    verify(&token, &issuer, NOW, &|_| None).unwrap();
    let (define, verify) = (
        defined.as_secs_f64(),
        (start.elapsed() - defined).as_secs_f64(),
    );
    println!(
        "{alg:5} cold: define {:8.2}, then verify {:8.2}",
        define * 1e6,
        verify * 1e6
    );
}

fn time(what: &str, mut work: impl FnMut()) {
    let mut rounds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            (0..REPEATS).for_each(|_| work());
            start.elapsed().as_secs_f64() * 1e6 / REPEATS as f64
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    println!("{what:34} {:8.2} {:8.2}", rounds[ROUNDS / 2], rounds[0]);
}
