//! COPY: its statement, its conversion into queries, and feeding rows into an INSERT.
//!
//! `COPY t (a, b) FROM … WHERE w` is carried out as
//!
//! ```sql
//! INSERT INTO t (a, b, c) OVERRIDING SYSTEM VALUE
//! SELECT * FROM (SELECT (s.r).a, (s.r).b, (s.r).c
//!                FROM (SELECT ward_internal.copy_rows(NULL::t) AS r) s) t
//! WHERE w
//! ```
//!
//! where `copy_rows` hands out the rows that core's own COPY machinery reads. The INSERT names every
//! column that can be written, because that machinery has computed the defaults already. It is built
//! from nodes, never from text; a function in a target list streams, where one in FROM would first
//! store all rows.

use super::node::{list_items, make_node};
use super::statement::{Lock, Name, text};
use super::xact::Event;
use super::{compat, raw};
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::pg_sys::{self, Datum, NodeTag, Oid, elog::PgLogLevel};
use std::cell::RefCell;
use std::ffi::{c_char, c_void};
use std::ptr::null_mut;

/// A COPY statement.
#[derive(Clone, Copy)]
pub struct Statement(*mut pg_sys::CopyStmt);

/// `COPY (SELECT …) TO` in place of `COPY t TO`.
pub struct Query(*mut pg_sys::CopyStmt);

/// `COPY t FROM`, to be carried out by [`run`]; the relation is locked.
#[derive(Clone, Copy)]
pub struct Job {
    statement: *mut pg_sys::CopyStmt,
    relation: Oid,
}

impl Statement {
    /// # Safety
    /// `statement` is live (S2).
    pub(super) unsafe fn new(statement: *mut pg_sys::CopyStmt) -> Self {
        Self(statement)
    }

    fn get(&self) -> &pg_sys::CopyStmt {
        // SAFETY: S2.
        unsafe { &*self.0 }
    }

    /// Is it FROM (else TO)?
    pub fn is_from(self) -> bool {
        self.get().is_from
    }

    /// Does it name a table (else a query)?
    pub fn names_table(self) -> bool {
        !self.get().relation.is_null()
    }

    /// The table, locked as core will lock it; `None` if there is none of this name.
    pub fn lock_table(self) -> Option<Oid> {
        let lock = if self.is_from() { Lock::ROW_EXCLUSIVE } else { Lock::ACCESS_SHARE };
        // SAFETY: S2.
        unsafe { Name::new(self.get().relation)?.lock(lock) }
    }

    /// Has it the option FREEZE?
    pub fn freezes(self) -> bool {
        // SAFETY: S2, S4.
        self.option(b"freeze").is_some_and(|option| unsafe { pg_sys::defGetBoolean(option) })
    }

    /// Has it an ON_ERROR other than `stop`?
    pub fn skips_errors(self) -> bool {
        // SAFETY: S2, S4.
        self.option(b"on_error").is_some_and(|option| unsafe {
            !text(pg_sys::defGetString(option)).eq_ignore_ascii_case(b"stop")
        })
    }

    fn option(self, name: &[u8]) -> Option<*mut pg_sys::DefElem> {
        // SAFETY: S2.
        list_items::<pg_sys::DefElem>(self.get().options)
            .find(|option| unsafe { text((**option).defname) } == name)
    }

