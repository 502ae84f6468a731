//! Declarations of core's own hook bodies and tree walkers, without pgrx's guard.
//!
//! pgrx's wrappers turn an ERROR that passes through them into a Rust panic and back, and lose
//! constraint names, CONTEXT, cursor positions and foreign SQLSTATEs on the way, for every error of
//! every query. The outer hooks therefore call these directly (see `hooks/mod.rs`).

use pgrx::pg_sys::*;
use std::ffi::{c_char, c_int};

unsafe extern "C-unwind" {
    pub fn standard_planner(
        parse: *mut Query,
        source: *const c_char,
        options: c_int,
        params: ParamListInfo,
    ) -> *mut PlannedStmt;
    pub fn standard_ExecutorStart(desc: *mut QueryDesc, flags: c_int);
    pub fn standard_ProcessUtility(
        statement: *mut PlannedStmt,
        source: *const c_char,
        read_only_tree: bool,
        context: ProcessUtilityContext::Type,
        params: ParamListInfo,
        env: *mut QueryEnvironment,
        dest: *mut DestReceiver,
        completion: *mut QueryCompletion,
    );
}
