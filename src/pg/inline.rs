//! Expanding SQL set-returning functions before the pass, as the planner would after it.
//!
//! Core inlines such functions behind the planner hook's back: their tables would be planned
//! without the pass. So they are inlined here, with core's own function, and refused later (see
//! [`permitted`] and `hooks/function.rs`).

use super::check::Params;
use super::node::{Query, list_items};
use super::raw;
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

/// The expansion of one query's SQL functions in FROM, at every level: [`Expansion::find`] a call,
/// [`Expansion::run`] it, until there is none.
///
/// Two steps, because the second runs code of users, whose errors must keep their fields: it happens
/// between the guarded helpers, and this is plain data (S5).
#[derive(Clone, Copy)]
pub struct Expansion {
    /// What core's functions want to know of the planner; null until something is to be expanded.
    root: *mut pg_sys::PlannerInfo,
    call: *mut pg_sys::RangeTblEntry,
    /// The calls that were found, so that one which cannot be expanded is not found again.
    tried: *mut pg_sys::List,
}

impl Expansion {
    /// Nothing done yet.
    pub const START: Self = Self {
        root: null_mut(),
        call: null_mut(),
        tried: null_mut(),
    };

    /// Has the expansion found a call already?
    pub fn is_under_way(&self) -> bool {
        !self.root.is_null()
    }

    /// Looks for the next call. True if there is one, which [`Expansion::run`] must expand now.
    pub fn find(&mut self, query: Query, params: Params) -> bool {
        let found: Result<(), ()> = query.visit(&mut |level| {
            let is_next = |rte: super::node::Rte| {
                // SAFETY: S2.
                unsafe { self.is_next(rte.raw()) }
            };
            match level.rtes().find(|(_, rte)| is_next(*rte)) {
                Some((_, rte)) => {
                    // SAFETY: S2.
                    unsafe { self.take(level, rte.raw(), params) };
                    Err(())
                }
                None => Ok(()),
            }
        });
        found.is_err()
    }

    /// # Safety
    /// `rte` is live (S2).
    unsafe fn is_next(&self, rte: *mut pg_sys::RangeTblEntry) -> bool {
        // SAFETY: by contract; `tried` holds pointers.
        unsafe { is_plain_function_call(rte) && !pg_sys::list_member_ptr(self.tried, rte.cast()) }
    }

    /// # Safety
    /// `rte` is a live entry of `level` (S2).
    unsafe fn take(&mut self, level: Query, rte: *mut pg_sys::RangeTblEntry, params: Params) {
        // SAFETY: S2; nodes of the planning context, as subquery_planner sets them up.
        unsafe {
            if self.root.is_null() {
                let global =
                    super::node::make_node::<pg_sys::PlannerGlobal>(NodeTag::T_PlannerGlobal);
                (*global).boundParams = params.raw();
                self.root = super::node::make_node::<pg_sys::PlannerInfo>(NodeTag::T_PlannerInfo);
                (*self.root).glob = global;
                (*self.root).query_level = 1;
                (*self.root).planner_cxt = pg_sys::CurrentMemoryContext;
            }
            (*self.root).parse = level.raw();
            self.call = rte;
            self.tried = pg_sys::lappend(self.tried, rte.cast());
        }
    }

    /// Expands the call that was found.
    ///
    /// # Safety
    /// After [`Expansion::find`] said so, and from a frame without destructors (S5): an ERROR of the
    /// function's body or of its arguments passes through.
    pub unsafe fn run(self) {
        let Self { root, call, .. } = self;
        // SAFETY: S2, S5; core's preprocess_function_rtes makes the same calls in the same order.
        unsafe {
            (*call).functions = raw::eval_const_expressions(root, (*call).functions.cast()).cast();
            PERMITTED.set(true);
            let expanded = raw::inline_set_returning_function(root, call);
            PERMITTED.set(false);
            if !expanded.is_null() {
                // `functions` stays: core keeps it for whole-row references.
                (*call).rtekind = pg_sys::RTEKind::RTE_SUBQUERY;
                (*call).subquery = expanded;
                (*call).security_barrier = false;
                (*call).funcordinality = false;
            }
        }
    }

    /// What the plan depends on because of what was expanded.
    pub fn dependencies(&self) -> Inlined {
        if self.root.is_null() {
            return Inlined::default();
        }
        // SAFETY: S2; `take` made both.
        unsafe {
            let global = (*self.root).glob;
            Inlined {
                items: (*global).invalItems,
                depends_on_role: (*global).dependsOnRole,
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
