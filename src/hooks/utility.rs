//! `ProcessUtility_hook`: statements that are not queries.

use super::raise;
use crate::guard;
use crate::pg::copy::{self, Job};
use crate::pg::net;
use crate::pg::raw;
use crate::pg::slot::HookSlot;
use crate::pg::statement::{self, Source};
use crate::pg::utility::Utility;
use crate::rows;
use crate::session::disclosure;
use pgrx::pg_sys;
use std::ffi::c_char;

type ProcessUtility = unsafe extern "C-unwind" fn(
    *mut pg_sys::PlannedStmt,
    *const c_char,
    bool,
    pg_sys::ProcessUtilityContext::Type,
    pg_sys::ParamListInfo,
    *mut pg_sys::QueryEnvironment,
    *mut pg_sys::DestReceiver,
    *mut pg_sys::QueryCompletion,
);

static PREVIOUS: HookSlot<ProcessUtility> = HookSlot::new();

pub fn install() {
    // SAFETY: S1.
    unsafe { pg_sys::ProcessUtility_hook = PREVIOUS.chain(pg_sys::ProcessUtility_hook, utility) };
}

/// What [`before`] decided. Plain data: the outer hook has no destructors (S5).
#[derive(Clone, Copy)]
struct Step {
    started: guard::Started,
    /// The statement to run: the one received, or one that stands for it.
    statement: *mut pg_sys::PlannedStmt,
    /// Its text, without tokens.
    source: *const c_char,
    /// COPY FROM into a protected relation, which ward carries out itself.
    copy: Option<Job>,
}

unsafe extern "C-unwind" fn utility(
    statement: *mut pg_sys::PlannedStmt,
    source: *const c_char,
    read_only_tree: bool,
    context: pg_sys::ProcessUtilityContext::Type,
    params: pg_sys::ParamListInfo,
    env: *mut pg_sys::QueryEnvironment,
    dest: *mut pg_sys::DestReceiver,
    completion: *mut pg_sys::QueryCompletion,
) {
    // SAFETY: S5.
    unsafe {
        net::spread();
        let step = before(statement, source);
        let (statement, source) = (step.statement, step.source);
        match (step.copy, PREVIOUS.get()) {
            (Some(job), _) => copy::run(job, source, env, completion),
            (None, Some(previous)) => {
                previous(
                    statement,
                    source,
                    read_only_tree,
                    context,
                    params,
                    env,
                    dest,
                    completion,
                );
            }
            (None, None) => raw::standard_ProcessUtility(
                statement,
                source,
                read_only_tree,
                context,
                params,
                env,
                dest,
                completion,
            ),
        }
        after(step);
    }
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn before(
    statement: *mut pg_sys::PlannedStmt,
    source: *const c_char,
) -> Step {
    // SAFETY: S2.
    unsafe {
        let source = disclosure::hide_in(Source::new(source));
        let kind = statement::classify(statement);
        let started = raise(guard::inspect(kind, Utility::new(statement), source));
        let mut step = Step {
            started,
            statement,
            source: source.raw(),
            copy: None,
        };
        if let statement::Statement::Copy(copy) = kind {
            match raise(rows::copy::prepare(copy)) {
                rows::copy::Way::Core => {}
                rows::copy::Way::Query(query) => step.statement = query.replacing(statement),
                rows::copy::Way::Insert(job) => step.copy = Some(job),
            }
        }
        step
    }
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn after(step: Step) {
    raise(guard::finish(step.started));
}
