#![allow(
    unsafe_code,
    reason = "the one folder for hand-written FFI; SAFETY.md names the standing facts S1-S6"
)]
#![allow(
    improper_ctypes_definitions,
    reason = "guarded helpers are called from Rust only"
)]
//! Everything that touches PostgreSQL's C interface by hand.
//!
//! The rest of the extension sees safe functions and small `Copy` handles. Version differences
//! stay in [`compat`]; each `unsafe` block names the fact of SAFETY.md that it rests on.

pub mod access;
pub mod activity;
pub mod arguments;
pub mod background;
pub mod batch;
pub mod carrier;
pub mod carry;
pub mod catalog;
pub mod caught;
pub mod check;
pub mod client;
pub mod cluster;
pub mod compat;
pub mod copy;
pub mod definition;
pub mod document;
pub mod error;
pub mod expr;
pub mod foreign_key;
pub mod guc;
pub mod image;
pub mod inline;
pub mod invalidate;
pub mod label_functions;
pub mod label_type;
pub mod latch;
pub mod log;
pub mod mask_functions;
pub mod net;
pub mod node;
pub mod note;
pub mod notify;
pub mod operators;
pub mod outline;
pub mod output;
pub mod own;
pub mod plan;
pub mod portal;
pub mod raw;
pub mod retain;
pub mod rights;
pub mod scalar;
pub mod shmem;
pub mod slot;
pub mod spi;
pub mod statement;
pub mod steady;
pub mod sublink;
pub mod table;
pub mod target;
pub mod threads;
pub mod tree;
pub mod trigger;
pub mod types;
pub mod union;
pub mod utility;
pub mod vector;
pub mod view;
pub mod wal;
pub mod walreader;
pub mod watermark;
pub mod wrap;
pub mod xact;

pub use pgrx::pg_sys::{Datum, Oid};

/// The type OID of `boolean`.
pub const BOOLEAN: Oid = pgrx::pg_sys::BOOLOID;
/// `text` in SQL.
pub const TEXT: Oid = pgrx::pg_sys::TEXTOID;
/// `text[]` in SQL.
pub const TEXT_ARRAY: Oid = pgrx::pg_sys::TEXTARRAYOID;

use pgrx::pg_sys;

/// Is this call of `_PG_init` the one for `shared_preload_libraries`?
pub fn is_preloading() -> bool {
    // SAFETY: S1 (plain read of a process-wide flag on the main thread).
    unsafe { pg_sys::process_shared_preload_libraries_in_progress }
}

/// Is this process a parallel worker? Its plan was made, checked and folded by the leader.
pub fn in_parallel_worker() -> bool {
    // SAFETY: S1.
    unsafe { pg_sys::ParallelWorkerNumber >= 0 || pg_sys::InitializingParallelWorker }
}

/// Seconds since the Unix epoch, from the server's real clock (not the transaction's start).
pub fn now_unix() -> i64 {
    const POSTGRES_EPOCH_UNIX_SECONDS: i64 = 946_684_800;
    // SAFETY: S1; GetCurrentTimestamp only reads the clock.
    let micros = unsafe { pg_sys::GetCurrentTimestamp() };
    micros.div_euclid(1_000_000) + POSTGRES_EPOCH_UNIX_SECONDS
}

/// Applies invalidation messages that other sessions have committed.
///
/// Taking a new lock does this anyway; doing it at each protected statement makes a revocation
/// act at the next statement even where every lock is already held.
pub fn accept_invalidation_messages() {
    // SAFETY: S1, and callers are inside a transaction (executor start or planning).
    unsafe { pg_sys::AcceptInvalidationMessages() }
}

/// Random bytes from the server's cryptographic source; `None` if it has none.
pub fn strong_random<const N: usize>() -> Option<[u8; N]> {
    let mut bytes = [0u8; N];
    // SAFETY: S1; the buffer is N bytes long.
    let ok = unsafe { pg_sys::pg_strong_random(bytes.as_mut_ptr().cast(), N) };
    ok.then_some(bytes)
}
