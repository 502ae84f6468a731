//! Declarations of core's own hook bodies and tree walkers, without pgrx's guard.
//!
//! pgrx's wrappers turn an ERROR that passes through them into a Rust panic and back, and lose
//! constraint names, CONTEXT, cursor positions and foreign SQLSTATEs on the way, for every error of
//! every query. The outer hooks therefore call these directly (see `hooks/mod.rs`).

use pgrx::pg_sys::*;
use std::ffi::{c_char, c_int, c_void};

unsafe extern "C-unwind" {
    pub fn standard_planner(
        parse: *mut Query,
        source: *const c_char,
        options: c_int,
        params: ParamListInfo,
    ) -> *mut PlannedStmt;
    pub fn standard_ExecutorStart(desc: *mut QueryDesc, flags: c_int);
    pub fn standard_ExecutorFinish(desc: *mut QueryDesc);
    pub fn standard_ExecutorEnd(desc: *mut QueryDesc);
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

unsafe extern "C-unwind" {
    // Expanding SQL functions (see `pg/inline.rs`). Both run code of users.
    pub fn eval_const_expressions(root: *mut PlannerInfo, node: *mut Node) -> *mut Node;
    pub fn inline_set_returning_function(
        root: *mut PlannerInfo,
        call: *mut RangeTblEntry,
    ) -> *mut Query;
}

unsafe extern "C-unwind" {
    // COPY FROM, as ward carries it out (see `pg/copy.rs`).
    pub fn parse_analyze_fixedparams(
        statement: *mut RawStmt,
        source: *const c_char,
        types: *const Oid,
        count: c_int,
        env: *mut QueryEnvironment,
    ) -> *mut Query;
    pub fn pg_rewrite_query(query: *mut Query) -> *mut List;
    pub fn pg_plan_query(
        query: *mut Query,
        source: *const c_char,
        options: c_int,
        params: ParamListInfo,
    ) -> *mut PlannedStmt;
    pub fn PushCopiedSnapshot(snapshot: Snapshot);
    pub fn GetActiveSnapshot() -> Snapshot;
    pub fn UpdateActiveSnapshotCommandId();
    pub fn PopActiveSnapshot();
    pub fn CreateQueryDesc(
        plan: *mut PlannedStmt,
        source: *const c_char,
        snapshot: Snapshot,
        crosscheck: Snapshot,
        dest: *mut DestReceiver,
        params: ParamListInfo,
        env: *mut QueryEnvironment,
        instrument: c_int,
    ) -> *mut QueryDesc;
    pub fn ExecutorStart(desc: *mut QueryDesc, flags: c_int);
    pub fn ExecutorFinish(desc: *mut QueryDesc);
    pub fn ExecutorEnd(desc: *mut QueryDesc);
    pub fn FreeQueryDesc(desc: *mut QueryDesc);
    pub fn table_open(relation: Oid, lock: LOCKMODE) -> Relation;
    pub fn table_close(relation: Relation, lock: LOCKMODE);
    pub fn make_parsestate(parent: *mut ParseState) -> *mut ParseState;
    pub fn BeginCopyFrom(
        state: *mut ParseState,
        relation: Relation,
        condition: *mut Node,
        filename: *const c_char,
        is_program: bool,
        callback: *mut c_void,
        columns: *mut List,
        options: *mut List,
    ) -> *mut CopyFromStateData;
    pub fn NextCopyFrom(
        state: *mut CopyFromStateData,
        context: *mut ExprContext,
        values: *mut Datum,
        nulls: *mut bool,
    ) -> bool;
    pub fn EndCopyFrom(state: *mut CopyFromStateData);
    pub fn CopyFromErrorCallback(state: *mut c_void);
    pub fn heap_form_tuple(
        descriptor: TupleDesc,
        values: *mut Datum,
        nulls: *mut bool,
    ) -> *mut HeapTupleData;
    pub fn HeapTupleHeaderGetDatum(tuple: HeapTupleHeader) -> Datum;

    // Asked for every query, and cannot fail.
    pub fn InNoForceRLSOperation() -> bool;
    pub fn GetUserId() -> Oid;
    pub fn GetAuthenticatedUserId() -> Oid;
    pub fn GetSessionUserId() -> Oid;
    pub fn GetOuterUserId() -> Oid;

    // Not in the bindings; called inside a guard.
    pub fn get_primary_key_attnos(
        relation: Oid,
        deferrable: bool,
        constraint: *mut Oid,
    ) -> *mut Bitmapset;
    pub fn transformIndexStmt(
        relation: Oid,
        statement: *mut IndexStmt,
        source: *const c_char,
    ) -> *mut IndexStmt;

    // While an error is being reported (see `pg/activity.rs`).
    pub fn GetCurrentStatementStartTimestamp() -> TimestampTz;
    pub fn MemoryContextRegisterResetCallback(
        context: MemoryContext,
        callback: *mut MemoryContextCallback,
    );
    pub fn pgstat_report_activity(state: BackendState::Type, text: *const c_char);
}
