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

/// What the pass has done to a range-table entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// The row conditions are in place.
    Rows,
    /// So are the masks, if any apply.
    Masks,
}

thread_local! {
    static MARKS: RefCell<Option<[&'static CStr; 2]>> = const { RefCell::new(None) };
}

/// A word that nobody else knows, written into the range-table entries that the pass has seen.
///
/// Made per backend from the server's random source; leaked once, a few bytes.
pub fn mark(stage: Stage) -> &'static CStr {
    let [rows, masks] = marks();
    match stage {
        Stage::Rows => rows,
        Stage::Masks => masks,
    }
}

fn marks() -> [&'static CStr; 2] {
    MARKS.with_borrow_mut(|marks| {
        *marks.get_or_insert_with(|| {
            let random = super::strong_random::<16>().unwrap_or_default();
            let secret: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
            ["rows", "masks"].map(|stage| {
                let text = CString::new(format!("ward:{stage}:{secret}")).unwrap_or_default();
                &*Box::leak(text.into_boxed_c_str())
            })
        })
    })
}

/// How far the pass has come with this range-table entry of the relation being planned; `None` if
/// it has not seen it.
///
/// # Safety
/// `root` and `relation` are what get_relation_info_hook received.
pub unsafe fn stage(
    root: *mut pg_sys::PlannerInfo,
    relation: *mut pg_sys::RelOptInfo,
) -> Option<Stage> {
    // SAFETY: by contract (S2).
    unsafe {
        // CREATE INDEX and CLUSTER plan a dummy query without a join tree.
        if (*(*root).parse).jointree.is_null() {
            return Some(Stage::Masks);
        }
        let rte = *(*root).simple_rte_array.add((*relation).relid as usize);
        if (*rte).ctename.is_null() {
            return None;
        }
        let word = CStr::from_ptr((*rte).ctename);
        [Stage::Masks, Stage::Rows]
            .into_iter()
            .find(|stage| mark(*stage) == word)
    }
}

/// Plans a query with core's own planner, behind ward's pass, its first range-table entry marked as
/// `stage` says. For tests: no statement is known that gets there.
#[cfg(any(test, feature = "pg_test"))]
pub fn plan_behind_the_pass(text: &CStr, stage: Option<Stage>) {
    use super::node::list_items;
    // SAFETY: nodes of the current memory context; an ERROR unwinds through pgrx's guards.
    unsafe {
        let statements = pg_sys::pg_parse_query(text.as_ptr());
        for statement in list_items::<pg_sys::RawStmt>(statements) {
            let queries = pg_sys::pg_analyze_and_rewrite_fixedparams(
                statement,
                text.as_ptr(),
                std::ptr::null(),
                0,
                std::ptr::null_mut(),
            );
            for query in list_items::<pg_sys::Query>(queries) {
                let entry = list_items::<pg_sys::RangeTblEntry>((*query).rtable).next();
                if let (Some(entry), Some(stage)) = (entry, stage) {
                    (*entry).ctename = pg_sys::pstrdup(mark(stage).as_ptr());
                }
                pg_sys::standard_planner(query, text.as_ptr(), 0, std::ptr::null_mut());
            }
        }
    }
}
