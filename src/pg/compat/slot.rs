//! Replication slots: what making, taking and losing one looks like.

use pgrx::pg_sys;
use std::ffi::CStr;

/// Makes a persistent physical slot and holds it.
///
/// # Safety
/// The process holds no slot.
pub unsafe fn create_slot(name: &CStr) {
    let persistency = pg_sys::ReplicationSlotPersistency::RS_PERSISTENT;
    // SAFETY: by contract, S4.
    unsafe {
        #[cfg(any(feature = "pg15", feature = "pg16"))]
        pg_sys::ReplicationSlotCreate(name.as_ptr(), false, persistency, false);
        #[cfg(any(feature = "pg17", feature = "pg18"))]
        pg_sys::ReplicationSlotCreate(name.as_ptr(), false, persistency, false, false, false);
    }
}

/// Takes a slot that exists; an ERROR if another process holds it.
///
/// # Safety
/// The process holds no slot.
pub unsafe fn acquire_slot(name: &CStr) {
    // SAFETY: by contract, S4. An invalidated one is taken as well: its holder finds out.
    unsafe {
        #[cfg(not(feature = "pg18"))]
        pg_sys::ReplicationSlotAcquire(name.as_ptr(), true);
        #[cfg(feature = "pg18")]
        pg_sys::ReplicationSlotAcquire(name.as_ptr(), true, false);
    }
}

/// Has the server given up keeping what this slot needs?
///
/// # Safety
/// The slot is held.
pub unsafe fn is_slot_lost(slot: *const pg_sys::ReplicationSlot) -> bool {
    // SAFETY: by contract; only the checkpointer changes these, and not while the slot is held.
    unsafe {
        let data = &(*slot).data;
        #[cfg(feature = "pg15")]
        let invalidated = data.invalidated_at != 0;
        #[cfg(not(feature = "pg15"))]
        let invalidated =
            data.invalidated != pg_sys::ReplicationSlotInvalidationCause::RS_INVAL_NONE;
        invalidated || data.restart_lsn == 0
    }
}
