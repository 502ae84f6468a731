//! Further output columns, and values in target lists.
//!
//! A column that is added stands behind the visible ones and before those that only serve to sort, so
//! that nobody who counts columns sees another than before.

use super::expr;
use super::node::{Command, Expr, Query, TargetList, list_items, make_node};
use pgrx::pg_sys::{self, NodeTag};
use std::ffi::{CStr, CString};
use std::ptr::{NonNull, null_mut};

/// The name of an added column; only EXPLAIN and new tables show it.
pub(super) const NAME: &CStr = c"ward_carried";

/// One value of a target list, in place.
#[derive(Clone, Copy)]
pub struct Target(NonNull<pg_sys::TargetEntry>);

impl Target {
    pub fn value(self) -> Expr {
        // SAFETY: S2.
        unsafe { Expr::from_raw((*self.0.as_ptr()).expr.cast()) }
    }

    pub fn replace(self, f: impl FnOnce(Expr) -> Expr) {
        let value = f(self.value());
        // SAFETY: S2.
        unsafe { (*self.0.as_ptr()).expr = value.raw().cast() };
    }
}

impl Query {
    /// Puts out `value` as well (in RETURNING, if it writes): the number of the column.
    pub fn append_output(self, value: Expr) -> i16 {
        // SAFETY: S2; builds a new list of the same entries plus one.
        unsafe {
            let query = self.raw();
            let outputs = if self.command() == Command::Select {
                &raw mut (*query).targetList
            } else {
                &raw mut (*query).returningList
            };
            let entries: Vec<_> = list_items::<pg_sys::TargetEntry>(*outputs).collect();
            let number = entries.iter().filter(|e| !(***e).resjunk).count() as i16 + 1;
            let name = pg_sys::pstrdup(NAME.as_ptr());
            let new = pg_sys::makeTargetEntry(value.raw().cast(), number, name, false);
            let mut list = null_mut();
            for entry in entries.iter().filter(|e| !(***e).resjunk) {
                list = pg_sys::lappend(list, entry.cast());
            }
            list = pg_sys::lappend(list, new.cast());
            for entry in entries.iter().filter(|e| (***e).resjunk) {
                (**entry).resno += 1;
                list = pg_sys::lappend(list, entry.cast());
            }
            *outputs = list;
            number
        }
    }

    /// Makes it `SELECT its first columns FROM (it)`, in place. The columns keep names and numbers.
    pub fn wrap(self, columns: usize) {
        // SAFETY: S2; the query moves into a node of its own, and every other node is new.
        unsafe {
            let outer = self.raw();
            let inner = pg_sys::palloc(size_of::<pg_sys::Query>()).cast::<pg_sys::Query>();
            inner.copy_from_nonoverlapping(outer, 1);
            outer.write_bytes(0, 1);
            (*outer).type_ = NodeTag::T_Query;
            (*outer).commandType = (*inner).commandType;
            (*outer).querySource = (*inner).querySource;
            (*outer).queryId = (*inner).queryId;
            (*outer).canSetTag = (*inner).canSetTag;
            (*outer).hasRowSecurity = (*inner).hasRowSecurity;
            (*outer).stmt_location = (*inner).stmt_location;
            (*outer).stmt_len = (*inner).stmt_len;
            read_from(outer, inner);
            let visible = list_items::<pg_sys::TargetEntry>((*inner).targetList);
            let mut names = null_mut();
            for entry in visible.filter(|entry| !(**entry).resjunk) {
                names = pg_sys::lappend(names, pg_sys::makeString((*entry).resname).cast());
                if (*entry).resno as usize <= columns {
                    let var = pg_sys::makeVarFromTargetEntry(1, entry);
                    let name = pg_sys::pstrdup((*entry).resname);
                    let new = pg_sys::makeTargetEntry(var.cast(), (*entry).resno, name, false);
                    (*outer).targetList = pg_sys::lappend((*outer).targetList, new.cast());
                }
            }
            if let Some(rte) = self.rte(1) {
                (*rte.raw()).eref = pg_sys::makeAlias(c"ward".as_ptr(), names);
            }
        }
    }
}

impl TargetList {
    /// The values, those that are only computed included.
    pub fn values(self) -> Vec<Expr> {
        self.entries()
            // SAFETY: S2.
            .map(|entry| unsafe { Expr::from_raw((*entry).expr.cast()) })
            .collect()
    }

    /// Computes the first value only where `condition` holds.
    pub fn guard(self, condition: Expr) {
        let first = self.entries().find(|entry| {
            // SAFETY: S2.
            unsafe { !(**entry).resjunk }
        });
        if let Some(entry) = first {
            // SAFETY: S2.
            unsafe {
                let value = Expr::from_raw((*entry).expr.cast());
                (*entry).expr = expr::when(condition, value).raw().cast();
            }
        }
    }

    /// The output column of this name; the first of several.
    pub fn named(self, name: &str) -> Option<Target> {
        self.entries()
            .find(|entry| {
                // SAFETY: S2.
                let given = unsafe { (**entry).resname };
                // SAFETY: S2; not null.
                !given.is_null() && unsafe { CStr::from_ptr(given) }.to_bytes() == name.as_bytes()
            })
            .and_then(NonNull::new)
            .map(Target)
    }

    /// Adds an output column behind all others.
    pub fn append(self, name: &str, value: Expr) {
        let number = self.entries().count() as i16 + 1;
        let name = CString::new(name).unwrap_or_default();
        self.insert(number, &name, value);
    }
}

/// Gives `outer`, a query without FROM, the rows of `inner`.
///
/// # Safety
/// Both are live (S2).
pub(super) unsafe fn read_from(outer: *mut pg_sys::Query, inner: *mut pg_sys::Query) {
    // SAFETY: by contract; every node is new.
    unsafe {
        let rte = make_node::<pg_sys::RangeTblEntry>(NodeTag::T_RangeTblEntry);
        (*rte).rtekind = pg_sys::RTEKind::RTE_SUBQUERY;
        (*rte).subquery = inner;
        (*rte).eref = pg_sys::makeAlias(c"ward".as_ptr(), null_mut());
        (*rte).inFromCl = true;
        let reference = make_node::<pg_sys::RangeTblRef>(NodeTag::T_RangeTblRef);
        (*reference).rtindex = 1;
        (*outer).rtable = pg_sys::lappend(null_mut(), rte.cast());
        (*outer).jointree =
            pg_sys::makeFromExpr(pg_sys::lappend(null_mut(), reference.cast()), null_mut());
    }
}
