//! Core's tree walkers and mutators, which changed their symbols in 16.

use pgrx::pg_sys;
use std::ffi::{c_int, c_void};

/// The callback of core's tree walkers.
pub type Walker = unsafe extern "C-unwind" fn(*mut pg_sys::Node, *mut c_void) -> bool;
/// The callback of core's tree mutators.
pub type Mutator = unsafe extern "C-unwind" fn(*mut pg_sys::Node, *mut c_void) -> *mut pg_sys::Node;

#[cfg(feature = "pg15")]
unsafe extern "C-unwind" {
    #[link_name = "expression_tree_walker"]
    fn expression_walker(node: *mut pg_sys::Node, f: Walker, cx: *mut c_void) -> bool;
    #[link_name = "query_tree_walker"]
    fn query_walker(query: *mut pg_sys::Query, f: Walker, cx: *mut c_void, flags: c_int) -> bool;
    #[link_name = "expression_tree_mutator"]
    fn expression_mutator(
        node: *mut pg_sys::Node,
        f: Mutator,
        cx: *mut c_void,
    ) -> *mut pg_sys::Node;
    #[link_name = "query_tree_mutator"]
    fn query_mutator(
        query: *mut pg_sys::Query,
        f: Mutator,
        cx: *mut c_void,
        flags: c_int,
    ) -> *mut pg_sys::Query;
}
#[cfg(not(feature = "pg15"))]
unsafe extern "C-unwind" {
    #[link_name = "expression_tree_walker_impl"]
    fn expression_walker(node: *mut pg_sys::Node, f: Walker, cx: *mut c_void) -> bool;
    #[link_name = "query_tree_walker_impl"]
    fn query_walker(query: *mut pg_sys::Query, f: Walker, cx: *mut c_void, flags: c_int) -> bool;
    #[link_name = "expression_tree_mutator_impl"]
    fn expression_mutator(
        node: *mut pg_sys::Node,
        f: Mutator,
        cx: *mut c_void,
    ) -> *mut pg_sys::Node;
    #[link_name = "query_tree_mutator_impl"]
    fn query_mutator(
        query: *mut pg_sys::Query,
        f: Mutator,
        cx: *mut c_void,
        flags: c_int,
    ) -> *mut pg_sys::Query;
}

/// Visits the children of an expression node.
///
/// # Safety
/// `node` is a live node (S2); `cx` is what `f` expects.
pub unsafe fn walk_expression(node: *mut pg_sys::Node, f: Walker, cx: *mut c_void) -> bool {
    // SAFETY: S2 by contract; the guard turns an ERROR into an unwinding panic (S4).
    unsafe { pg_sys::ffi::pg_guard_ffi_boundary(|| expression_walker(node, f, cx)) }
}

/// Visits the parts of a query.
///
/// # Safety
/// As [`walk_expression`].
pub unsafe fn walk_query(
    query: *mut pg_sys::Query,
    f: Walker,
    cx: *mut c_void,
    flags: u32,
) -> bool {
    // SAFETY: as above.
    unsafe { pg_sys::ffi::pg_guard_ffi_boundary(|| query_walker(query, f, cx, flags as c_int)) }
}

/// Visits the children of an expression node, or the parts of a query, from within a walk.
///
/// # Safety
/// As [`walk_expression`], and only from a callback without destructors: an ERROR jumps over it to
/// the guard of the walk that called it.
pub unsafe fn walk_deeper(node: *mut pg_sys::Node, f: Walker, cx: *mut c_void) -> bool {
    // SAFETY: by contract.
    unsafe {
        if (*node).type_ == pg_sys::NodeTag::T_Query {
            query_walker(node.cast(), f, cx, 0)
        } else {
            expression_walker(node, f, cx)
        }
    }
}

/// Copies an expression node with its children replaced by what `f` returns.
///
/// # Safety
/// As [`walk_expression`].
pub unsafe fn mutate_expression(
    node: *mut pg_sys::Node,
    f: Mutator,
    cx: *mut c_void,
) -> *mut pg_sys::Node {
    // SAFETY: as above.
    unsafe { pg_sys::ffi::pg_guard_ffi_boundary(|| expression_mutator(node, f, cx)) }
}

/// Replaces the parts of a query in place.
///
/// # Safety
/// As [`walk_expression`].
pub unsafe fn mutate_query(query: *mut pg_sys::Query, f: Mutator, cx: *mut c_void) {
    let flags = pg_sys::QTW_DONT_COPY_QUERY as c_int;
    // SAFETY: as above; the query is the planner's private copy.
    unsafe { pg_sys::ffi::pg_guard_ffi_boundary(|| query_mutator(query, f, cx, flags)) };
}
