//! Signed notes (c2sp.org/signed-note), with the keys of Go's `golang.org/x/mod/sumdb/note`, and
//! checkpoints (c2sp.org/tlog-checkpoint): notes that say how a log is.

use crate::error::Malformed;
use crate::merkle::Hash;
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use std::fmt;

/// The type byte of Ed25519.
const ED25519_TYPE: u8 = 1;
/// No note of ours has more than a few hundred bytes; witnesses add their signatures.
const MAX_NOTE: usize = 1_000_000;
const KEY: Malformed = Malformed("not an Ed25519 key of a signed note");
const NOTE: Malformed = Malformed("not a signed note");
const CHECKPOINT: Malformed = Malformed("not a checkpoint");

/// The first four bytes of the hash of name and key.
type KeyHash = [u8; 4];

fn key_hash(name: &str, public: &[u8]) -> KeyHash {
    let hash = digest(
        &SHA256,
        &[name.as_bytes(), b"\n", &[ED25519_TYPE], public].concat(),
    );
    hash.as_ref().first_chunk().copied().unwrap_or_default()
}

fn hex(hash: KeyHash) -> String {
    format!("{:08x}", u32::from_be_bytes(hash))
}

/// Splits `name+hash+base64` and decodes its parts.
fn parse_key(key: &str) -> Result<(&str, &str, [u8; 32]), Malformed> {
    let mut parts = key.splitn(3, '+');
    let name = parts.next().filter(|name| is_name(name)).ok_or(KEY)?;
    let hash = parts.next().ok_or(KEY)?;
    let bytes = BASE64.decode(parts.next().ok_or(KEY)?).map_err(|_| KEY)?;
    let (&kind, bytes) = bytes.split_first().ok_or(KEY)?;
    if kind != ED25519_TYPE {
        return Err(Malformed("a key that is not for Ed25519"));
    }
    Ok((name, hash, bytes.try_into().map_err(|_| KEY)?))
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c.is_control() || c == '+')
}

fn encode_key(name: &str, hash: KeyHash, bytes: &[u8]) -> String {
    let bytes = BASE64.encode([&[ED25519_TYPE], bytes].concat());
    format!("{name}+{}+{bytes}", hex(hash))
}

/// The private key of a log.
pub struct Signer {
    name: String,
    hash: KeyHash,
    seed: [u8; 32],
    pair: Ed25519KeyPair,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({}+{})", self.name, hex(self.hash))
    }
}

impl Signer {
    /// The key with this seed (RFC 8032 §5.1.5), which must be random.
    ///
    /// Error: the name is empty or has spaces or `+`.
    pub fn generate_from_seed(name: &str, seed: &[u8; 32]) -> Result<Self, Malformed> {
        if !is_name(name) {
            return Err(Malformed("a key's name must have neither spaces nor +"));
        }
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| KEY)?;
        Ok(Self {
            name: name.to_owned(),
            hash: key_hash(name, pair.public_key().as_ref()),
            seed: *seed,
            pair,
        })
    }

    /// Reads `PRIVATE+KEY+name+hash+base64`; space around it is ignored.
    pub fn parse(skey: &str) -> Result<Self, Malformed> {
        let key = skey.trim().strip_prefix("PRIVATE+KEY+").ok_or(KEY)?;
        let (name, hash, seed) = parse_key(key)?;
        let signer = Self::generate_from_seed(name, &seed)?;
        if hex(signer.hash) != hash {
            return Err(Malformed("a key whose hash does not fit"));
        }
        Ok(signer)
    }

    /// The private key as [`Signer::parse`] reads it.
    pub fn skey(&self) -> String {
        format!(
            "PRIVATE+KEY+{}",
            encode_key(&self.name, self.hash, &self.seed)
        )
    }

    /// The public key, as [`Verifier::parse`] reads it.
    pub fn vkey(&self) -> String {
        encode_key(&self.name, self.hash, self.pair.public_key().as_ref())
    }

    /// The name of the key.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The seed it was made from.
    pub fn seed(&self) -> &[u8; 32] {
        &self.seed
    }

    /// Signs a text, which must end with a line end.
    pub fn sign(&self, text: &str) -> String {
        let signature = self.pair.sign(text.as_bytes());
        let signature = BASE64.encode([&self.hash, signature.as_ref()].concat());
        format!("{text}\n— {} {signature}\n", self.name)
    }

    /// A signed statement that the log of this origin has this size and root.
    pub fn checkpoint(&self, origin: &str, size: u64, root: &Hash) -> String {
        self.sign(&format!("{origin}\n{size}\n{}\n", BASE64.encode(root)))
    }
}

