//! Would a query that is read twice in one statement find the same rows?
//!
//! The label of what a sub-select returns is found by a second reading of its query. The two must
//! agree, although the session wrote both the query and the statement around it. So the query has no
//! choice of rows that depends on the plan (LIMIT without an order, order-dependent aggregates), calls
//! nothing whose result may differ between the readings, and nothing in the statement changes what
//! functions look at (such as `set_config`).

use super::compat;
use super::node::Query;
use super::operators;
use pgrx::pg_sys::{self, NodeTag, Oid};
use std::ffi::{CStr, c_void};

/// Does any function in the statement do something that another reading could notice?
pub fn has_side_effects(statement: Query) -> bool {
    #[pgrx::pg_guard]
    unsafe extern "C-unwind" fn acts(function: Oid, _cx: *mut c_void) -> bool {
        // SAFETY: S3.
        let is_volatile =
            unsafe { pg_sys::func_volatile(function) } as u8 == pg_sys::PROVOLATILE_VOLATILE;
        !operators::is_trusted(function) || (is_volatile && !is_harmless(function))
    }
    calls(statement, acts)
}

/// Does each reading of `query` find the same rows, its own LIMIT put aside?
pub(super) fn is_repeatable(query: Query) -> bool {
    #[pgrx::pg_guard]
    unsafe extern "C-unwind" fn varies(function: Oid, _cx: *mut c_void) -> bool {
        !operators::is_trusted(function) || !is_constant(function)
    }
    let mut is_top = true;
    let chooses = query.visit(&mut |level| {
        let top = std::mem::replace(&mut is_top, false);
        if may_choose(level, top) {
            Err(())
        } else {
            Ok(())
        }
    });
    chooses.is_ok() && !calls(query, varies)
}

/// May the plan decide which rows this level puts out? Of the outermost level, every row counts that
/// it could put out, so that only what HAVING lets through matters there.
fn may_choose(level: Query, is_top: bool) -> bool {
    // SAFETY: S2.
    let query = unsafe { &*level.raw() };
    let is_elsewhere = level
        .rtes()
        // SAFETY: S2. What is stored elsewhere may change between two readings.
        .any(|(_, rte)| unsafe { (*rte.raw()).relkind } as u8 == pg_sys::RELKIND_FOREIGN_TABLE);
    let is_choice = if is_top {
        query.hasAggs && !query.havingQual.is_null()
    } else {
        !query.limitCount.is_null()
            || !query.limitOffset.is_null()
            || query.hasDistinctOn
            || query.hasAggs
    };
    is_elsewhere || is_choice || query.hasWindowFuncs || !query.rowMarks.is_null()
}

type Test = unsafe extern "C-unwind" fn(Oid, *mut c_void) -> bool;

/// Does the query, on any level, call a function for which `test`, or sample a table?
fn calls(query: Query, test: Test) -> bool {
    #[pgrx::pg_guard]
    unsafe extern "C-unwind" fn look(node: *mut pg_sys::Node, cx: *mut c_void) -> bool {
        if node.is_null() {
            return false;
        }
        // SAFETY: S2; `cx` is the test below, borrowed for the walk.
        unsafe {
            match (*node).type_ {
                NodeTag::T_Query => compat::walk_query(node.cast(), look, cx, 0),
                NodeTag::T_TableSampleClause => true,
                _ => {
                    pg_sys::check_functions_in_node(node, Some(*cx.cast::<Test>()), cx)
                        || compat::walk_expression(node, look, cx)
                }
            }
        }
    }
    let mut test = test;
    // SAFETY: S2; the walker only reads.
    unsafe { compat::walk_query(query.raw(), look, (&raw mut test).cast(), 0) }
}

/// Is it one whose changing results nothing else depends on?
fn is_harmless(function: Oid) -> bool {
    const HARMLESS: [&CStr; 6] = [
        c"nextval",
        c"random",
        c"gen_random_uuid",
        c"clock_timestamp",
        c"timeofday",
        c"deny",
    ];
    has_name(function, &HARMLESS)
}

/// Has it one result throughout a statement, whatever other sessions do: immutable, or about dates?
/// (Other stable functions look at catalogs and settings.)
fn is_constant(function: Oid) -> bool {
    const DATES: [Oid; 7] = [
        pg_sys::DATEOID,
        pg_sys::TIMEOID,
        pg_sys::TIMETZOID,
        pg_sys::TIMESTAMPOID,
        pg_sys::TIMESTAMPTZOID,
        pg_sys::INTERVALOID,
        pg_sys::BOOLOID,
    ];
    // SAFETY: S3; the palloc'ed argument types are read at once.
    unsafe {
        match pg_sys::func_volatile(function) as u8 {
            pg_sys::PROVOLATILE_IMMUTABLE => true,
            pg_sys::PROVOLATILE_STABLE => {
                let (mut types, mut count) = (std::ptr::null_mut(), 0);
                let result = pg_sys::get_func_signature(function, &mut types, &mut count);
                let arguments = (0..count as usize).map(|i| *types.add(i));
                let about_dates = std::iter::once(result)
                    .chain(arguments)
                    .all(|type_oid| DATES.contains(&type_oid));
                about_dates
                    && !has_name(
                        function,
                        &[c"pg_conf_load_time", c"pg_postmaster_start_time"],
                    )
            }
            _ => has_name(function, &[c"deny"]),
        }
    }
}

fn has_name(function: Oid, names: &[&CStr]) -> bool {
    // SAFETY: S3; the palloc'ed name is read at once.
    unsafe {
        let name = pg_sys::get_func_name(function);
        !name.is_null() && names.contains(&CStr::from_ptr(name))
    }
}
