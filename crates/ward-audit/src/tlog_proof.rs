//! Proofs as text that can be checked anywhere: c2sp.org/tlog-proof@v1.

use crate::error::Malformed;
use crate::merkle::{Hash, leaf_hash};
use crate::note::{Checkpoint, Verifier};
use crate::proof::{check_inclusion, inclusion_proof};
use crate::store::{ReadError, Store};
use crate::tile::read_entry;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

const HEADER: &str = "c2sp.org/tlog-proof@v1";
const WRONG: Malformed = Malformed("not a proof (c2sp.org/tlog-proof@v1)");

/// A proof that an entry is in a log. The entry itself is in the text's `extra` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The entry; without it, whoever checks must have it from elsewhere.
    pub entry: Option<Vec<u8>>,
    /// Its index.
    pub index: u64,
    /// From its sibling up to the child of the root.
    pub hashes: Vec<Hash>,
    /// The signed checkpoint.
    pub checkpoint: String,
}

impl Proof {
    /// The proof for an entry of a log, under this checkpoint of it.
    pub fn make<S: Store>(
        store: &S,
        index: u64,
        checkpoint: &str,
        size: u64,
    ) -> Result<Self, ReadError<S::Error>> {
        Ok(Self {
            entry: Some(read_entry(store, index, size)?),
            index,
            hashes: inclusion_proof(store, index, size)?,
            checkpoint: checkpoint.to_owned(),
        })
    }

    /// As text.
    pub fn text(&self) -> String {
        let mut text = format!("{HEADER}\n");
        if let Some(entry) = &self.entry {
            text += &format!("extra {}\n", BASE64.encode(entry));
        }
        text += &format!("index {}\n", self.index);
        for hash in &self.hashes {
            text += &BASE64.encode(hash);
            text.push('\n');
        }
        text.push('\n');
        text + &self.checkpoint
    }

    /// Reads a proof. What it says is not checked.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let (head, checkpoint) = text.split_once("\n\n").ok_or(WRONG)?;
        let mut lines = head.split('\n').peekable();
        if lines.next() != Some(HEADER) {
            return Err(WRONG);
        }
        let extra = lines.next_if(|line| line.starts_with("extra "));
        let extra = extra.and_then(|line| line.strip_prefix("extra "));
        let entry = extra.map(|line| BASE64.decode(line).map_err(|_| WRONG));
        let number = lines
            .next()
            .and_then(|line| line.strip_prefix("index "))
            .ok_or(WRONG)?;
        let index: u64 = number.parse().map_err(|_| WRONG)?;
        if index.to_string() != number {
            return Err(WRONG);
        }
        let hash = |line| {
            let bytes = BASE64.decode(line).map_err(|_| WRONG)?;
            bytes.try_into().map_err(|_| WRONG)
        };
        Ok(Self {
            entry: entry.transpose()?,
            index,
            hashes: lines.map(hash).collect::<Result<_, _>>()?,
            checkpoint: checkpoint.to_owned(),
        })
    }

    /// Whether the entry is in the log that the checkpoint speaks of; the checkpoint.
    pub fn check(&self, entry: &[u8], verifier: &Verifier) -> Result<Checkpoint, Malformed> {
        let checkpoint = verifier.open(&self.checkpoint)?;
        let leaf = leaf_hash(entry);
        let (size, root) = (checkpoint.size, &checkpoint.root);
        if check_inclusion(&leaf, self.index, size, &self.hashes, root) {
            Ok(checkpoint)
        } else {
            Err(Malformed("the entry is not in the log, or not there"))
        }
    }
}
