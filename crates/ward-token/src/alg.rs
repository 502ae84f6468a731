//! The signature algorithms ward accepts: asymmetric ones only.

use std::fmt;

use aws_lc_rs::signature::{self, EcdsaVerificationAlgorithm, EdDSAParameters, RsaParameters};

/// A JWS signature algorithm (RFC 7518 §3.1, RFC 8037 §3.1). `none` and the HMAC family are not
/// here, so no configuration can allow them.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names are those of the standard")]
pub enum Alg {
    RS256,
    RS384,
    RS512,
    PS256,
    PS384,
    PS512,
    ES256,
    ES384,
    EdDSA,
    /// `EdDSA` with Ed25519 under its fully specified name (RFC 9864).
    Ed25519,
}

/// Which keys an algorithm uses.
#[derive(Copy, Clone)]
pub(crate) enum Family {
    Rsa(&'static RsaParameters),
    Ec(&'static EcdsaVerificationAlgorithm),
    Ed(&'static EdDSAParameters),
}

impl Alg {
    /// All algorithms, which is what an issuer may use unless its options say otherwise.
    pub const ALL: [Self; 10] = [
        Self::RS256,
        Self::RS384,
        Self::RS512,
        Self::PS256,
        Self::PS384,
        Self::PS512,
        Self::ES256,
        Self::ES384,
        Self::EdDSA,
        Self::Ed25519,
    ];

    /// The registered name; case matters.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RS256 => "RS256",
            Self::RS384 => "RS384",
            Self::RS512 => "RS512",
            Self::PS256 => "PS256",
            Self::PS384 => "PS384",
            Self::PS512 => "PS512",
            Self::ES256 => "ES256",
            Self::ES384 => "ES384",
            Self::EdDSA => "EdDSA",
            Self::Ed25519 => "Ed25519",
        }
    }

    /// The algorithm with exactly this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|alg| alg.name() == name)
    }

    pub(crate) fn family(self) -> Family {
        match self {
            Self::RS256 => Family::Rsa(&signature::RSA_PKCS1_2048_8192_SHA256),
            Self::RS384 => Family::Rsa(&signature::RSA_PKCS1_2048_8192_SHA384),
            Self::RS512 => Family::Rsa(&signature::RSA_PKCS1_2048_8192_SHA512),
            Self::PS256 => Family::Rsa(&signature::RSA_PSS_2048_8192_SHA256),
            Self::PS384 => Family::Rsa(&signature::RSA_PSS_2048_8192_SHA384),
            Self::PS512 => Family::Rsa(&signature::RSA_PSS_2048_8192_SHA512),
            Self::ES256 => Family::Ec(&signature::ECDSA_P256_SHA256_FIXED),
            Self::ES384 => Family::Ec(&signature::ECDSA_P384_SHA384_FIXED),
            Self::EdDSA | Self::Ed25519 => Family::Ed(&signature::ED25519),
        }
    }
}

impl fmt::Display for Alg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
