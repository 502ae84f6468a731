//! Records of ours in the write-ahead log.
//!
//! They are non-transactional logical messages: they need no transaction id, survive its abort, and
//! replay as nothing. Their database is none, which keeps them out of every logical decoding: core
//! passes a message on only to slots of the database that it names.

use pgrx::pg_sys;
use std::ffi::c_void;

/// A position in the log.
pub type Lsn = u64;

/// The prefix of our messages, as stored (with its terminator).
pub const PREFIX: &[u8; 5] = b"ward\0";

/// The head of a logical message, as core writes it (`xl_logical_message`, the same in 15 to 18).
#[repr(C)]
pub(super) struct Head {
    pub database: pg_sys::Oid,
    pub transactional: bool,
    pub prefix_size: usize,
    pub message_size: usize,
}

const XLOG_LOGICAL_MESSAGE: u8 = 0;

mod raw {
    use super::*;
    unsafe extern "C-unwind" {
        pub fn XLogBeginInsert();
        pub fn XLogRegisterData(data: *const c_void, length: u32);
        pub fn XLogSetRecordFlags(flags: u8);
        pub fn XLogInsert(manager: u8, info: u8) -> Lsn;
    }
}

/// Can this process write to the log: is the server no standby?
pub fn is_writable() -> bool {
    // SAFETY: S1.
    unsafe { pg_sys::XLogInsertAllowed() }
}

/// May something be written and waited for right now? Not while a lock of the server's inner kind is
/// held, nor in a critical section; raising an error keeps the former.
pub fn is_safe_now() -> bool {
    // SAFETY: S1.
    unsafe { pg_sys::CritSectionCount == 0 && pg_sys::InterruptHoldoffCount == 0 }
}

/// Writes one message. Returns where it ends: what a flush must reach.
pub fn insert(payload: &[u8]) -> Lsn {
    let mut head = Head {
        database: pg_sys::Oid::INVALID,
        transactional: false,
        prefix_size: PREFIX.len(),
        message_size: payload.len(),
    };
    let head = (&raw mut head).cast::<c_void>();
    // SAFETY: S4 (one guard around calls that may raise); what is registered outlives XLogInsert,
    // which copies it.
    unsafe {
        pg_sys::ffi::pg_guard_ffi_boundary(|| {
            raw::XLogBeginInsert();
            raw::XLogRegisterData(head, std::mem::offset_of!(Head, message_size) as u32 + 8);
            raw::XLogRegisterData(PREFIX.as_ptr().cast(), PREFIX.len() as u32);
            raw::XLogRegisterData(payload.as_ptr().cast(), payload.len() as u32);
            raw::XLogSetRecordFlags(pg_sys::XLOG_INCLUDE_ORIGIN as u8);
            let written = pg_sys::XactLastRecEnd;
            let manager = pg_sys::RmgrIds::RM_LOGICALMSG_ID as u8;
            let end = raw::XLogInsert(manager, XLOG_LOGICAL_MESSAGE);
            // The transaction itself has not written: a reader's commit need not wake the WAL writer.
            pg_sys::XactLastRecEnd = written;
            end
        })
    }
}

/// Waits until the log is durable up to here.
pub fn flush(end: Lsn) {
    // SAFETY: S1, S4.
    unsafe { pg_sys::XLogFlush(end) }
}

/// Where the next record will be written.
pub fn end() -> Lsn {
    // SAFETY: S1.
    unsafe { pg_sys::GetXLogInsertRecPtr() }
}

/// Will the commit of this transaction wait for the log? It does if it has written, unless
/// `synchronous_commit` is off.
pub fn commit_will_flush() -> bool {
    // SAFETY: S1.
    unsafe {
        transaction_id().is_some()
            && pg_sys::synchronous_commit != pg_sys::SyncCommitLevel::SYNCHRONOUS_COMMIT_OFF as i32
    }
}

/// The current transaction's id, if it has one (it has written).
pub fn transaction_id() -> Option<u64> {
    // SAFETY: S1.
    let id = unsafe { pg_sys::GetTopFullTransactionIdIfAny() };
    (id.value != 0).then_some(id.value)
}

/// How deep the current transaction is nested in savepoints; 1 outside of any.
pub fn nest_level() -> i32 {
    // SAFETY: S1.
    unsafe { pg_sys::GetCurrentTransactionNestLevel() }
}
