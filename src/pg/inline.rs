//! Expanding SQL set-returning functions before the pass, as the planner would after it.
//!
//! Core inlines such functions behind the planner hook's back: their tables would be planned
//! without the pass. So they are inlined here, with core's own function, and refused later (see
//! [`permitted`] and `hooks/function.rs`).

use super::node::{Query, list_items};
use pgrx::pg_sys::{self, NodeTag, Oid};
use std::cell::Cell;
use std::ptr::null_mut;

/// What the plan depends on because functions were expanded into it.
#[derive(Clone, Copy)]
pub struct Inlined {
    pub(super) items: *mut pg_sys::List,
    pub(super) depends_on_role: bool,
}

impl Inlined {
    /// Does the plan depend on nothing because of it?
    pub fn is_empty(self) -> bool {
        self.items.is_null() && !self.depends_on_role
    }
}

impl Default for Inlined {
    fn default() -> Self {
        Self {
            items: null_mut(),
            depends_on_role: false,
        }
    }
}

thread_local! {
    static PERMITTED: Cell<bool> = const { Cell::new(false) };
}

/// Is the inlining under way ours? Any other is refused, since it would escape the pass.
pub fn permitted() -> bool {
    PERMITTED.get()
}

/// Resets [`permitted`] when a transaction ends in the middle of inlining.
pub fn reset() {
    PERMITTED.set(false);
}

/// Could core inline this function into a query? Only user-defined SQL functions returning sets.
pub fn is_candidate(function: Oid) -> bool {
    if !super::catalog::is_user_object(function) {
        return false;
    }
    // SAFETY: S3; the tuple is released after the fields are copied.
    unsafe {
        let tuple = pg_sys::SearchSysCache1(
            pg_sys::SysCacheIdentifier::PROCOID as i32,
            pg_sys::Datum::from(function),
        );
        if tuple.is_null() {
            return false;
        }
        let form = &*pg_sys::heap_tuple_get_struct::<pg_sys::FormData_pg_proc>(tuple);
        let found = form.prolang == Oid::from(SQL_LANGUAGE) && form.proretset;
        pg_sys::ReleaseSysCache(tuple);
        found
    }
}

/// Expands every inlinable SQL function in FROM, at every level of the query.
pub fn expand(query: Query, params: pg_sys::ParamListInfo) -> Inlined {
    // SAFETY: S2; both are zeroed nodes of the planning context, as subquery_planner sets them up.
    let (root, global) = unsafe {
        let global = super::node::make_node::<pg_sys::PlannerGlobal>(NodeTag::T_PlannerGlobal);
        (*global).boundParams = params;
        let root = super::node::make_node::<pg_sys::PlannerInfo>(NodeTag::T_PlannerInfo);
        (*root).glob = global;
        (*root).query_level = 1;
        (*root).planner_cxt = pg_sys::CurrentMemoryContext;
        (root, global)
    };
    let _: Result<(), ()> = query.visit(&mut |level| {
        // SAFETY: S2.
        unsafe { expand_level(level, root) };
        Ok(())
    });
    // SAFETY: S2.
    unsafe {
        Inlined {
            items: (*global).invalItems,
            depends_on_role: (*global).dependsOnRole,
        }
    }
}

/// # Safety
/// `root` is the planner info made in [`expand`].
unsafe fn expand_level(level: Query, root: *mut pg_sys::PlannerInfo) {
    for (_, rte) in level.rtes() {
        let rte = rte.raw();
        // SAFETY: S2; core's preprocess_function_rtes makes the same calls in the same order.
        unsafe {
            if !is_plain_function_call(rte) {
                continue;
            }
            (*root).parse = level.raw();
            (*rte).functions = pg_sys::eval_const_expressions(root, (*rte).functions.cast()).cast();
            PERMITTED.set(true);
            let expanded = pg_sys::inline_set_returning_function(root, rte);
            PERMITTED.set(false);
            if !expanded.is_null() {
                // `functions` stays: core keeps it for whole-row references.
                (*rte).rtekind = pg_sys::RTEKind::RTE_SUBQUERY;
                (*rte).subquery = expanded;
                (*rte).security_barrier = false;
                (*rte).funcordinality = false;
            }
        }
    }
}

/// # Safety
/// `rte` is live (S2).
unsafe fn is_plain_function_call(rte: *mut pg_sys::RangeTblEntry) -> bool {
    // SAFETY: by contract.
    unsafe {
        if (*rte).rtekind != pg_sys::RTEKind::RTE_FUNCTION {
            return false;
        }
        let mut functions = list_items::<pg_sys::RangeTblFunction>((*rte).functions);
        match (functions.next(), functions.next()) {
            (Some(only), None) => {
                let call = (*only).funcexpr;
                !call.is_null()
                    && (*call).type_ == NodeTag::T_FuncExpr
                    && is_candidate((*call.cast::<pg_sys::FuncExpr>()).funcid)
            }
            _ => false,
        }
    }
}

/// The language `sql` in pg_language.dat.
const SQL_LANGUAGE: u32 = 14;
