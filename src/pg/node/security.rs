//! The conditions and checks that row security put into a query, and those that ward puts there.

use super::{Expr, Query, Rte, list_items, make_node};
use pgrx::pg_sys::{self, NodeTag, Oid};
use std::ffi::CStr;
use std::ptr::{NonNull, null_mut};

/// What becomes of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It stays.
    Keep,
    /// It goes: something stronger stands in its place.
    Drop,
    /// It becomes FALSE.
    Never,
}

/// When a check of a written row is made; see `WCOKind` in core.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckKind {
    /// The new row of INSERT.
    Insert,
    /// The new row of UPDATE.
    Update,
    /// The existing row that ON CONFLICT DO UPDATE would change.
    Conflict,
    /// The existing row that MERGE would update.
    MergeUpdate,
    /// The existing row that MERGE would delete.
    MergeDelete,
}

impl CheckKind {
    fn raw(self) -> pg_sys::WCOKind::Type {
        match self {
            Self::Insert => pg_sys::WCOKind::WCO_RLS_INSERT_CHECK,
            Self::Update => pg_sys::WCOKind::WCO_RLS_UPDATE_CHECK,
            Self::Conflict => pg_sys::WCOKind::WCO_RLS_CONFLICT_CHECK,
            Self::MergeUpdate => pg_sys::WCOKind::WCO_RLS_MERGE_UPDATE_CHECK,
            Self::MergeDelete => pg_sys::WCOKind::WCO_RLS_MERGE_DELETE_CHECK,
        }
    }
}

impl Query {
    /// Adds a condition that each written row must meet, before core's own.
    pub fn add_check(self, kind: CheckKind, relation: &CStr, condition: Expr) {
        // SAFETY: S2; palloc'ed nodes in the planning context, zeroed by make_node.
        unsafe {
            let check = make_node::<pg_sys::WithCheckOption>(NodeTag::T_WithCheckOption);
            (*check).kind = kind.raw();
            (*check).relname = pg_sys::pstrdup(relation.as_ptr());
            (*check).polname = pg_sys::pstrdup(c"ward".as_ptr());
            (*check).qual = condition.raw();
            (*check).cascaded = false;
            let query = self.raw();
            (*query).withCheckOptions = pg_sys::lcons(check.cast(), (*query).withCheckOptions);
        }
    }

    /// Takes away all that row security contributed to this level.
    pub fn forget_row_security(self) {
        // SAFETY: S2.
        unsafe { (*self.raw()).withCheckOptions = null_mut() };
        for (_, rte) in self.rtes() {
            // SAFETY: S2.
            unsafe { (*rte.raw()).securityQuals = null_mut() };
        }
    }

    /// Decides about each check that is nothing but a function call.
    pub fn settle_checks(self, decide: &dyn Fn(Oid, Expr) -> Verdict) {
        // SAFETY: S2; builds a new list of the same nodes.
        unsafe {
            let query = self.raw();
            let mut kept = null_mut();
            for check in list_items::<pg_sys::WithCheckOption>((*query).withCheckOptions) {
                match verdict((*check).qual, decide) {
                    Verdict::Drop => continue,
                    Verdict::Never => (*check).qual = pg_sys::makeBoolConst(false, false),
                    Verdict::Keep => {}
                }
                kept = pg_sys::lappend(kept, check.cast());
            }
            (*query).withCheckOptions = kept;
        }
    }
}

impl Rte {
    /// Puts `qual` before every other security condition of this entry.
    pub fn prepend_security_qual(self, qual: Expr) {
        // SAFETY: S2.
        unsafe {
            let rte = self.raw();
            (*rte).securityQuals = pg_sys::lcons(qual.raw().cast(), (*rte).securityQuals);
        }
    }

    /// Decides about each security condition that is nothing but a function call.
    pub fn settle_security_quals(self, decide: &dyn Fn(Oid, Expr) -> Verdict) {
        // SAFETY: S2; builds a new list of the same nodes.
        unsafe {
            let rte = self.raw();
            let mut kept = null_mut();
            for qual in list_items::<pg_sys::Node>((*rte).securityQuals) {
                match verdict(qual, decide) {
                    Verdict::Drop => {}
                    Verdict::Never => {
                        kept = pg_sys::lappend(kept, pg_sys::makeBoolConst(false, false).cast());
                    }
                    Verdict::Keep => kept = pg_sys::lappend(kept, qual.cast()),
                }
            }
            (*rte).securityQuals = kept;
        }
    }
}

/// What `decide` says of a node that is a function call; any other stays.
///
/// # Safety
/// `node` is null or live (S2).
unsafe fn verdict(node: *mut pg_sys::Node, decide: &dyn Fn(Oid, Expr) -> Verdict) -> Verdict {
    let Some(expr) = NonNull::new(node).map(Expr) else {
        return Verdict::Keep;
    };
    // SAFETY: by contract.
    unsafe {
        if (*node).type_ == NodeTag::T_FuncExpr {
            decide((*node.cast::<pg_sys::FuncExpr>()).funcid, expr)
        } else {
            Verdict::Keep
        }
    }
}