    /// The role that core requires for COPY FROM a file or program, if the current one lacks it.
    pub fn missing_server_role(self) -> Option<&'static str> {
        let statement = self.get();
        if statement.filename.is_null() {
            return None;
        }
        let (role, name) = if statement.is_program {
            (pg_sys::ROLE_PG_EXECUTE_SERVER_PROGRAM, "pg_execute_server_program")
        } else {
            (pg_sys::ROLE_PG_READ_SERVER_FILES, "pg_read_server_files")
        };
        let user = super::catalog::current_user();
        (!super::catalog::has_privileges_of(user, Oid::from(role))).then_some(name)
    }

    /// The same COPY TO from a query that reads what the table would have given.
    ///
    /// As with a plain table, children are left out; of a partitioned table, whose own COPY core
    /// refuses, all partitions are read.
    pub fn as_query(self, relation: Oid) -> Query {
        // SAFETY: S2, S3; nodes are built in the statement's context.
        unsafe {
            let kind = super::catalog::relation_kind(relation);
            let from = range_var(relation, kind == Some(pg_sys::RELKIND_PARTITIONED_TABLE));
            let mut targets = null_mut();
            for name in column_names(relation, self.get().attlist) {
                targets = pg_sys::lappend(targets, target(null_mut(), column_ref(&[name])).cast());
            }
            let copy = pg_sys::copyObjectImpl(self.0.cast()).cast::<pg_sys::CopyStmt>();
            (*copy).relation = null_mut();
            (*copy).attlist = null_mut();
            (*copy).query = select(targets, from.cast(), null_mut()).cast();
            Query(copy)
        }
    }

    /// COPY FROM as a job of ward's own.
    pub fn as_insert(self, relation: Oid) -> Job {
        Job { statement: self.0, relation }
    }
}

impl Query {
    /// A utility statement that runs this in place of `statement`.
    ///
    /// # Safety
    /// `statement` is live (S2).
    pub unsafe fn replacing(self, statement: *mut pg_sys::PlannedStmt) -> *mut pg_sys::PlannedStmt {
        // SAFETY: by contract; a shallow copy, whose only change is the statement.
        unsafe {
            let copy = make_node::<pg_sys::PlannedStmt>(NodeTag::T_PlannedStmt);
            copy.copy_from_nonoverlapping(statement, 1);
            (*copy).utilityStmt = self.0.cast();
            copy
        }
    }
}

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
        let query = raw::parse_analyze_fixedparams(build(job), source, null_mut(), 0, null_mut());
        connect(query, job);
        let query = only(raw::pg_rewrite_query(query));
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
unsafe extern "C-unwind" fn feed(state: *mut pg_sys::CopyFromStateData, relation: pg_sys::Relation) {
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
            && (*result).allowedModes as u32 & pg_sys::SetFunctionReturnMode::SFRM_ValuePerCall != 0;
        (pg_sys::get_fn_expr_rettype((*call).flinfo), streams)
    };
    match FEEDS.with_borrow(|feeds| feeds.last().copied()) {
        Some(feed) if streams && feed.row_type == row_type => feed,
        _ => refuse("ward_internal.copy_rows() is called by COPY only"),
    }
}

/// The parse tree of the INSERT, with `NULL::t` where [`connect`] puts `copy_rows(NULL::t)`.
#[pgrx::pg_guard]
unsafe extern "C-unwind" fn build(job: Job) -> *mut pg_sys::RawStmt {
    // SAFETY: S2, S3; nodes are built in the statement's context.
    unsafe {
        let name = pg_sys::get_rel_name(job.relation);
        let (mut columns, mut fields) = (null_mut(), null_mut());
        for column in column_names(job.relation, null_mut()) {
            columns = pg_sys::lappend(columns, target(column, null_mut()).cast());
            fields = pg_sys::lappend(fields, target(column, field(column)).cast());
        }
        let row = target(c"r".as_ptr().cast_mut(), null_row(job.relation));
        let rows = select(pg_sys::lappend(null_mut(), row.cast()), null_mut(), null_mut());
        let rows = subselect(rows, c"s".as_ptr().cast_mut());
        let split = subselect(select(fields, rows, null_mut()), name);
        let star = make_node::<pg_sys::A_Star>(NodeTag::T_A_Star);
        let all = make_node::<pg_sys::ColumnRef>(NodeTag::T_ColumnRef);
        (*all).fields = pg_sys::lappend(null_mut(), star.cast());
        let all = pg_sys::lappend(null_mut(), target(null_mut(), all.cast()).cast());
        let insert = make_node::<pg_sys::InsertStmt>(NodeTag::T_InsertStmt);
        (*insert).relation = range_var(job.relation, true);
        (*insert).cols = columns;
        (*insert).selectStmt = select(all, split, (*job.statement).whereClause).cast();
        (*insert).override_ = pg_sys::OverridingKind::OVERRIDING_SYSTEM_VALUE;
        let statement = make_node::<pg_sys::RawStmt>(NodeTag::T_RawStmt);
        (*statement).stmt = insert.cast();
        statement
    }
}

