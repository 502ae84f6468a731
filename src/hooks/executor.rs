//! `ExecutorStart_hook`, `ExecutorRun_hook`, `ExecutorFinish_hook` and `ExecutorEnd_hook`: the checks of a
//! plan at each use, and its event in the audit.

use super::raise;
use crate::audit::statement;
use crate::guard::settings;
use crate::lineage::cascade;
use crate::pass::run::{self, Execution};
use crate::pg::compat::{ExecutorRun, executor_run_hook};
use crate::pg::error::Curtain;
use crate::pg::net;
use crate::pg::own;
use crate::pg::portal::Running;
use crate::pg::raw;
use crate::pg::slot::HookSlot;
use crate::session::disclosure;
use pgrx::pg_sys;
use std::ffi::c_int;

type ExecutorStart = unsafe extern "C-unwind" fn(*mut pg_sys::QueryDesc, c_int);
type ExecutorEnd = unsafe extern "C-unwind" fn(*mut pg_sys::QueryDesc);
type ExecutorFinish = unsafe extern "C-unwind" fn(*mut pg_sys::QueryDesc);

static PREVIOUS_START: HookSlot<ExecutorStart> = HookSlot::new();
static PREVIOUS_RUN: HookSlot<ExecutorRun> = HookSlot::new();
static PREVIOUS_FINISH: HookSlot<ExecutorFinish> = HookSlot::new();
static PREVIOUS_END: HookSlot<ExecutorEnd> = HookSlot::new();

pub fn install() {
    // SAFETY: S1.
    unsafe {
        pg_sys::ExecutorStart_hook = PREVIOUS_START.chain(pg_sys::ExecutorStart_hook, start);
        pg_sys::ExecutorRun_hook = PREVIOUS_RUN.chain(pg_sys::ExecutorRun_hook, run);
        pg_sys::ExecutorFinish_hook = PREVIOUS_FINISH.chain(pg_sys::ExecutorFinish_hook, finish);
        pg_sys::ExecutorEnd_hook = PREVIOUS_END.chain(pg_sys::ExecutorEnd_hook, end);
    }
}

/// Checks come first: nothing of the plan may be set up for the wrong identity.
unsafe extern "C-unwind" fn start(desc: *mut pg_sys::QueryDesc, flags: c_int) {
    // SAFETY: S5.
    unsafe {
        net::spread();
        let bound = !super::idle() && before_start(desc);
        match PREVIOUS_START.get() {
            Some(previous) => previous(desc, flags),
            None => raw::standard_ExecutorStart(desc, flags),
        }
        if bound {
            // EXPLAIN alone reads no rows.
            after_start(desc, flags & pg_sys::EXEC_FLAG_EXPLAIN_ONLY as c_int == 0);
        }
    }
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn before_start(desc: *mut pg_sys::QueryDesc) -> bool {
    disclosure::hide();
    let announced = own::takes_start();
    // SAFETY: S2.
    raise(run::start(unsafe { Running::new(desc) }, announced))
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn after_start(desc: *mut pg_sys::QueryDesc, runs: bool) {
    // SAFETY: S2.
    let query = unsafe { Running::new(desc) };
    query.track();
    if runs {
        raise(run::started(query));
    }
}

executor_run_hook!(run, PREVIOUS_RUN, super::idle, before_run, after_run);

/// FETCH reaches only this hook, so the identity is checked here again.
#[pgrx::pg_guard]
unsafe extern "C-unwind" fn before_run(desc: *mut pg_sys::QueryDesc) -> Execution {
    // An Execute message reports the statement's text anew.
    disclosure::hide();
    // SAFETY: S2.
    raise(run::fetch(unsafe { Running::new(desc) }))
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn after_run(execution: Execution) {
    raise(run::fetched(execution));
}

/// AFTER triggers and foreign keys run here, and report the rows they refuse.
unsafe extern "C-unwind" fn finish(desc: *mut pg_sys::QueryDesc) {
    // SAFETY: S5; the curtain is plain data in this frame.
    unsafe {
        let mut curtain = Curtain::new();
        let mark = cascade::mark();
        if Running::new(desc).plan().writes() && !super::idle() && before_finish(desc) {
            curtain.draw();
        }
        match PREVIOUS_FINISH.get() {
            Some(previous) => previous(desc),
            None => raw::standard_ExecutorFinish(desc),
        }
        curtain.open();
        if cascade::mark() > mark {
            follow(mark);
        }
    }
}

/// The statement has changed sources of derived rows.
#[pgrx::pg_guard]
unsafe extern "C-unwind" fn follow(mark: usize) {
    raise(cascade::follow(mark));
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn before_finish(desc: *mut pg_sys::QueryDesc) -> bool {
    // SAFETY: S2.
    run::finish(unsafe { Running::new(desc) })
}

/// The descriptor is gone afterwards.
unsafe extern "C-unwind" fn end(desc: *mut pg_sys::QueryDesc) {
    // SAFETY: S5.
    unsafe {
        if statement::any() || settings::is_watching() {
            before_end(desc);
        }
        match PREVIOUS_END.get() {
            Some(previous) => previous(desc),
            None => raw::standard_ExecutorEnd(desc),
        }
    }
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn before_end(desc: *mut pg_sys::QueryDesc) {
    // SAFETY: S2.
    let query = unsafe { Running::new(desc) };
    raise(statement::end(query.key()));
    raise(settings::compare());
}
