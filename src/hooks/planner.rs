//! `planner_hook`: the pass over each query, then binding the plan to the identity.

use super::raise;
use crate::config;
use crate::pass::{self, Pass};
use crate::pg::check::Params;
use crate::pg::foreign_key;
use crate::pg::inline::Expansion;
use crate::pg::node::Query;
use crate::pg::own;
use crate::pg::plan::Plan;
use crate::pg::raw;
use crate::pg::slot::HookSlot;
use crate::registry;
use crate::session::{consulted, level};
use pgrx::pg_sys;
use std::ffi::{c_char, c_int};

type Planner = unsafe extern "C-unwind" fn(
    *mut pg_sys::Query,
    *const c_char,
    c_int,
    pg_sys::ParamListInfo,
) -> *mut pg_sys::PlannedStmt;

static PREVIOUS: HookSlot<Planner> = HookSlot::new();

pub fn install() {
    // SAFETY: S1; hook variables are written while libraries are loaded.
    unsafe { pg_sys::planner_hook = PREVIOUS.chain(pg_sys::planner_hook, planner) };
}

/// The pass comes first, so that whatever plans next sees the enforced query.
unsafe extern "C-unwind" fn planner(
    parse: *mut pg_sys::Query,
    source: *const c_char,
    options: c_int,
    params: pg_sys::ParamListInfo,
) -> *mut pg_sys::PlannedStmt {
    // SAFETY: S5.
    unsafe {
        let mut step = Step::start(source);
        if !super::idle() {
            before(parse, options, params, &mut step);
            while step.expands {
                step.expansion.run();
                before(parse, options, params, &mut step);
            }
        }
        let pass = step.pass;
        let plan = match PREVIOUS.get() {
            Some(previous) => previous(parse, source, options, params),
            None => raw::standard_planner(parse, source, options, params),
        };
        if leaves_work(pass) {
            after(plan, pass);
        }
        plan
    }
}

/// How far [`before`] has got. Plain data (S5).
#[derive(Clone, Copy)]
struct Step {
    /// The address of the statement's text.
    text: usize,
    /// Does CREATE TABLE AS store the rows?
    is_new_table: bool,
    /// When planning began (see [`consulted`]): before any function was expanded.
    began: u64,
    expansion: Expansion,
    /// Must `expansion` run before the pass can go on?
    expands: bool,
    pass: Pass,
}

impl Step {
    fn start(source: *const c_char) -> Self {
        Self {
            text: source as usize,
            is_new_table: false,
            began: 0,
            expansion: Expansion::START,
            expands: false,
            pass: Pass::default(),
        }
    }
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn before(
    parse: *mut pg_sys::Query,
    options: c_int,
    params: pg_sys::ParamListInfo,
    step: &mut Step,
) {
    if crate::pg::in_parallel_worker() || !crate::pg::xact::is_active() {
        return;
    }
    if !step.expansion.is_under_way() {
        step.began = consulted::times();
        step.is_new_table = level::take_new_table(step.text);
    }
    // SAFETY: S2; the planner owns its query and parameters.
    let (query, params) = unsafe { (Query::new(parse), Params::new(params)) };
    let hold = options & pg_sys::CURSOR_OPT_HOLD as c_int != 0;
    let pass = match query {
        Some(query) => raise(pass::enforce(
            query,
            params,
            &mut step.expansion,
            hold,
            step.is_new_table.then_some(step.text),
        )),
        None => Some(Pass::default()),
    };
    step.expands = pass.is_none();
    if let Some(pass) = pass {
        let foreign_key = foreign_key::enter();
        step.pass = Pass {
            foreign_key,
            began: Some(step.began),
            ..pass
        };
    }
}

/// Most plans are none of ours: they need not pay for a guarded call.
fn leaves_work(pass: Pass) -> bool {
    pass.fingerprint.is_some() || pass.foreign_key || !pass.inlined.is_empty() || pass.has_folded()
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn after(plan: *mut pg_sys::PlannedStmt, pass: Pass) {
    // SAFETY: S2.
    let plan = unsafe { Plan::new(plan) };
    if pass.foreign_key {
        foreign_key::leave();
    }
    plan.add_inlined(pass.inlined);
    let folded = pass.has_folded().then(|| raise(pass::folded_for()));
    if let Some(fingerprint) = pass.fingerprint.or(folded) {
        plan.bind(fingerprint, &registry::tables());
        if pass.fills_new_table {
            plan.fills_new_table();
        }
        if pass.notes {
            plan.set_noting();
        }
        if let Some(limit) = pass.search {
            plan.set_search(limit);
        }
        if fingerprint == own::FINGERPRINT {
            own::planned();
        } else if config::fill_vector_results() {
            plan.fill_vector_results();
        }
    }
}