/// Puts `copy_rows` into the analysed INSERT, and asks for no more rights than COPY does.
///
/// It is put in by OID: a name would need rights on ward's private schema.
#[pgrx::pg_guard]
unsafe extern "C-unwind" fn connect(query: *mut pg_sys::Query, job: Job) {
    // SAFETY: S2; the tree has the shape that build() gave it.
    unsafe {
        let selected = subquery(query, 1);
        let rows = subquery(subquery(selected, 0), 0);
        let row = list_items::<pg_sys::TargetEntry>((*rows).targetList).next();
        let (Some(row), Some(function)) = (row, super::catalog::copy_rows()) else {
            refuse("ward_internal.copy_rows() is missing");
        };
        let call = pg_sys::makeFuncExpr(
            function,
            super::definition::row_type(job.relation),
            pg_sys::lappend(null_mut(), (*row).expr.cast()),
            Oid::INVALID,
            Oid::INVALID,
            pg_sys::CoercionForm::COERCE_EXPLICIT_CALL,
        );
        (*call).funcretset = true;
        (*row).expr = call.cast();
        (*rows).hasTargetSRFs = true;
        let mut inserted = null_mut();
        for column in column_numbers(job.relation, (*job.statement).attlist) {
            let offset = i32::from(column) - pg_sys::FirstLowInvalidHeapAttributeNumber;
            inserted = pg_sys::bms_add_member(inserted, offset);
        }
        *compat::inserted_columns(query) = inserted;
    }
}

/// The subquery at this place (from 0) of the range table.
///
/// # Safety
/// `query` is live and has one there (S2).
unsafe fn subquery(query: *mut pg_sys::Query, place: usize) -> *mut pg_sys::Query {
    // SAFETY: by contract.
    unsafe {
        let entry = (*(*(*query).rtable).elements.add(place)).ptr_value;
        (*entry.cast::<pg_sys::RangeTblEntry>()).subquery
    }
}

/// The one query that rewriting left.
#[pgrx::pg_guard]
unsafe extern "C-unwind" fn only(queries: *mut pg_sys::List) -> *mut pg_sys::Query {
    let mut queries = list_items::<pg_sys::Query>(queries);
    match (queries.next(), queries.next()) {
        (Some(query), None) => query,
        _ => refuse("a rule turned COPY into other statements"),
    }
}

/// Raises an error; called inside guarded helpers only.
fn refuse(message: &'static str) -> ! {
    let code = pgrx::PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE;
    ErrorReport::new(code, message, "").report(PgLogLevel::ERROR);
    // Reporting at ERROR unwinds; this line only tells the compiler so.
    std::process::abort()
}

/// The columns that COPY would read or write for this column list, checked as core checks it.
fn column_numbers(relation: Oid, columns: *mut pg_sys::List) -> Vec<i16> {
    // SAFETY: S2, S4; the relation is locked, the integers are copied.
    unsafe {
        let open = pg_sys::table_open(relation, pg_sys::NoLock as i32);
        let numbers = pg_sys::CopyGetAttnums((*open).rd_att, open, columns);
        pg_sys::table_close(open, pg_sys::NoLock as i32);
        let length = if numbers.is_null() { 0 } else { (*numbers).length as usize };
        (0..length).map(|i| (*(*numbers).elements.add(i)).int_value as i16).collect()
    }
}

