#![forbid(unsafe_code)]
//! What all processes of the server share about the audit.

use super::key;
use crate::pg;
use crate::pg::client;
use crate::pg::shmem::{Block, Shared};
use crate::pg::wal::Lsn;
use std::ffi::CStr;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use ward_audit::MacKey;

/// In shared memory.
pub struct State {
    /// Names this run of the server: random, new at each start.
    pub boot: [u8; 8],
    /// The key of records; `None` where no key could be read or made.
    pub key: Option<[u8; 32]>,
    /// How many sessions have written records.
    sessions: AtomicU64,
    /// Where the last record ends.
    emitted: AtomicU64,
    /// Where the first record of this run begins; 0 before there is one.
    began: AtomicU64,
    /// Up to where the log is sealed and signed.
    sealed: AtomicU64,
    /// When that changed last.
    moved: AtomicI64,
    /// The log that is being written (see `origin.rs`).
    pub epoch: AtomicU32,
    /// How many entries its last checkpoint covers.
    pub size: AtomicU64,
    /// Has the sealer nothing to do? Who writes a record then wakes it.
    pub is_idle: AtomicBool,
    /// The sealer's latch; 0 while there is no sealer.
    pub latch: AtomicUsize,
    /// How often a sealer has started.
    pub sealers: AtomicU32,
    /// How many rounds the sealer of a standby has made.
    pub spooled: AtomicU64,
    /// A database that somebody wants projected; 0 if none.
    pub wanted: AtomicU32,
}

static BLOCK: Block<State> = Block::new();

impl Shared for State {
    const NAME: &'static CStr = c"ward audit";

    fn make() -> Self {
        Self {
            boot: pg::strong_random().unwrap_or_default(),
            key: key::load(),
            sessions: AtomicU64::new(0),
            emitted: AtomicU64::new(0),
            began: AtomicU64::new(0),
            sealed: AtomicU64::new(0),
            moved: AtomicI64::new(0),
            epoch: AtomicU32::new(0),
            size: AtomicU64::new(0),
            is_idle: AtomicBool::new(true),
            latch: AtomicUsize::new(0),
            sealers: AtomicU32::new(0),
            spooled: AtomicU64::new(0),
            wanted: AtomicU32::new(0),
        }
    }

    fn block() -> &'static Block<Self> {
        &BLOCK
    }
}

/// The state; `None` where the library was not preloaded.
pub fn get() -> Option<&'static State> {
    BLOCK.get()
}

impl State {
    /// The key of records.
    pub fn mac_key(&self) -> Option<MacKey> {
        self.key.map(MacKey::from_bytes)
    }

    /// A number for a session that writes its first record: 1, 2, …
    pub fn next_session(&self) -> u64 {
        self.sessions.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Notes where the log ends before the first record of this run of the server is written: whoever
    /// notes it, no record lies before it.
    pub fn begin(&self, end: impl FnOnce() -> Lsn) {
        if self.began.load(Ordering::Relaxed) == 0 {
            // Somebody else may have been first; then ours is written after what they noted.
            let _ = self
                .began
                .compare_exchange(0, end(), Ordering::AcqRel, Ordering::Acquire);
        }
    }

    /// Notes that a record was written.
    pub fn set_emitted(&self, end: Lsn) {
        self.emitted.fetch_max(end, Ordering::AcqRel);
    }

    /// From where on records of this run of the server lie; 0 before there is one.
    pub fn began(&self) -> Lsn {
        self.began.load(Ordering::Acquire)
    }

    /// Where the last record ends; 0 if none was written since the server started.
    pub fn emitted(&self) -> Lsn {
        self.emitted.load(Ordering::Acquire)
    }

    /// Notes how far the log is sealed.
    pub fn set_sealed(&self, end: Lsn) {
        if self.sealed.swap(end, Ordering::AcqRel) != end {
            self.moved.store(client::now(), Ordering::Release);
        }
    }

    /// When sealing got on last, in microseconds since the Unix epoch; 0 for never.
    pub fn moved(&self) -> i64 {
        self.moved.load(Ordering::Acquire)
    }

    /// Up to where the log is sealed and signed.
    pub fn sealed(&self) -> Lsn {
        self.sealed.load(Ordering::Acquire)
    }
}
