//! The tripwire's mark, and recognising core's own foreign-key queries.

use super::node::{Command, Query, list_items};
use pgrx::pg_sys::{self, NodeTag};
use std::cell::RefCell;
use std::ffi::{CStr, CString};

/// Bound parameters, as the planner hook received them.
#[derive(Clone, Copy)]
pub struct Params(pg_sys::ParamListInfo);

impl Params {
    /// # Safety
    /// `params` is null or live for the planner call (S2).
    pub unsafe fn new(params: pg_sys::ParamListInfo) -> Self {
        Self(params)
    }

    pub(crate) fn raw(self) -> pg_sys::ParamListInfo {
        self.0
    }
}

thread_local! {
    static MARK: RefCell<Option<&'static CStr>> = const { RefCell::new(None) };
}

/// A word that nobody else knows, written into the range-table entries that the pass has seen.
///
/// Made per backend from the server's random source; leaked once, a few bytes.
pub fn mark() -> &'static CStr {
    MARK.with_borrow_mut(|mark| {
        *mark.get_or_insert_with(|| {
            let random = super::strong_random::<16>().unwrap_or_default();
            let text: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
            Box::leak(
                CString::new(format!("ward:{text}"))
                    .unwrap_or_default()
                    .into_boxed_c_str(),
            )
        })
    })
}

/// Has the pass seen this range-table entry of the relation being planned?
///
/// # Safety
/// `root` and `relation` are what get_relation_info_hook received.
pub unsafe fn is_marked(root: *mut pg_sys::PlannerInfo, relation: *mut pg_sys::RelOptInfo) -> bool {
    // SAFETY: by contract (S2).
    unsafe {
        // CREATE INDEX and CLUSTER plan a dummy query without a join tree.
        if (*(*root).parse).jointree.is_null() {
            return true;
        }
        let rte = *(*root).simple_rte_array.add((*relation).relid as usize);
        !(*rte).ctename.is_null() && CStr::from_ptr((*rte).ctename) == mark()
    }
}

/// Is this one of the queries with which core checks or cascades foreign keys?
///
/// The execution context alone is not enough: a trigger fired by a cascade runs in it too. So the
/// shape must be core's as well: one plain table, nothing computed from columns.
pub fn is_foreign_key_query(query: Query) -> bool {
    // SAFETY: S1.
    if !unsafe { pg_sys::InNoForceRLSOperation() } {
        return false;
    }
    let raw = query.raw();
    // SAFETY: S2.
    let plain = unsafe {
        let q = &*raw;
        !q.hasSubLinks
            && !q.hasAggs
            && !q.hasWindowFuncs
            && !q.hasTargetSRFs
            && q.cteList.is_null()
            && q.returningList.is_null()
            && q.setOperations.is_null()
    };
    let relations: Vec<_> = query.rtes().collect();
    let one_table = matches!(relations.as_slice(), [(_, rte)] if rte.table().is_some());
    let constants_only = match query.command() {
        Command::Select | Command::Update => target_values_are_constant(query),
        Command::Delete => true,
        _ => false,
    };
    plain && one_table && constants_only
}

fn target_values_are_constant(query: Query) -> bool {
    // SAFETY: S2.
    unsafe {
        list_items::<pg_sys::TargetEntry>((*query.raw()).targetList).all(|entry| {
            let node = (*entry).expr.cast::<pg_sys::Node>();
            let computed = ![NodeTag::T_Const, NodeTag::T_Param].contains(&(*node).type_);
            // UPDATE and DELETE carry the row's ctid as a junk entry.
            (*entry).resjunk || !computed || is_default(node)
        })
    }
}

/// ON DELETE SET DEFAULT assigns the column's default, which may be any expression without Vars.
///
/// # Safety
/// `node` is live (S2).
unsafe fn is_default(node: *mut pg_sys::Node) -> bool {
    // SAFETY: by contract.
    unsafe { !pg_sys::contain_var_clause(node) }
}
