//! Logs in memory.
#![allow(dead_code, reason = "each test uses some of it")]

use std::collections::BTreeMap;
use std::convert::Infallible;

use ward_audit::{Block, Event, Frame, Item, Kind, Log, Signer, Store};

/// A log's files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Files(pub BTreeMap<String, Vec<u8>>);

impl Store for Files {
    type Error = Infallible;

    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, Infallible> {
        Ok(self.0.get(path).cloned())
    }
}

impl Files {
    /// Writes what the log has for writing.
    pub fn add(&mut self, log: &mut Log) {
        self.0.extend(log.files());
    }

    /// The log of these entries.
    pub fn of(entries: &[Vec<u8>]) -> Self {
        let (mut files, mut log) = (Self::default(), Log::new());
        append_all(&mut log, entries);
        files.add(&mut log);
        files.sign(&log);
        files
    }

    /// Writes the checkpoint.
    pub fn sign(&mut self, log: &Log) {
        let note = signer().checkpoint(ORIGIN, log.size(), &log.root());
        self.0.insert("checkpoint".to_owned(), note.into_bytes());
    }

    /// The checkpoint's text.
    pub fn checkpoint(&self) -> &str {
        std::str::from_utf8(&self.0["checkpoint"]).unwrap()
    }
}

pub fn append_all(log: &mut Log, entries: &[Vec<u8>]) {
    for entry in entries {
        log.append(entry);
    }
}

pub const ORIGIN: &str = "ward-7/000001";

pub fn signer() -> Signer {
    Signer::generate_from_seed("ward-7", &[7; 32]).unwrap()
}

pub fn verifier() -> ward_audit::Verifier {
    ward_audit::Verifier::parse(&signer().vkey()).unwrap()
}

/// Entries as the sealer makes them: an origin, then three sessions in turn.
pub fn entries(count: u64) -> Vec<Vec<u8>> {
    (0..count)
        .map(|n| match n {
            0 => entry([0; 8], 0, 0, n, &event(Kind::Origin, n)),
            _ => {
                let (session, seq) = ((n - 1) % 3 + 1, (n - 1) / 3);
                let item = if seq == 0 {
                    session_block(n)
                } else {
                    event(Kind::Read, n)
                };
                entry([5; 8], session, seq, n, &item)
            }
        })
        .collect()
}

/// One entry.
pub fn entry(boot: [u8; 8], session: u64, seq: u64, lsn: u64, item: &Item) -> Vec<u8> {
    let body = item.encode();
    let frame = Frame {
        boot,
        session,
        seq,
        body: &body,
    };
    frame.to_entry(lsn * 200)
}

/// An event of this kind.
pub fn event(kind: Kind, n: u64) -> Item {
    Item::Event(Event {
        at: 1_795_283_820_000_000 + i64::try_from(n).unwrap(),
        kind,
        statement: Some("select".to_owned()),
        rows: Some(n),
        ..Event::default()
    })
}

fn session_block(n: u64) -> Item {
    Item::Block(Block::Session {
        pid: 1000 + u32::try_from(n).unwrap(),
        database_oid: 16_384,
        database: "app".to_owned(),
        role: "clerk".to_owned(),
        client_address: None,
        client_port: None,
        application: Some("psql".to_owned()),
        started: 1_795_283_800_000_000,
    })
}
