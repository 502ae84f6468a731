//! One more column through UNION and UNION ALL.
//!
//! A column beside the others would make rows differ that UNION makes one. So a UNION becomes a
//! GROUP BY all columns of the UNION ALL of its branches, which gives the same rows.

use super::carry::{Kind, add_type};
use super::node::{Expr, Query, list_items};
use pgrx::pg_sys::{self, NodeTag, Oid};
use std::ptr::null_mut;

/// A branch of a set operation: its place among the level's entries, and its query.
pub type Branch = (u32, Query);

/// A level that is nothing but UNION ALL of its branches, or nothing but UNION.
pub struct Union {
    query: Query,
    pub branches: Vec<Branch>,
    is_distinct: bool,
}

impl Query {
    /// This level, if it is one that a further column can be carried through.
    pub fn as_union(self) -> Option<Union> {
        let mut found = Vec::new();
        // SAFETY: S2; the outermost operation of a set operation is a node of this kind.
        let (plain, is_distinct) = unsafe {
            let top = (*self.raw())
                .setOperations
                .cast::<pg_sys::SetOperationStmt>();
            if top.is_null() {
                return None;
            }
            let is_distinct = !(*top).all;
            (branches(top.cast(), is_distinct, &mut found), is_distinct)
        };
        // Without columns there is nothing to group by; and LIMIT stays with what it refers to.
        let can_group = !self.visible_targets().is_empty() && !self.has_sublinks();
        let query = |index: &u32| Some((*index, self.rte(*index)?.subquery()?));
        (plain && (!is_distinct || can_group)).then(|| Union {
            query: self,
            branches: found.iter().filter_map(query).collect(),
            is_distinct,
        })
    }
}

impl Union {
    /// Carries column `number`, which all branches put out, to the level's own target list: its value
    /// there, a variable, or `aggregate` of it over rows that have become one.
    pub fn carry(self, number: i16, aggregate: Oid, kind: Kind) -> Expr {
        let first = self.branches.first().map_or(1, |(index, _)| *index);
        // SAFETY: S2.
        unsafe {
            let top = (*self.query.raw()).setOperations;
            widen(top, kind);
            let var = pg_sys::makeVar(first as _, number, kind.type_oid, -1, kind.collation, 0);
            let value = Expr::from_raw(var.cast());
            if !self.is_distinct {
                return value;
            }
            let groups = (*top.cast::<pg_sys::SetOperationStmt>()).groupClauses;
            show_all(top);
            let columns = self.query.visible_targets().len();
            let number = self.query.append_output(value);
            self.query.wrap(columns);
            group(self.query, groups);
            let value = self.query.column(1, number, kind);
            self.query.aggregate(aggregate, value, kind)
        }
    }
}

/// Groups `outer`, a wrapped UNION, by its columns, in the order of `groups`, and sorts and limits it as
/// the UNION was.
///
/// # Safety
/// The list is that of the UNION's outermost operation (S2).
unsafe fn group(outer: Query, groups: *mut pg_sys::List) {
    let Some(inner) = outer.rte(1).and_then(|rte| rte.subquery()) else {
        return;
    };
    // SAFETY: by contract.
    unsafe {
        let (outer, inner) = (outer.raw(), inner.raw());
        pg_sys::IncrementVarSublevelsUp(inner.cast(), 1, 1);
        (*outer).sortClause = std::mem::replace(&mut (*inner).sortClause, null_mut());
        (*outer).limitOffset = std::mem::replace(&mut (*inner).limitOffset, null_mut());
        (*outer).limitCount = std::mem::replace(&mut (*inner).limitCount, null_mut());
        (*outer).limitOption = (*inner).limitOption;
        (*inner).limitOption = pg_sys::LimitOption::LIMIT_OPTION_COUNT;
        let sorted = list_items::<pg_sys::TargetEntry>((*inner).targetList);
        for (entry, below) in list_items::<pg_sys::TargetEntry>((*outer).targetList).zip(sorted) {
            (*entry).ressortgroupref = std::mem::take(&mut (*below).ressortgroupref);
        }
        let entries = || list_items::<pg_sys::TargetEntry>((*outer).targetList);
        let mut used = entries()
            .map(|entry| (*entry).ressortgroupref)
            .max()
            .unwrap_or_default();
        for (entry, group) in entries().zip(list_items::<pg_sys::SortGroupClause>(groups)) {
            if (*entry).ressortgroupref == 0 {
                used += 1;
                (*entry).ressortgroupref = used;
            }
            let group = pg_sys::copyObjectImpl(group.cast()).cast::<pg_sys::SortGroupClause>();
            (*group).tleSortGroupRef = (*entry).ressortgroupref;
            (*outer).groupClause = pg_sys::lappend((*outer).groupClause, group.cast());
        }
    }
}

/// Collects the branches; false if something else than UNION (`distinct`) or UNION ALL joins them.
///
/// # Safety
/// `node` is null or part of a tree of set operations (S2).
unsafe fn branches(node: *mut pg_sys::Node, distinct: bool, found: &mut Vec<u32>) -> bool {
    if node.is_null() {
        return false;
    }
    // SAFETY: by contract; each cast follows its tag.
    unsafe {
        match (*node).type_ {
            NodeTag::T_RangeTblRef => {
                found.push((*node.cast::<pg_sys::RangeTblRef>()).rtindex as u32);
                true
            }
            NodeTag::T_SetOperationStmt => {
                let operation = node.cast::<pg_sys::SetOperationStmt>();
                // What is made distinct at the end need not be so before.
                (distinct || (*operation).all)
                    && (*operation).op == pg_sys::SetOperation::SETOP_UNION
                    && branches((*operation).larg, distinct, found)
                    && branches((*operation).rarg, distinct, found)
            }
            _ => false,
        }
    }
}

/// Calls `f` for each operation of the tree.
///
/// # Safety
/// As [`branches`].
unsafe fn each(node: *mut pg_sys::Node, f: &mut dyn FnMut(&mut pg_sys::SetOperationStmt)) {
    // SAFETY: by contract; each cast follows its tag.
    unsafe {
        if node.is_null() || (*node).type_ != NodeTag::T_SetOperationStmt {
            return;
        }
        let operation = node.cast::<pg_sys::SetOperationStmt>();
        f(&mut *operation);
        each((*operation).larg, f);
        each((*operation).rarg, f);
    }
}

/// Notes that every branch puts out one more column.
///
/// # Safety
/// As [`branches`].
unsafe fn widen(top: *mut pg_sys::Node, kind: Kind) {
    // SAFETY: by contract; copies of the lists are extended.
    unsafe {
        each(top, &mut |operation| {
            add_type(
                kind,
                &mut operation.colTypes,
                &mut operation.colTypmods,
                &mut operation.colCollations,
            );
        });
    }
}

/// Makes each UNION a UNION ALL.
///
/// # Safety
/// As [`branches`].
unsafe fn show_all(top: *mut pg_sys::Node) {
    // SAFETY: by contract.
    unsafe {
        each(top, &mut |operation| {
            operation.all = true;
            operation.groupClauses = null_mut();
        });
    }
}
