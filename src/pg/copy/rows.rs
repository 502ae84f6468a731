//! Running a COPY FROM: the INSERT, and the function that hands it the rows.

use super::{Job, insert};
use crate::pg::xact::Event;
use crate::pg::{compat, error, raw};
use pgrx::pg_sys::{self, Datum, NodeTag, Oid};
use std::cell::RefCell;
use std::ffi::c_char;
use std::ptr::null_mut;

/// Carries out a COPY FROM. Without a guard and without destructors: errors of the data, of
/// constraints and of triggers pass through untouched (S5).
///
/// # Safety
/// As the utility hook received its arguments; an active snapshot is set.
pub unsafe fn run(
    job: Job,
    source: *const c_char,
    env: *mut pg_sys::QueryEnvironment,
    completion: *mut pg_sys::QueryCompletion,
) {
    // SAFETY: by contract, S5; the same steps as core's COPY and as its execution of queries.
    unsafe {
        let query =
            raw::parse_analyze_fixedparams(insert::build(job), source, null_mut(), 0, null_mut());
        insert::connect(query, job);
        let query = insert::only(raw::pg_rewrite_query(query));
        let plan = raw::pg_plan_query(query, source, 0, null_mut());
        raw::PushCopiedSnapshot(raw::GetActiveSnapshot());
        raw::UpdateActiveSnapshotCommandId();
        let desc = raw::CreateQueryDesc(
            plan,
            source,
            raw::GetActiveSnapshot(),
            null_mut(),
            pg_sys::None_Receiver,
            null_mut(),
            env,
            0,
        );
        raw::ExecutorStart(desc, 0);
        let relation = raw::table_open(job.relation, pg_sys::NoLock as i32);
        let state = begin(job, relation, source);
        let mut context = pg_sys::ErrorContextCallback {
            previous: pg_sys::error_context_stack,
            callback: Some(raw::CopyFromErrorCallback),
            arg: state.cast(),
        };
        pg_sys::error_context_stack = &raw mut context;
        compat::executor_run(desc);
        pg_sys::error_context_stack = context.previous;
        finish();
        raw::EndCopyFrom(state);
        let rows = (*(*desc).estate).es_processed;
        raw::ExecutorFinish(desc);
        raw::ExecutorEnd(desc);
        raw::FreeQueryDesc(desc);
        raw::PopActiveSnapshot();
        raw::table_close(relation, pg_sys::NoLock as i32);
        if !completion.is_null() {
            (*completion).commandTag = pg_sys::CommandTag::CMDTAG_COPY;
            (*completion).nprocessed = rows;
        }
    }
}

/// Starts reading, and makes the rows available to `copy_rows`.
///
/// # Safety
/// As [`run`]; `relation` is open.
unsafe fn begin(
    job: Job,
    relation: pg_sys::Relation,
    source: *const c_char,
) -> *mut pg_sys::CopyFromStateData {
    // SAFETY: by contract, S5.
    unsafe {
        let statement = &*job.statement;
        let parse_state = raw::make_parsestate(null_mut());
        (*parse_state).p_sourcetext = source;
        let state = raw::BeginCopyFrom(
            parse_state,
            relation,
            null_mut(),
            statement.filename,
            statement.is_program,
            null_mut(),
            statement.attlist,
            statement.options,
        );
        feed(state, relation);
        state
    }
}

/// A COPY FROM in progress: where its rows come from.
#[derive(Clone, Copy)]
struct Feed {
    state: *mut pg_sys::CopyFromStateData,
    descriptor: pg_sys::TupleDesc,
    values: *mut Datum,
    nulls: *mut bool,
    row_type: Oid,
    /// The transaction nest level it began in.
    level: i32,
}

thread_local! {
    /// COPYs in progress, inner ones (from triggers) last.
    static FEEDS: RefCell<Vec<Feed>> = const { RefCell::new(Vec::new()) };
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn feed(
    state: *mut pg_sys::CopyFromStateData,
    relation: pg_sys::Relation,
) {
    // SAFETY: S2; the arrays live in the statement's context, as the state does.
    unsafe {
        let descriptor = (*relation).rd_att;
        let columns = (*descriptor).natts as usize;
        let feed = Feed {
            state,
            descriptor,
            values: pg_sys::palloc0(columns * size_of::<Datum>()).cast(),
            nulls: pg_sys::palloc0(columns * size_of::<bool>()).cast(),
            row_type: (*(*relation).rd_rel).reltype,
            level: pg_sys::GetCurrentTransactionNestLevel(),
        };
        FEEDS.with_borrow_mut(|feeds| feeds.push(feed));
    }
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn finish() {
    FEEDS.with_borrow_mut(Vec::pop);
}

/// Forgets the COPYs that an error ended.
pub fn on_event(event: Event) {
    FEEDS.with_borrow_mut(|feeds| match event {
        Event::Commit | Event::Abort => feeds.clear(),
        Event::SavepointAbort => {
            // SAFETY: S1; during the callback this is the level that is being aborted.
            let aborted = unsafe { pg_sys::GetCurrentTransactionNestLevel() };
            feeds.retain(|feed| feed.level < aborted);
        }
        Event::SavepointStart | Event::SavepointCommit => {}
    });
}

static VERSION_1: pg_sys::Pg_finfo_record = pg_sys::Pg_finfo_record { api_version: 1 };

#[doc(hidden)]
#[unsafe(no_mangle)]
pub extern "C-unwind" fn pg_finfo_ward_copy_rows() -> *const pg_sys::Pg_finfo_record {
    &VERSION_1
}

/// `ward_internal.copy_rows(NULL::t)`: the rows of the COPY FROM in progress, one per call.
///
/// # Safety
/// Called by fmgr.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn ward_copy_rows(call: pg_sys::FunctionCallInfo) -> Datum {
    // SAFETY: by contract, S5: errors in the data keep their context and position.
    unsafe {
        let feed = current(call);
        let result = (*call).resultinfo.cast::<pg_sys::ReturnSetInfo>();
        if !raw::NextCopyFrom(feed.state, (*result).econtext, feed.values, feed.nulls) {
            (*result).isDone = pg_sys::ExprDoneCond::ExprEndResult;
            (*call).isnull = true;
            return Datum::null();
        }
        (*result).isDone = pg_sys::ExprDoneCond::ExprMultipleResult;
        let tuple = raw::heap_form_tuple(feed.descriptor, feed.values, feed.nulls);
        raw::HeapTupleHeaderGetDatum((*tuple).t_data)
    }
}

/// The COPY that this call belongs to; an error for any other call.
#[pgrx::pg_guard]
unsafe extern "C-unwind" fn current(call: pg_sys::FunctionCallInfo) -> Feed {
    // SAFETY: S2 by contract of the caller.
    let (row_type, streams) = unsafe {
        let result = (*call).resultinfo.cast::<pg_sys::ReturnSetInfo>();
        let streams = !result.is_null()
            && (*result).type_ == NodeTag::T_ReturnSetInfo
            && (*result).allowedModes as u32 & pg_sys::SetFunctionReturnMode::SFRM_ValuePerCall
                != 0;
        (pg_sys::get_fn_expr_rettype((*call).flinfo), streams)
    };
    match FEEDS.with_borrow(|feeds| feeds.last().copied()) {
        Some(feed) if streams && feed.row_type == row_type => feed,
        _ => error::refuse("ward_internal.copy_rows() is called by COPY only"),
    }
}
