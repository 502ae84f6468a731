//! A physical replication slot that keeps the write-ahead log until we have read it.

use super::compat;
use super::wal::Lsn;
use pgrx::pg_sys;
use std::ffi::CStr;
use std::sync::atomic::{AtomicU64, Ordering};

/// How the slot was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// As it was left.
    Kept,
    /// Nowhere: it was made.
    Missing,
    /// The server had given it up (`max_slot_wal_keep_size`): it was made again.
    Lost,
}

/// Holds the slot until the process ends, making it if it must.
///
/// Error: why the server can have none.
pub fn hold(name: &CStr) -> Result<Found, &'static str> {
    // SAFETY: S1; settings that are fixed at the server's start.
    unsafe {
        if pg_sys::wal_level < pg_sys::WalLevel::WAL_LEVEL_REPLICA as i32 {
            return Err("wal_level is minimal");
        }
        if pg_sys::max_replication_slots == 0 {
            return Err("max_replication_slots is 0");
        }
    }
    // SAFETY: S1, S4; a slot stays where it is, and is looked at again once it is ours.
    unsafe {
        if !pg_sys::MyReplicationSlot.is_null() {
            return Ok(Found::Kept);
        }
        if pg_sys::SearchNamedReplicationSlot(name.as_ptr(), true).is_null() {
            make(name);
            return Ok(Found::Missing);
        }
        compat::acquire_slot(name);
        let slot = pg_sys::MyReplicationSlot;
        if (*slot).data.database != pg_sys::InvalidOid {
            pg_sys::ReplicationSlotRelease();
            return Err("its slot's name belongs to a logical slot");
        }
        if !compat::is_slot_lost(slot) {
            return Ok(Found::Kept);
        }
        pg_sys::ReplicationSlotRelease();
        pg_sys::ReplicationSlotDrop(name.as_ptr(), true);
        make(name);
        Ok(Found::Lost)
    }
}

/// # Safety
/// No slot of this name exists, and the process holds none.
unsafe fn make(name: &CStr) {
    // SAFETY: by contract, S4.
    unsafe {
        compat::create_slot(name);
        pg_sys::ReplicationSlotReserveWal();
        pg_sys::ReplicationSlotMarkDirty();
        pg_sys::ReplicationSlotSave();
    }
}

/// Lets the server remove what lies before this position; nothing if no slot is held.
///
/// It is on disk at the next checkpoint, which is also the first that removes anything.
pub fn release_before(position: Lsn) {
    // SAFETY: S1, S4; others read the field while we write it, in one piece.
    unsafe {
        let slot = pg_sys::MyReplicationSlot;
        if slot.is_null() {
            return;
        }
        let kept = AtomicU64::from_ptr(&raw mut (*slot).data.restart_lsn);
        if position > kept.load(Ordering::Relaxed) {
            kept.store(position, Ordering::Release);
            pg_sys::ReplicationSlotMarkDirty();
            pg_sys::ReplicationSlotsComputeRequiredLSN();
        }
    }
}