/// The public key of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verifier {
    name: String,
    hash: KeyHash,
    public: [u8; 32],
}

impl Verifier {
    /// Reads `name+hash+base64`; space around it is ignored.
    pub fn parse(vkey: &str) -> Result<Self, Malformed> {
        let (name, hash, public) = parse_key(vkey.trim())?;
        let verifier = Self {
            name: name.to_owned(),
            hash: key_hash(name, &public),
            public,
        };
        if hex(verifier.hash) != hash {
            return Err(Malformed("a key whose hash does not fit"));
        }
        Ok(verifier)
    }

    /// The name of the key.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The text of a note, with its last line end, if this key signed it. Signatures of other keys
    /// are not looked at.
    pub fn verify<'a>(&self, note: &'a str) -> Result<&'a str, Malformed> {
        let control = |c: char| c < ' ' && c != '\n';
        if note.len() > MAX_NOTE || note.contains(control) {
            return Err(NOTE);
        }
        let split = note.rfind("\n\n").ok_or(NOTE)?;
        let text = note.get(..=split).ok_or(NOTE)?;
        let signatures = note
            .get(split + 2..)
            .and_then(|s| s.strip_suffix('\n'))
            .ok_or(NOTE)?;
        let mut is_signed = false;
        for line in signatures.split('\n') {
            let (name, signature) = parse_signature(line)?;
            let (hash, signature) = signature.split_first_chunk().ok_or(NOTE)?;
            if name == self.name && *hash == self.hash {
                let key = UnparsedPublicKey::new(&ED25519, self.public);
                key.verify(text.as_bytes(), signature)
                    .map_err(|_| Malformed("the signature does not fit"))?;
                is_signed = true;
            }
        }
        if is_signed {
            Ok(text)
        } else {
            Err(Malformed("not signed with this key"))
        }
    }

    /// The checkpoint in a note, if this key signed it.
    pub fn open(&self, note: &str) -> Result<Checkpoint, Malformed> {
        Checkpoint::parse(self.verify(note)?)
    }
}

fn parse_signature(line: &str) -> Result<(&str, Vec<u8>), Malformed> {
    let (name, signature) = line
        .strip_prefix("— ")
        .and_then(|rest| rest.split_once(' '))
        .filter(|(name, _)| is_name(name))
        .ok_or(NOTE)?;
    Ok((name, BASE64.decode(signature).map_err(|_| NOTE)?))
}

/// What a log says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log.
    pub origin: String,
    /// How many entries it has.
    pub size: u64,
    /// The root of its tree.
    pub root: Hash,
}

impl Checkpoint {
    /// The root as a checkpoint's text has it, in base64.
    pub fn root_text(&self) -> String {
        BASE64.encode(self.root)
    }

    fn parse(text: &str) -> Result<Self, Malformed> {
        let mut lines = text.strip_suffix('\n').ok_or(CHECKPOINT)?.split('\n');
        let mut line = || {
            lines
                .next()
                .filter(|line| !line.is_empty())
                .ok_or(CHECKPOINT)
        };
        let (origin, number, root) = (line()?, line()?, line()?);
        let size: u64 = number.parse().map_err(|_| CHECKPOINT)?;
        let root = BASE64.decode(root).map_err(|_| CHECKPOINT)?;
        if size.to_string() != number {
            return Err(CHECKPOINT);
        }
        Ok(Self {
            origin: origin.to_owned(),
            size,
            root: root.try_into().map_err(|_| CHECKPOINT)?,
        })
    }
}
