//! Target lists.

use super::{Expr, list_items};
use pgrx::pg_sys;
use std::ffi::CStr;
use std::ptr::{NonNull, null_mut};

/// A target list in place.
#[derive(Clone, Copy)]
pub struct TargetList(pub(super) *mut *mut pg_sys::List);

impl TargetList {
    /// Replaces the value assigned to column `attno` by `f(value)`; false if it is not assigned.
    pub fn map(self, attno: i16, f: impl FnOnce(Expr) -> Expr) -> bool {
        // SAFETY: S2.
        unsafe {
            for entry in list_items::<pg_sys::TargetEntry>(*self.0) {
                if !(*entry).resjunk
                    && (*entry).resno == attno
                    && let Some(value) = NonNull::new((*entry).expr.cast()).map(Expr)
                {
                    (*entry).expr = f(value).raw().cast();
                    return true;
                }
            }
        }
        false
    }

    pub(in crate::pg) fn raw(self) -> *mut pg_sys::List {
        // SAFETY: S2.
        unsafe { *self.0 }
    }

    pub(in crate::pg) fn entries(self) -> impl Iterator<Item = *mut pg_sys::TargetEntry> {
        list_items(self.raw())
    }

    /// Is column `attno` assigned?
    pub fn assigns(self, attno: i16) -> bool {
        self.map(attno, |value| value)
    }

    /// Adds an assignment, keeping the list in column order as the planner expects.
    pub fn insert(self, attno: i16, column: &CStr, value: Expr) {
        // SAFETY: S2; builds a new list of the same entries plus one.
        unsafe {
            let name = pg_sys::pstrdup(column.as_ptr());
            let new = pg_sys::makeTargetEntry(value.raw().cast(), attno, name, false);
            let mut list = null_mut();
            let mut placed = false;
            for entry in list_items::<pg_sys::TargetEntry>(*self.0) {
                if !placed && ((*entry).resjunk || (*entry).resno > attno) {
                    list = pg_sys::lappend(list, new.cast());
                    placed = true;
                }
                list = pg_sys::lappend(list, entry.cast());
            }
            if !placed {
                list = pg_sys::lappend(list, new.cast());
            }
            *self.0 = list;
        }
    }
}
