//! Every difference between PostgreSQL 15, 16, 17 and 18 that ward's code meets.

use crate::errors::WardError;
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

/// Memory for the `extra` of a setting: the allocator that guc.c frees it with.
///
/// # Safety
/// The result may be null, and belongs to guc.c once stored in `extra`.
#[cfg(feature = "pg15")]
pub unsafe fn guc_alloc(bytes: usize) -> *mut c_void {
    unsafe extern "C" {
        fn malloc(bytes: usize) -> *mut c_void;
    }
    // SAFETY: plain malloc; PostgreSQL 15 frees extras with free().
    unsafe { malloc(bytes) }
}
/// Memory for the `extra` of a setting: the allocator that guc.c frees it with.
///
/// # Safety
/// The result may be null, and belongs to guc.c once stored in `extra`.
#[cfg(not(feature = "pg15"))]
pub unsafe fn guc_alloc(bytes: usize) -> *mut c_void {
    // SAFETY: LOG level returns null instead of raising.
    unsafe { pg_sys::guc_malloc(pg_sys::LOG as c_int, bytes) }
}

/// The type of `ExecutorRun_hook`'s function.
#[cfg(not(feature = "pg18"))]
pub type ExecutorRun =
    unsafe extern "C-unwind" fn(*mut pg_sys::QueryDesc, pg_sys::ScanDirection::Type, u64, bool);
/// The type of `ExecutorRun_hook`'s function.
#[cfg(feature = "pg18")]
pub type ExecutorRun =
    unsafe extern "C-unwind" fn(*mut pg_sys::QueryDesc, pg_sys::ScanDirection::Type, u64);

/// Defines the outer ExecutorRun hook under the signature of this version:
/// `$before(desc)` unless `$idle()`, then the previous hook or core's body, then `$after()`.
#[cfg(not(feature = "pg18"))]
macro_rules! executor_run_hook {
    ($name:ident, $previous:ident, $idle:path, $before:ident, $after:ident) => {
        unsafe extern "C-unwind" fn $name(
            desc: *mut pgrx::pg_sys::QueryDesc,
            direction: pgrx::pg_sys::ScanDirection::Type,
            count: u64,
            once: bool,
        ) {
            unsafe extern "C-unwind" {
                fn standard_ExecutorRun(
                    desc: *mut pgrx::pg_sys::QueryDesc,
                    direction: pgrx::pg_sys::ScanDirection::Type,
                    count: u64,
                    once: bool,
                );
            }
            // SAFETY: S5 (no destructors in this frame; arguments are passed on unchanged).
            unsafe {
                let execution = if $idle() {
                    Default::default()
                } else {
                    $before(desc)
                };
                let mut curtain = $crate::pg::error::Curtain::new();
                if execution.hides_rows() {
                    curtain.draw();
                }
                match $previous.get() {
                    Some(previous) => previous(desc, direction, count, once),
                    None => standard_ExecutorRun(desc, direction, count, once),
                }
                curtain.open();
                if execution.leaves_work() {
                    $after(execution);
                }
            }
        }
    };
}
/// Defines the outer ExecutorRun hook under the signature of this version.
#[cfg(feature = "pg18")]
macro_rules! executor_run_hook {
    ($name:ident, $previous:ident, $idle:path, $before:ident, $after:ident) => {
        unsafe extern "C-unwind" fn $name(
            desc: *mut pgrx::pg_sys::QueryDesc,
            direction: pgrx::pg_sys::ScanDirection::Type,
            count: u64,
        ) {
            unsafe extern "C-unwind" {
                fn standard_ExecutorRun(
                    desc: *mut pgrx::pg_sys::QueryDesc,
                    direction: pgrx::pg_sys::ScanDirection::Type,
                    count: u64,
                );
            }
            // SAFETY: S5 (no destructors in this frame; arguments are passed on unchanged).
            unsafe {
                let execution = if $idle() {
                    Default::default()
                } else {
                    $before(desc)
                };
                let mut curtain = $crate::pg::error::Curtain::new();
                if execution.hides_rows() {
                    curtain.draw();
                }
                match $previous.get() {
                    Some(previous) => previous(desc, direction, count),
                    None => standard_ExecutorRun(desc, direction, count),
                }
                curtain.open();
                if execution.leaves_work() {
                    $after(execution);
                }
            }
        }
    };
}
pub(crate) use executor_run_hook;

