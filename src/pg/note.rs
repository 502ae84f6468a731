//! Putting a call into a query that is made once for each row that leaves it.

use super::carry::With;
use super::node::{Expr, Query, Rte, list_items};
use super::{catalog, compat, expr, operators};
use pgrx::pg_sys::{self, NodeTag, Oid};
use std::ffi::{CStr, c_void};
use std::ptr::null_mut;

impl Query {
    /// Does it write, and return rows of what it wrote?
    pub fn is_returning(self) -> bool {
        // SAFETY: S2.
        !unsafe { (*self.raw()).returningList }.is_null()
    }

    /// Evaluates `call`, a volatile function, for each row that this level puts out.
    ///
    /// The planner evaluates volatile outputs above Sort and below LIMIT. The call goes into a column
    /// that nothing sorts or groups by, which spares the executor an output that it must drop again.
    pub fn call_for_each_output(self, call: Expr) {
        // SAFETY: S2.
        unsafe {
            let query = self.raw();
            let is_returning = self.is_returning();
            let list = if is_returning {
                (*query).returningList
            } else {
                (*query).targetList
            };
            let free = list_items::<pg_sys::TargetEntry>(list).find(|entry| {
                !(**entry).resjunk
                    && (**entry).ressortgroupref == 0
                    && (is_returning || !pg_sys::expression_returns_set((**entry).expr.cast()))
            });
            if let Some(entry) = free {
                (*entry).expr = expr::when(call, Expr::from_raw((*entry).expr.cast()))
                    .raw()
                    .cast();
                return;
            }
            let number = list_items::<pg_sys::TargetEntry>(list).count() as i16 + 1;
            let entry =
                pg_sys::makeTargetEntry(call.raw().cast(), number, std::ptr::null_mut(), true);
            (*query).targetList = pg_sys::lappend((*query).targetList, entry.cast());
        }
    }

    /// The queries that FROM and WITH of this level read, but not those nested in them: all that is
    /// nested but the sub-selects in its expressions.
    pub fn queries_below(self) -> Vec<Query> {
        let entries = self.rtes().filter_map(|(_, rte)| rte.subquery());
        let withs = self.with_entries().filter_map(With::query);
        entries.chain(withs).collect()
    }

    /// Could something in it pass on what it is shown, beside the query's result: a function that a
    /// user defined, one that is volatile and is shown something, a domain with conditions of its own?
    pub fn may_pass_on(self) -> bool {
        // SAFETY: S2; the walker only reads.
        unsafe { compat::walk_query(self.raw(), passes_on, null_mut(), 0) }
    }

    /// Does a level of it change a view whose triggers are shown the view's rows? Anybody can write
    /// triggers on a view of their own.
    pub fn shows_rows_to_triggers(self) -> bool {
        let shows = |level: Query| match level.rte(level.result_index()) {
            // SAFETY: S2.
            Some(target) => unsafe { (*target.raw()).relkind as u8 == pg_sys::RELKIND_VIEW },
            None => false,
        };
        self.visit(&mut |level| if shows(level) { Err(()) } else { Ok(()) })
            .is_err()
    }

    /// The branches of a set operation.
    pub fn branches(self) -> impl Iterator<Item = Query> {
        self.rtes().filter_map(|(_, rte)| rte.subquery())
    }

    /// Adds a condition to this level's WHERE, after those that stand there.
    pub fn add_condition(self, condition: Expr) {
        // SAFETY: S2.
        unsafe {
            let tree = (*self.raw()).jointree;
            (*tree).quals = match (*tree).quals {
                quals if quals.is_null() => condition.raw(),
                quals => expr::and(&[Expr::from_raw(quals), condition]).raw(),
            };
        }
    }
}

