//! Published test vectors: RFC 7515 appendices A.2 and A.3, RFC 8037 appendix A.4.
//!
//! Their payloads are no identities of today (no audience, long expired, or no JSON at all), so two
//! things are tested: that key set and signature agree with the standards, and that the whole way
//! is refused only after the signature was found good.

use serde_json::{Value, json};

use crate::alg::Alg;
use crate::jwks::KeySet;
use crate::{Issuer, TokenError, shape, verify};

struct Vector {
    alg: Alg,
    jwk: Value,
    token: String,
}

/// `{"iss":"joe", "exp":1300819380, "http://example.com/is_root":true}`
const JOE: &str = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt\
                   cGxlLmNvbS9pc19yb290Ijp0cnVlfQ";

fn rfc7515_a2() -> Vector {
    let n = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp\
             -Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOW\
             vG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUs\
             LA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9k\
             G4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2\
             PAcDTW9gb54h4FRWyuXpoQ";
    let signature = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7\
                     AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4\
                     BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K\
                     0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqv\
                     hJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrB\
                     p0igcN_IoypGlUPQGe77Rw";
    Vector {
        alg: Alg::RS256,
        jwk: json!({"kty": "RSA", "n": n, "e": "AQAB"}),
        token: format!("eyJhbGciOiJSUzI1NiJ9.{JOE}.{signature}"),
    }
}

fn rfc7515_a3() -> Vector {
    let x = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
    let y = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";
    let signature = "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSA\
                     pmWQxfKTUJqPP3-Kg6NU1Q";
    Vector {
        alg: Alg::ES256,
        jwk: json!({"kty": "EC", "crv": "P-256", "x": x, "y": y}),
        token: format!("eyJhbGciOiJFUzI1NiJ9.{JOE}.{signature}"),
    }
}

fn rfc8037_a4() -> Vector {
    let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
    let signature = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5B\
                     hVsPt9g7sVvpAr_MuM0KAg";
    // The payload is the text "Example of Ed25519 signing".
    let payload = "RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
    Vector {
        alg: Alg::EdDSA,
        jwk: json!({"kty": "OKP", "crv": "Ed25519", "x": x}),
        token: format!("eyJhbGciOiJFZERTQSJ9.{payload}.{signature}"),
    }
}

fn jwks(vector: &Vector) -> String {
    json!({"keys": [vector.jwk]}).to_string()
}

#[test]
fn key_sets_and_signatures_agree_with_the_standards() {
    for vector in [rfc7515_a2(), rfc7515_a3(), rfc8037_a4()] {
        let keys = KeySet::parse(&jwks(&vector), &Alg::ALL).unwrap();
        let key = keys.select(vector.alg, None).unwrap();
        let parts = shape::split(&vector.token).unwrap();
        let signature = shape::base64url(parts.signature).unwrap();
        assert!(
            key.verify_sig(parts.signed.as_bytes(), &signature).is_ok(),
            "{}",
            vector.alg
        );
        for bit in 0..signature.len() * 8 {
            let mut changed = signature.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let verdict = key.verify_sig(parts.signed.as_bytes(), &changed);
            assert!(verdict.is_err(), "{} bit {bit}", vector.alg);
        }
    }
}

#[test]
fn the_whole_way_gets_past_the_signature() {
    for vector in [rfc7515_a2(), rfc7515_a3()] {
        let issuer = Issuer::define("joe", "db", &jwks(&vector), "{}", "{}", &|_| None).unwrap();
        let refused = verify(&vector.token, &issuer, 1_300_819_000, &|_| None);
        assert_eq!(refused, Err(TokenError::AudienceMissing));
        let tampered = ward_mint::tamper(&vector.token);
        let refused = verify(&tampered, &issuer, 1_300_819_000, &|_| None);
        assert!(
            !matches!(refused, Ok(_) | Err(TokenError::AudienceMissing)),
            "{refused:?}"
        );
    }
}