/// The number of `conrelid` in pg_constraint.
#[cfg(not(feature = "pg18"))]
pub const CONSTRAINT_RELATION_COLUMN: i32 = 8;
/// The number of `conrelid` in pg_constraint.
#[cfg(feature = "pg18")]
pub const CONSTRAINT_RELATION_COLUMN: i32 = 9;

/// Does the current role own this relation?
pub fn owns_relation(relation: pg_sys::Oid) -> bool {
    // SAFETY: S3.
    unsafe {
        #[cfg(feature = "pg15")]
        return pg_sys::pg_class_ownercheck(relation, pg_sys::GetUserId());
        #[cfg(not(feature = "pg15"))]
        pg_sys::object_ownercheck(pg_sys::RelationRelationId, relation, pg_sys::GetUserId())
    }
}

/// Where a query keeps the columns that need the INSERT privilege on range-table entry 1.
///
/// # Safety
/// `query` is a live analysed INSERT (S2).
pub unsafe fn inserted_columns(query: *mut pg_sys::Query) -> *mut *mut pg_sys::Bitmapset {
    // SAFETY: by contract; an INSERT has its target as entry 1, with permissions.
    unsafe {
        let first = |list: *mut pg_sys::List| (*(*list).elements).ptr_value;
        #[cfg(feature = "pg15")]
        return &raw mut (*first((*query).rtable).cast::<pg_sys::RangeTblEntry>()).insertedCols;
        #[cfg(not(feature = "pg15"))]
        &raw mut (*first((*query).rteperminfos).cast::<pg_sys::RTEPermissionInfo>()).insertedCols
    }
}

/// Runs a started query to its end, through the executor hooks.
///
/// # Safety
/// `desc` was started. Called without a guard: an ERROR passes through untouched (S5).
pub unsafe fn executor_run(desc: *mut pg_sys::QueryDesc) {
    let forward = pg_sys::ScanDirection::ForwardScanDirection;
    #[cfg(not(feature = "pg18"))]
    {
        unsafe extern "C-unwind" {
            fn ExecutorRun(
                desc: *mut pg_sys::QueryDesc,
                direction: pg_sys::ScanDirection::Type,
                count: u64,
                once: bool,
            );
        }
        // SAFETY: by contract.
        unsafe { ExecutorRun(desc, forward, 0, true) }
    }
    #[cfg(feature = "pg18")]
    {
        unsafe extern "C-unwind" {
            fn ExecutorRun(
                desc: *mut pg_sys::QueryDesc,
                direction: pg_sys::ScanDirection::Type,
                count: u64,
            );
        }
        // SAFETY: by contract.
        unsafe { ExecutorRun(desc, forward, 0) }
    }
}

/// Hands a refusal of an input function to a caller that asked not to have it raised
/// (`pg_input_is_valid`, COPY with ON_ERROR ignore); `false` if the caller did not ask.
#[cfg(feature = "pg15")]
pub fn save_error(_call: pg_sys::FunctionCallInfo, _refusal: &WardError) -> bool {
    false
}
/// Hands a refusal of an input function to a caller that asked not to have it raised
/// (`pg_input_is_valid`, COPY with ON_ERROR ignore); `false` if the caller did not ask.
#[cfg(not(feature = "pg15"))]
pub fn save_error(call: pg_sys::FunctionCallInfo, refusal: &WardError) -> bool {
    let copy = |text: &str| std::ffi::CString::new(text).unwrap_or_default();
    let detail = format!("{} {}", refusal.code.text(), refusal.code.title());
    // SAFETY: fmgr passes a live call frame whose context is null or a node; pstrdup copies.
    unsafe {
        let context = (*call).context.cast::<pg_sys::ErrorSaveContext>();
        if context.is_null() || (*context).type_ != pg_sys::NodeTag::T_ErrorSaveContext {
            return false;
        }
        (*context).error_occurred = true;
        if !(*context).details_wanted {
            return true;
        }
        let data = pg_sys::palloc0(size_of::<pg_sys::ErrorData>()).cast::<pg_sys::ErrorData>();
        (*data).elevel = pg_sys::PGERROR as c_int;
        (*data).sqlerrcode = refusal.code.sqlstate() as c_int;
        (*data).message = pg_sys::pstrdup(copy(&refusal.message).as_ptr());
        (*data).detail = pg_sys::pstrdup(copy(&detail).as_ptr());
        if let Some(hint) = &refusal.hint {
            (*data).hint = pg_sys::pstrdup(copy(hint).as_ptr());
        }
        (*data).assoc_context = pg_sys::CurrentMemoryContext;
        (*context).error_data = data;
    }
    true
}