fn column_names(relation: Oid, columns: *mut pg_sys::List) -> Vec<*mut c_char> {
    let numbers = column_numbers(relation, columns).into_iter();
    // SAFETY: S3; palloc'ed names.
    numbers.map(|number| unsafe { pg_sys::get_attname(relation, number, false) }).collect()
}

/// `schema.table` for a locked relation.
unsafe fn range_var(relation: Oid, with_children: bool) -> *mut pg_sys::RangeVar {
    // SAFETY: S3.
    unsafe {
        let schema = pg_sys::get_namespace_name(pg_sys::get_rel_namespace(relation));
        let name = pg_sys::makeRangeVar(schema, pg_sys::get_rel_name(relation), -1);
        (*name).inh = with_children;
        name
    }
}

/// An entry of a select list, or (without a value) of the column list of INSERT.
unsafe fn target(name: *mut c_char, value: *mut pg_sys::Node) -> *mut pg_sys::ResTarget {
    // SAFETY: S2.
    unsafe {
        let target = make_node::<pg_sys::ResTarget>(NodeTag::T_ResTarget);
        (*target).name = name;
        (*target).val = value;
        (*target).location = -1;
        target
    }
}

unsafe fn column_ref(names: &[*mut c_char]) -> *mut pg_sys::Node {
    // SAFETY: S2.
    unsafe {
        let column = make_node::<pg_sys::ColumnRef>(NodeTag::T_ColumnRef);
        for name in names {
            (*column).fields = pg_sys::lappend((*column).fields, pg_sys::makeString(*name).cast());
        }
        (*column).location = -1;
        column.cast()
    }
}

/// `(s.r).column`
unsafe fn field(column: *mut c_char) -> *mut pg_sys::Node {
    // SAFETY: S2.
    unsafe {
        let field = make_node::<pg_sys::A_Indirection>(NodeTag::T_A_Indirection);
        (*field).arg = column_ref(&[c"s".as_ptr().cast_mut(), c"r".as_ptr().cast_mut()]);
        (*field).indirection = pg_sys::lappend(null_mut(), pg_sys::makeString(column).cast());
        field.cast()
    }
}

/// `NULL::t`
unsafe fn null_row(relation: Oid) -> *mut pg_sys::Node {
    // SAFETY: S2, S3.
    unsafe {
        let null = make_node::<pg_sys::A_Const>(NodeTag::T_A_Const);
        (*null).isnull = true;
        (*null).location = -1;
        let cast = make_node::<pg_sys::TypeCast>(NodeTag::T_TypeCast);
        (*cast).arg = null.cast();
        (*cast).typeName = pg_sys::makeTypeNameFromOid(super::definition::row_type(relation), -1);
        (*cast).location = -1;
        cast.cast()
    }
}

unsafe fn select(
    targets: *mut pg_sys::List,
    from: *mut c_void,
    condition: *mut pg_sys::Node,
) -> *mut pg_sys::SelectStmt {
    // SAFETY: S2; analysis may change what it is given, so the condition is copied.
    unsafe {
        let select = make_node::<pg_sys::SelectStmt>(NodeTag::T_SelectStmt);
        (*select).targetList = targets;
        if !from.is_null() {
            (*select).fromClause = pg_sys::lappend(null_mut(), from);
        }
        (*select).whereClause = pg_sys::copyObjectImpl(condition.cast()).cast();
        select
    }
}

unsafe fn subselect(query: *mut pg_sys::SelectStmt, alias: *mut c_char) -> *mut c_void {
    // SAFETY: S2.
    unsafe {
        let subselect = make_node::<pg_sys::RangeSubselect>(NodeTag::T_RangeSubselect);
        (*subselect).subquery = query.cast();
        (*subselect).alias = pg_sys::makeAlias(alias, null_mut());
        subselect.cast()
    }
}
