//! The queries nested in a query, and the function calls anywhere in it.

use super::{Expr, Query, list_items};
use crate::pg::compat;
use pgrx::pg_sys::{self, NodeTag, Oid};
use std::ffi::c_void;
use std::ptr::NonNull;

/// A query nested in another.
#[derive(Clone, Copy)]
pub(in crate::pg) struct Nested {
    pub query: Query,
    /// Is its output a value of an expression (a sublink other than EXISTS)?
    pub is_value: bool,
}

impl Query {
    /// Calls `f` on this level and on every query nested in it, outer levels first.
    pub fn visit<E>(self, f: &mut dyn FnMut(Query) -> Result<(), E>) -> Result<(), E> {
        f(self)?;
        let mut nested = self.nested().into_iter();
        nested.try_for_each(|nested| nested.query.visit(f))
    }

    /// The queries nested in this level: sub-selects in FROM, WITH, and expressions.
    pub(in crate::pg) fn nested(self) -> Vec<Nested> {
        check_stack();
        let entry = |query| Nested {
            query,
            is_value: false,
        };
        let subqueries = self.rtes().filter_map(|(_, rte)| rte.subquery());
        let mut nested: Vec<_> = subqueries.map(entry).collect();
        for cte in list_items::<pg_sys::CommonTableExpr>(self.get().cteList) {
            // SAFETY: S2; after analysis ctequery is a Query.
            let query = NonNull::new(unsafe { (*cte).ctequery }.cast()).map(Query);
            nested.extend(query.map(entry));
        }
        if self.get().hasSubLinks {
            nested.extend(self.sublinks());
        }
        nested
    }

    /// The queries of the sublinks in this level's own expressions.
    fn sublinks(self) -> Vec<Nested> {
        let mut found = Vec::new();
        let flags = pg_sys::QTW_IGNORE_RT_SUBQUERIES | pg_sys::QTW_IGNORE_CTE_SUBQUERIES;
        // SAFETY: S2; the walker only reads.
        unsafe { compat::walk_query(self.raw(), collect, (&raw mut found).cast(), flags) };
        found
    }

    /// Is one of `functions` called anywhere in the query, nested levels included?
    pub fn calls_any(self, functions: &[Oid]) -> bool {
        // No guard: nothing in here can panic, and there are no destructors to skip.
        unsafe extern "C-unwind" fn is_call(node: *mut pg_sys::Node, cx: *mut c_void) -> bool {
            // SAFETY: S2; `cx` is the slice below, borrowed for the walk.
            unsafe {
                !node.is_null()
                    && (is_call_of(node, *cx.cast::<&[Oid]>())
                        || compat::walk_deeper(node, is_call, cx))
            }
        }
        let mut functions = functions;
        // SAFETY: S2; the walker only reads.
        unsafe { compat::walk_query(self.raw(), is_call, (&raw mut functions).cast(), 0) }
    }

    /// Replaces function calls throughout the query, nested levels included.
    ///
    /// `f` gets the function and the call itself, and returns what stands in its place.
    /// Range-table entries are copied: views of them made before are stale afterwards.
    pub fn replace_calls(self, f: &mut dyn FnMut(Oid, Expr) -> Option<Expr>) {
        type Replace<'a> = &'a mut dyn FnMut(Oid, Expr) -> Option<Expr>;
        #[pgrx::pg_guard]
        unsafe extern "C-unwind" fn replace(
            node: *mut pg_sys::Node,
            cx: *mut c_void,
        ) -> *mut pg_sys::Node {
            let Some(expr) = NonNull::new(node).map(Expr) else {
                return node;
            };
            // SAFETY: S2; `cx` is the closure reference below.
            unsafe {
                match (*node).type_ {
                    NodeTag::T_Query => {
                        compat::mutate_query(node.cast(), replace, cx);
                        node
                    }
                    NodeTag::T_FuncExpr => {
                        let function = (*node.cast::<pg_sys::FuncExpr>()).funcid;
                        match (*cx.cast::<Replace>())(function, expr) {
                            Some(new) => new.raw(),
                            None => compat::mutate_expression(node, replace, cx),
                        }
                    }
                    _ => compat::mutate_expression(node, replace, cx),
                }
            }
        }
        let mut f: Replace = f;
        // SAFETY: S2.
        unsafe { compat::mutate_query(self.raw(), replace, (&raw mut f).cast()) };
    }
}

/// The queries of the sublinks in a list of expressions.
///
/// # Safety
/// `list` is null or live (S2).
pub(in crate::pg) unsafe fn sublinks_in(list: *mut pg_sys::List) -> Vec<Nested> {
    let mut found = Vec::new();
    // SAFETY: by contract; the walker only reads.
    unsafe { collect(list.cast(), (&raw mut found).cast()) };
    found
}

/// Collects the queries of sublinks into the `Vec<Nested>` behind `cx`.
#[pgrx::pg_guard]
unsafe extern "C-unwind" fn collect(node: *mut pg_sys::Node, cx: *mut c_void) -> bool {
    if node.is_null() {
        return false;
    }
    // SAFETY: S2; `cx` is borrowed for the walk.
    unsafe {
        let found = &mut *cx.cast::<Vec<Nested>>();
        let mut add = |query: *mut pg_sys::Node, is_value| {
            let query = Query(NonNull::new_unchecked(query.cast()));
            found.push(Nested { query, is_value });
        };
        match (*node).type_ {
            NodeTag::T_Query => add(node, true),
            NodeTag::T_SubLink => {
                let sublink = node.cast::<pg_sys::SubLink>();
                let exists = pg_sys::SubLinkType::EXISTS_SUBLINK;
                add((*sublink).subselect, (*sublink).subLinkType != exists);
                if !(*sublink).testexpr.is_null() {
                    return collect((*sublink).testexpr, cx);
                }
            }
            _ => return compat::walk_expression(node, collect, cx),
        }
    }
    false
}

/// Is this node a call of one of these functions?
///
/// # Safety
/// `node` is null or live (S2).
unsafe fn is_call_of(node: *mut pg_sys::Node, functions: &[Oid]) -> bool {
    // SAFETY: by contract.
    unsafe {
        !node.is_null()
            && (*node).type_ == NodeTag::T_FuncExpr
            && functions.contains(&(*node.cast::<pg_sys::FuncExpr>()).funcid)
    }
}

/// Raises core's "stack depth limit exceeded" before a deep query overflows the real stack.
fn check_stack() {
    // SAFETY: S1.
    unsafe { pg_sys::check_stack_depth() }
}
