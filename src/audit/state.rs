#![forbid(unsafe_code)]
//! What all processes of the server share about the audit.

use super::key;
use crate::pg;
use crate::pg::shmem::{Block, Shared};
use crate::pg::wal::Lsn;
use std::ffi::CStr;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
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
    /// The log that is being written (see `origin.rs`).
    pub epoch: AtomicU32,
    /// How many entries its last checkpoint covers.
    pub size: AtomicU64,
    /// Has the sealer nothing to do? Who writes a record then wakes it.
    pub is_idle: AtomicBool,
    /// The sealer's latch; 0 while there is no sealer.
    pub latch: AtomicUsize,
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
            epoch: AtomicU32::new(0),
            size: AtomicU64::new(0),
            is_idle: AtomicBool::new(true),
            latch: AtomicUsize::new(0),
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

    /// Notes that a record was written.
    pub fn set_emitted(&self, end: Lsn) {
        if self.emitted.fetch_max(end, Ordering::AcqRel) == 0 {
            self.began.store(end, Ordering::Release);
        }
    }

    /// Where the first record of this run of the server lies, about; 0 before there is one.
    pub fn began(&self) -> Lsn {
        self.began.load(Ordering::Acquire)
    }

    /// Where the last record ends; 0 if none was written since the server started.
    pub fn emitted(&self) -> Lsn {
        self.emitted.load(Ordering::Acquire)
    }

    /// Notes how far the log is sealed.
    pub fn set_sealed(&self, end: Lsn) {
        self.sealed.store(end, Ordering::Release);
    }

    /// Up to where the log is sealed and signed.
    pub fn sealed(&self) -> Lsn {
        self.sealed.load(Ordering::Acquire)
    }
}