/// Column `i` (from 0) of a row's description.
///
/// # Safety
/// The descriptor is live and has that many columns (S2).
pub unsafe fn attribute<'a>(
    descriptor: pg_sys::TupleDesc,
    i: c_int,
) -> &'a pg_sys::FormData_pg_attribute {
    // SAFETY: by contract.
    unsafe {
        #[cfg(not(feature = "pg18"))]
        return &*(*descriptor).attrs.as_ptr().add(i as usize);
        #[cfg(feature = "pg18")]
        &*pg_sys::TupleDescAttr(descriptor, i)
    }
}

/// Moves the permissions that `outer` asks for to `inner`, the only entry of the sub-select `sub`,
/// which takes its place in `level`.
///
/// # Safety
/// All are live; `inner` is a copy of `outer` (S2).
pub unsafe fn move_permissions(
    level: *mut pg_sys::Query,
    outer: *mut pg_sys::RangeTblEntry,
    inner: *mut pg_sys::RangeTblEntry,
    sub: *mut pg_sys::Query,
) {
    // SAFETY: by contract.
    unsafe {
        #[cfg(feature = "pg15")]
        {
            let _ = (level, inner, sub);
            (*outer).requiredPerms = 0;
            (*outer).checkAsUser = pg_sys::Oid::INVALID;
            (*outer).selectedCols = std::ptr::null_mut();
            (*outer).insertedCols = std::ptr::null_mut();
            (*outer).updatedCols = std::ptr::null_mut();
            (*outer).extraUpdatedCols = std::ptr::null_mut();
        }
        #[cfg(not(feature = "pg15"))]
        {
            let pick = |index: u32| -> *mut std::ffi::c_void {
                (*(*(*level).rteperminfos).elements.add(index as usize - 1)).ptr_value
            };
            if (*inner).perminfoindex == 0 {
                return;
            }
            let moved = pick((*inner).perminfoindex);
            (*sub).rteperminfos = pg_sys::lappend(std::ptr::null_mut(), moved);
            (*inner).perminfoindex = 1;
            (*outer).perminfoindex = 0;
            // Each remaining one must be referenced exactly once, by position.
            let mut kept = std::ptr::null_mut();
            for entry in super::node::list_items::<pg_sys::RangeTblEntry>((*level).rtable) {
                if (*entry).perminfoindex != 0 {
                    kept = pg_sys::lappend(kept, pick((*entry).perminfoindex));
                    (*entry).perminfoindex = (*kept).length as u32;
                }
            }
            (*level).rteperminfos = kept;
        }
    }
}

/// A variable of the same row as `like`: of another column, but as nullable and as old or new.
///
/// # Safety
/// Both are live Vars (S2).
pub unsafe fn copy_row_state(like: *mut pg_sys::Var, var: *mut pg_sys::Var) {
    // SAFETY: by contract.
    unsafe {
        (*var).varlevelsup = (*like).varlevelsup;
        #[cfg(not(feature = "pg15"))]
        {
            (*var).varnullingrels = pg_sys::bms_copy((*like).varnullingrels);
        }
        #[cfg(feature = "pg18")]
        {
            (*var).varreturningtype = (*like).varreturningtype;
        }
    }
}

/// `value`, made of columns of `like`'s row: NULL where RETURNING OLD or NEW has no such row.
///
/// # Safety
/// Both are live; `like` is a Var (S2).
pub unsafe fn returned_like(like: *mut pg_sys::Var, value: *mut pg_sys::Node) -> *mut pg_sys::Node {
    #[cfg(not(feature = "pg18"))]
    {
        let _ = like;
        value
    }
    // SAFETY: by contract.
    #[cfg(feature = "pg18")]
    unsafe {
        let returning = (*like).varreturningtype;
        if returning == pg_sys::VarReturningType::VAR_RETURNING_DEFAULT {
            return value;
        }
        let node =
            super::node::make_node::<pg_sys::ReturningExpr>(pg_sys::NodeTag::T_ReturningExpr);
        (*node).retlevelsup = (*like).varlevelsup as c_int;
        (*node).retold = returning == pg_sys::VarReturningType::VAR_RETURNING_OLD;
        (*node).retexpr = value.cast();
        node.cast()
    }
}

