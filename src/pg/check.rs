//! The tripwire's mark.

use pgrx::pg_sys;
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
