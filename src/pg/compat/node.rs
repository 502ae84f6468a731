//! Fields of the parse tree that some versions have elsewhere, or not at all.

use pgrx::pg_sys;
#[cfg(not(feature = "pg15"))]
use std::ffi::{c_int, c_void};

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
            let pick = |index: u32| -> *mut c_void {
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
            for entry in crate::pg::node::list_items::<pg_sys::RangeTblEntry>((*level).rtable) {
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
            crate::pg::node::make_node::<pg_sys::ReturningExpr>(pg_sys::NodeTag::T_ReturningExpr);
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
                        crate::pg::node::list_items(list).any(|item| find(item, index, joins))
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