impl Rte {
    /// Evaluates `call` for each row that passes the first of this entry's row conditions, before any
    /// condition that could pass on what it is shown. Nothing happens where there is none.
    pub fn call_for_each_row(self, call: Expr) {
        // SAFETY: S2; a list of the same conditions with another head.
        unsafe {
            let rte = self.raw();
            let mut conditions = null_mut();
            for (n, node) in list_items::<pg_sys::Node>((*rte).securityQuals).enumerate() {
                let node = match n {
                    0 => expr::and(&[Expr::from_raw(node), call]).raw(),
                    _ => node,
                };
                conditions = pg_sys::lappend(conditions, node.cast());
            }
            (*rte).securityQuals = conditions;
        }
    }
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn passes_on(node: *mut pg_sys::Node, cx: *mut c_void) -> bool {
    unsafe extern "C-unwind" fn is_users(function: Oid, _cx: *mut c_void) -> bool {
        !operators::is_trusted(function)
    }
    unsafe extern "C-unwind" fn is_volatile(function: Oid, _cx: *mut c_void) -> bool {
        // SAFETY: S3.
        let volatility = unsafe { pg_sys::func_volatile(function) };
        volatility as u8 == pg_sys::PROVOLATILE_VOLATILE
            && operators::is_of_core_or_vector(function)
    }
    // SAFETY: S2; the walker only reads.
    unsafe {
        if node.is_null() {
            return false;
        }
        if (*node).type_ == NodeTag::T_Query {
            return compat::walk_query(node.cast(), passes_on, cx, 0);
        }
        (*node).type_ == NodeTag::T_CoerceToDomain
            || makes_users_type(node)
            || pg_sys::check_functions_in_node(node, Some(is_users), cx)
            || (pg_sys::check_functions_in_node(node, Some(is_volatile), cx)
                && compat::walk_expression(node, reads_rows, cx))
            || compat::walk_expression(node, passes_on, cx)
    }
}

/// Does a function of core's make a value of a type that a user defined? In an array, a row or a record
/// may be domains, whose conditions are its maker's code.
///
/// # Safety
/// `node` is live (S2).
unsafe fn makes_users_type(node: *mut pg_sys::Node) -> bool {
    // SAFETY: by contract; each cast follows from the tag.
    unsafe {
        match (*node).type_ {
            NodeTag::T_CoerceViaIO | NodeTag::T_ArrayCoerceExpr | NodeTag::T_ConvertRowtypeExpr => {
                is_users_type(pg_sys::exprType(node))
            }
            NodeTag::T_FuncExpr => {
                is_users_type(pg_sys::exprType(node)) || names_a_type(node.cast())
            }
            NodeTag::T_RangeTblFunction => {
                has_users_type((*node.cast::<pg_sys::RangeTblFunction>()).funccoltypes)
            }
            NodeTag::T_TableFunc => has_users_type((*node.cast::<pg_sys::TableFunc>()).coltypes),
            // SQL/JSON coerces as it runs.
            _ => compat::is_json_expression(node),
        }
    }
}

/// Is it a function of core's that is told the type to make as a value: an input function called by its
/// name (they take a cstring), or one that tries an input?
///
/// # Safety
/// `call` is live (S2).
unsafe fn names_a_type(call: *mut pg_sys::FuncExpr) -> bool {
    // SAFETY: by contract, S3; the palloc'ed name is read at once.
    unsafe {
        let first = list_items::<pg_sys::Node>((*call).args).next();
        if first.is_some_and(|first| pg_sys::exprType(first) == pg_sys::CSTRINGOID) {
            return true;
        }
        let name = pg_sys::get_func_name((*call).funcid);
        !name.is_null() && CStr::from_ptr(name).to_bytes().starts_with(b"pg_input_")
    }
}

/// # Safety
/// `types` is null or a live list of OIDs (S2).
unsafe fn has_users_type(types: *mut pg_sys::List) -> bool {
    if types.is_null() {
        return false;
    }
    // SAFETY: by contract.
    unsafe {
        let length = (*types).length as usize;
        (0..length).any(|i| is_users_type((*(*types).elements.add(i)).oid_value))
    }
}

fn is_users_type(type_oid: Oid) -> bool {
    // SAFETY: S3.
    unsafe {
        let element = pg_sys::get_element_type(type_oid);
        let inner = if element == Oid::INVALID {
            type_oid
        } else {
            element
        };
        catalog::is_user_object(inner)
            && pg_sys::getExtensionOfObject(pg_sys::TypeRelationId, inner) == Oid::INVALID
    }
}

/// Does its value depend on rows?
#[pgrx::pg_guard]
unsafe extern "C-unwind" fn reads_rows(node: *mut pg_sys::Node, cx: *mut c_void) -> bool {
    // SAFETY: S2; the walker only reads.
    unsafe {
        !node.is_null()
            && ([NodeTag::T_Var, NodeTag::T_SubLink, NodeTag::T_Query].contains(&(*node).type_)
                || compat::walk_expression(node, reads_rows, cx))
    }
}
