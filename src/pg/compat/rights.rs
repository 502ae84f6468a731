//! The rights that a plan needs: part of the range table in 15, a list of its own since 16.

use crate::pg::node::list_items;
use pgrx::pg_sys;

/// What a plan does with one relation.
#[derive(Clone, Copy)]
pub struct Rights {
    pub relation: pg_sys::Oid,
    /// The privileges, as bits (`ACL_SELECT`, …).
    pub privileges: u64,
    /// The columns that it reads, inserts and updates, each counted from
    /// `FirstLowInvalidHeapAttributeNumber`.
    pub columns: [*mut pg_sys::Bitmapset; 3],
}

/// The rights that a plan needs.
///
/// # Safety
/// `plan` is live (S2).
#[cfg(feature = "pg15")]
pub unsafe fn rights(plan: *mut pg_sys::PlannedStmt) -> impl Iterator<Item = Rights> {
    // SAFETY: by contract.
    list_items::<pg_sys::RangeTblEntry>(unsafe { (*plan).rtable })
        // SAFETY: by contract.
        .map(|entry| unsafe { &*entry })
        .filter(|entry| entry.rtekind == pg_sys::RTEKind::RTE_RELATION)
        .map(|entry| Rights {
            relation: entry.relid,
            privileges: u64::from(entry.requiredPerms),
            columns: [entry.selectedCols, entry.insertedCols, entry.updatedCols],
        })
}

/// The rights that a plan needs.
///
/// # Safety
/// `plan` is live (S2).
#[cfg(not(feature = "pg15"))]
pub unsafe fn rights(plan: *mut pg_sys::PlannedStmt) -> impl Iterator<Item = Rights> {
    // SAFETY: by contract.
    list_items::<pg_sys::RTEPermissionInfo>(unsafe { (*plan).permInfos })
        // SAFETY: by contract.
        .map(|info| unsafe { &*info })
        .map(|info| Rights {
            relation: info.relid,
            privileges: info.requiredPerms,
            columns: [info.selectedCols, info.insertedCols, info.updatedCols],
        })
}
