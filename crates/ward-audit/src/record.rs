//! The frame around an item, in the write-ahead log and in the audit log.
//!
//! ```text
//! record: version 1 | boot (8) | session (8) | seq (8) | body | MAC (16)
//! entry:  version 1 | LSN (8) | boot (8) | session (8) | seq (8) | body
//! ```
//! Numbers are big-endian. The MAC is HMAC-SHA256 of all before it, cut to 16 bytes: any role may
//! write messages into the write-ahead log.

use crate::error::{Forged, Malformed};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use std::fmt;

/// The first byte of records and entries.
const VERSION: u8 = 1;
const MAC: usize = 16;
/// Version, boot, session, sequence.
const RECORD_HEAD: usize = 25;
const ENTRY_HEAD: usize = RECORD_HEAD + 8;

/// The longest body, so that an entry's length fits in the 16 bits that tiles have for it.
pub const MAX_BODY: usize = 65_535 - ENTRY_HEAD;

/// The key of the records' MACs.
#[derive(Clone)]
pub struct MacKey {
    bytes: [u8; 32],
    key: hmac::Key,
}

impl MacKey {
    /// The MAC key that belongs to a signing key.
    pub fn derive(seed: &[u8; 32]) -> Self {
        let seed = hmac::Key::new(hmac::HMAC_SHA256, seed);
        let tag = hmac::sign(&seed, b"ward audit record v1");
        Self::from_bytes(tag.as_ref().try_into().unwrap_or_default())
    }

    /// A key that [`MacKey::bytes`] told.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self {
            bytes,
            key: hmac::Key::new(hmac::HMAC_SHA256, &bytes),
        }
    }

    /// The key itself.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.bytes
    }

    fn mac(&self, message: &[u8]) -> [u8; MAC] {
        let tag = hmac::sign(&self.key, message);
        tag.as_ref().first_chunk().copied().unwrap_or_default()
    }
}

impl fmt::Debug for MacKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MacKey(…)")
    }
}

/// An encoded item and where it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Which run of the server; 0 for what the sealer itself has to say.
    pub boot: [u8; 8],
    /// Which backend of that run, from 1; 0 for the sealer.
    pub session: u64,
    /// Contiguous from 0 within boot and session.
    pub seq: u64,
    /// The encoded [`Item`](crate::Item).
    pub body: &'a [u8],
}

impl<'a> Frame<'a> {
    /// As it goes into the write-ahead log.
    pub fn to_record(&self, key: &MacKey) -> Vec<u8> {
        let mut record = Vec::with_capacity(RECORD_HEAD + self.body.len() + MAC);
        record.push(VERSION);
        self.append_to(&mut record);
        let mac = key.mac(&record);
        record.extend_from_slice(&mac);
        record
    }

    /// Reads a record and checks its MAC.
    pub fn from_record(bytes: &'a [u8], key: &MacKey) -> Result<Self, Forged> {
        let (signed, mac) = bytes.split_last_chunk::<MAC>().ok_or(Forged)?;
        verify_slices_are_equal(&key.mac(signed), mac).map_err(|_| Forged)?;
        match signed.split_first() {
            Some((&VERSION, rest)) => Self::read(rest).ok_or(Forged),
            _ => Err(Forged),
        }
    }

    /// As it goes into the log, with the position of its record in the write-ahead log.
    pub fn to_entry(&self, lsn: u64) -> Vec<u8> {
        let mut entry = Vec::with_capacity(ENTRY_HEAD + self.body.len());
        entry.push(VERSION);
        entry.extend_from_slice(&lsn.to_be_bytes());
        self.append_to(&mut entry);
        entry
    }

    fn append_to(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.boot);
        out.extend_from_slice(&self.session.to_be_bytes());
        out.extend_from_slice(&self.seq.to_be_bytes());
        out.extend_from_slice(self.body);
    }

    fn read(bytes: &'a [u8]) -> Option<Self> {
        let (boot, rest) = bytes.split_first_chunk()?;
        let (session, rest) = rest.split_first_chunk()?;
        let (seq, body) = rest.split_first_chunk()?;
        Some(Self {
            boot: *boot,
            session: u64::from_be_bytes(*session),
            seq: u64::from_be_bytes(*seq),
            body,
        })
    }
}

/// An entry of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Where its record begins in the write-ahead log.
    pub lsn: u64,
    /// What it carries.
    pub frame: Frame<'a>,
}

impl<'a> Entry<'a> {
    /// Reads an entry. Its body is not looked at.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, Malformed> {
        const SHORT: Malformed = Malformed("an entry is too short");
        let (&version, rest) = bytes.split_first().ok_or(SHORT)?;
        if version != VERSION {
            return Err(Malformed("an entry of an unknown version"));
        }
        let (lsn, rest) = rest.split_first_chunk().ok_or(SHORT)?;
        Ok(Self {
            lsn: u64::from_be_bytes(*lsn),
            frame: Frame::read(rest).ok_or(SHORT)?,
        })
    }
}
