//! Range-table entries.

use super::{Expr, Query, Rte, list_items};
use pgrx::pg_sys::{self, Oid};
use std::ffi::CStr;
use std::ptr::NonNull;

impl Rte {
    /// The table's OID, for an entry that stands for a stored relation.
    pub fn table(self) -> Option<Oid> {
        let rte = self.get();
        let stored = [pg_sys::RELKIND_RELATION, pg_sys::RELKIND_PARTITIONED_TABLE]
            .contains(&(rte.relkind as u8))
            || [pg_sys::RELKIND_MATVIEW, pg_sys::RELKIND_FOREIGN_TABLE]
                .contains(&(rte.relkind as u8));
        (rte.rtekind == pg_sys::RTEKind::RTE_RELATION && stored).then_some(rte.relid)
    }

    /// The nested query, for an entry that is one (a sub-select or an expanded view).
    pub fn subquery(self) -> Option<Query> {
        let rte = self.get();
        if rte.rtekind != pg_sys::RTEKind::RTE_SUBQUERY {
            return None;
        }
        NonNull::new(rte.subquery).map(Query)
    }

    /// May it be computed from other entries of its level?
    pub fn is_lateral(self) -> bool {
        self.get().lateral
    }

    /// The row conditions of this entry.
    pub(in crate::pg) fn conditions(self) -> Vec<Expr> {
        list_items::<pg_sys::Node>(self.get().securityQuals)
            .filter_map(|node| NonNull::new(node).map(Expr))
            .collect()
    }

    /// Is it a view WITH (security_barrier) that stays unexpanded: the way to the target?
    pub(super) fn is_barrier_view(self) -> bool {
        let rte = self.get();
        if rte.rtekind != pg_sys::RTEKind::RTE_RELATION || rte.relkind as u8 != pg_sys::RELKIND_VIEW
        {
            return false;
        }
        // SAFETY: S3; the statement holds a lock, and the options are read before the view is closed.
        unsafe {
            let view = pg_sys::relation_open(rte.relid, pg_sys::AccessShareLock as i32);
            let options = (*view).rd_options.cast::<pg_sys::ViewOptions>();
            let is_barrier = !options.is_null() && (*options).security_barrier;
            pg_sys::relation_close(view, pg_sys::NoLock as i32);
            is_barrier
        }
    }

    /// Writes `mark` where the tripwire looks for it (a name that only CTE entries use).
    pub fn set_mark(self, mark: &CStr) {
        // SAFETY: S2.
        unsafe { (*self.raw()).ctename = pg_sys::pstrdup(mark.as_ptr()) };
    }
}
