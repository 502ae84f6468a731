//! The INSERT that carries out a COPY FROM, and the nodes that both conversions are built of.

use super::Job;
use crate::pg::error;
use crate::pg::node::{list_items, make_node};
use crate::pg::{catalog, compat, definition};
use pgrx::pg_sys::{self, NodeTag, Oid};
use std::ffi::{c_char, c_void};
use std::ptr::null_mut;

/// The parse tree of the INSERT, with `NULL::t` where [`connect`] puts `copy_rows(NULL::t)`.
#[pgrx::pg_guard]
pub(super) unsafe extern "C-unwind" fn build(job: Job) -> *mut pg_sys::RawStmt {
    // SAFETY: S2, S3; nodes are built in the statement's context.
    unsafe {
        let name = pg_sys::get_rel_name(job.relation);
        let (mut columns, mut fields) = (null_mut(), null_mut());
        for column in column_names(job.relation, null_mut()) {
            columns = pg_sys::lappend(columns, target(column, null_mut()).cast());
            fields = pg_sys::lappend(fields, target(column, field(column)).cast());
        }
        let row = target(c"r".as_ptr().cast_mut(), null_row(job.relation));
        let rows = select(
            pg_sys::lappend(null_mut(), row.cast()),
            null_mut(),
            null_mut(),
        );
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
pub(super) unsafe extern "C-unwind" fn connect(query: *mut pg_sys::Query, job: Job) {
    // SAFETY: S2; the tree has the shape that build() gave it.
    unsafe {
        let selected = subquery(query, 1);
        let rows = subquery(subquery(selected, 0), 0);
        let row = list_items::<pg_sys::TargetEntry>((*rows).targetList).next();
        let (Some(row), Some(function)) = (row, catalog::copy_rows()) else {
            error::refuse("ward_internal.copy_rows() is missing");
        };
        let call = pg_sys::makeFuncExpr(
            function,
            definition::row_type(job.relation),
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
pub(super) unsafe extern "C-unwind" fn only(queries: *mut pg_sys::List) -> *mut pg_sys::Query {
    let mut queries = list_items::<pg_sys::Query>(queries);
    match (queries.next(), queries.next()) {
        (Some(query), None) => query,
        _ => error::refuse("a rule turned COPY into other statements"),
    }
}

/// The columns that COPY would read or write for this column list, checked as core checks it.
fn column_numbers(relation: Oid, columns: *mut pg_sys::List) -> Vec<i16> {
    // SAFETY: S2, S4; the relation is locked, the integers are copied.
    unsafe {
        let open = pg_sys::table_open(relation, pg_sys::NoLock as i32);
        let numbers = pg_sys::CopyGetAttnums((*open).rd_att, open, columns);
        pg_sys::table_close(open, pg_sys::NoLock as i32);
        let length = if numbers.is_null() {
            0
        } else {
            (*numbers).length as usize
        };
        (0..length)
            .map(|i| (*(*numbers).elements.add(i)).int_value as i16)
            .collect()
    }
}

pub(super) fn column_names(relation: Oid, columns: *mut pg_sys::List) -> Vec<*mut c_char> {
    let numbers = column_numbers(relation, columns).into_iter();
    // SAFETY: S3; palloc'ed names.
    numbers
        .map(|number| unsafe { pg_sys::get_attname(relation, number, false) })
        .collect()
}

/// `schema.table` for a locked relation.
pub(super) unsafe fn range_var(relation: Oid, with_children: bool) -> *mut pg_sys::RangeVar {
    // SAFETY: S3.
    unsafe {
        let schema = pg_sys::get_namespace_name(pg_sys::get_rel_namespace(relation));
        let name = pg_sys::makeRangeVar(schema, pg_sys::get_rel_name(relation), -1);
        (*name).inh = with_children;
        name
    }
}

/// An entry of a select list, or (without a value) of the column list of INSERT.
pub(super) unsafe fn target(name: *mut c_char, value: *mut pg_sys::Node) -> *mut pg_sys::ResTarget {
    // SAFETY: S2.
    unsafe {
        let target = make_node::<pg_sys::ResTarget>(NodeTag::T_ResTarget);
        (*target).name = name;
        (*target).val = value;
        (*target).location = -1;
        target
    }
}

pub(super) unsafe fn column_ref(names: &[*mut c_char]) -> *mut pg_sys::Node {
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
        (*cast).typeName = pg_sys::makeTypeNameFromOid(definition::row_type(relation), -1);
        (*cast).location = -1;
        cast.cast()
    }
}

pub(super) unsafe fn select(
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