/// What the columns of an entry that stands for the groups of GROUP BY are.
///
/// # Safety
/// `rte` is live (S2).
pub unsafe fn group_expressions(rte: *mut pg_sys::RangeTblEntry) -> Option<*mut pg_sys::List> {
    #[cfg(not(feature = "pg18"))]
    {
        let _ = rte;
        None
    }
    // SAFETY: by contract.
    #[cfg(feature = "pg18")]
    unsafe {
        ((*rte).rtekind == pg_sys::RTEKind::RTE_GROUP).then_some((*rte).groupexprs)
    }
}

/// MERGE's join condition, which newer releases keep apart.
///
/// # Safety
/// `query` is live (S2).
pub unsafe fn merge_condition(query: *mut pg_sys::Query) -> Option<*mut *mut pg_sys::Node> {
    #[cfg(any(feature = "pg15", feature = "pg16"))]
    {
        let _ = query;
        None
    }
    // SAFETY: by contract.
    #[cfg(not(any(feature = "pg15", feature = "pg16")))]
    unsafe {
        Some(&raw mut (*query).mergeJoinCondition)
    }
}

/// Notes which outer joins of `query` can make NULLs of this variable of one of its entries.
///
/// # Safety
/// Both are live; the variable belongs to the level's target list (S2).
pub unsafe fn mark_nulled(query: *mut pg_sys::Query, var: *mut pg_sys::Var) {
    #[cfg(feature = "pg15")]
    let _ = (query, var);
    #[cfg(not(feature = "pg15"))]
    {
        /// Is entry `index` below `node`? Collects the joins on the way that can make NULLs of it.
        unsafe fn find(node: *mut pg_sys::Node, index: c_int, joins: &mut Vec<c_int>) -> bool {
            use pg_sys::JoinType::{JOIN_FULL, JOIN_LEFT, JOIN_RIGHT};
            if node.is_null() {
                return false;
            }
            // SAFETY: S2; each cast follows its tag.
            unsafe {
                match (*node).type_ {
                    pg_sys::NodeTag::T_RangeTblRef => {
                        (*node.cast::<pg_sys::RangeTblRef>()).rtindex == index
                    }
                    pg_sys::NodeTag::T_FromExpr => {
                        let list = (*node.cast::<pg_sys::FromExpr>()).fromlist;
                        super::node::list_items(list).any(|item| find(item, index, joins))
                    }
                    pg_sys::NodeTag::T_JoinExpr => {
                        let join = node.cast::<pg_sys::JoinExpr>();
                        let kind = (*join).jointype;
                        let left = find((*join).larg, index, joins);
                        let right = !left && find((*join).rarg, index, joins);
                        let nulled = (left && [JOIN_RIGHT, JOIN_FULL].contains(&kind))
                            || (right && [JOIN_LEFT, JOIN_FULL].contains(&kind));
                        if nulled && (*join).rtindex != 0 {
                            joins.push((*join).rtindex);
                        }
                        left || right
                    }
                    _ => false,
                }
            }
        }
        // SAFETY: by contract.
        unsafe {
            let mut joins = Vec::new();
            find((*query).jointree.cast(), (*var).varno as c_int, &mut joins);
            for join in joins {
                (*var).varnullingrels = pg_sys::bms_add_member((*var).varnullingrels, join);
            }
        }
    }
}

/// Is it a JSON_VALUE, JSON_QUERY, JSON_EXISTS or JSON_TABLE (since 17)?
///
/// # Safety
/// `node` is live (S2).
#[cfg(any(feature = "pg17", feature = "pg18"))]
pub unsafe fn is_json_expression(node: *mut pg_sys::Node) -> bool {
    // SAFETY: by contract.
    unsafe { (*node).type_ == pg_sys::NodeTag::T_JsonExpr }
}

/// Never, before 17.
///
/// # Safety
/// None needed; the newer form reads the node.
#[cfg(not(any(feature = "pg17", feature = "pg18")))]
pub unsafe fn is_json_expression(_node: *mut pg_sys::Node) -> bool {
    false
}
