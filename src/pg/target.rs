//! Replacing what a statement reads of the table that it writes.
//!
//! The target of INSERT, UPDATE, DELETE or MERGE cannot be wrapped in a sub-select. Its columns are
//! replaced where they are read: conditions, joins, RETURNING, and the values that are assigned.

use super::compat;
use super::expr;
use super::node::{Command, Expr, Query, Rte, list_items};
use super::tree::{Variable, Walk, is_of_view};
use super::wrap::{Columns, Substitute};
use pgrx::pg_sys;

/// Which nodes read the columns as they are, from the node and the depth at which it stands.
pub type Keep<'a> = &'a dyn Fn(Expr, u32) -> bool;

#[derive(Clone, Copy)]
struct Replace<'a> {
    keep: Keep<'a>,
    substitute: Substitute<'a>,
}

/// The columns of `level`'s target, range-table entry `index`.
pub struct Target {
    level: Query,
    index: u32,
    columns: Columns,
}

impl Target {
    /// Of a level that writes `relation`.
    pub fn new(level: Query, index: u32, relation: pg_sys::Oid) -> Self {
        Self {
            level,
            index,
            columns: Columns::of(relation),
        }
    }

    /// Replaces the columns for which `substitute` gives something else, wherever they are read.
    /// `keep` says which nodes stay as they are, with all that is in them.
    ///
    /// True if a value that is assigned reads one: it would be stored.
    pub fn replace(&self, keep: Keep, substitute: Substitute) -> bool {
        let how = Replace { keep, substitute };
        let query = self.level.raw();
        let mut stored = false;
        // SAFETY: S2; each field is replaced by a copy of itself.
        unsafe {
            if self.level.command() != Command::Insert {
                stored |= self.in_list(&raw mut (*query).targetList, how);
            }
            self.in_node((&raw mut (*query).jointree).cast(), how);
            self.in_list(&raw mut (*query).returningList, how);
            let conflict = (*query).onConflict;
            if !conflict.is_null() {
                stored |= self.in_list(&raw mut (*conflict).onConflictSet, how);
                self.in_node(&raw mut (*conflict).onConflictWhere, how);
            }
            if let Some(condition) = compat::merge_condition(query) {
                self.in_node(condition, how);
            }
            // The row that INSERT brings along is the statement's own.
            let is_own =
                self.level.command() == Command::Insert && !self.level.updates_on_conflict();
            for check in list_items::<pg_sys::WithCheckOption>((*query).withCheckOptions) {
                let of_new_row = (*check).kind == pg_sys::WCOKind::WCO_VIEW_CHECK;
                if is_of_view(check) && !(is_own && of_new_row) {
                    self.in_node(&raw mut (*check).qual, how);
                }
            }
            for action in list_items::<pg_sys::MergeAction>((*query).mergeActionList) {
                stored |= self.in_list(&raw mut (*action).targetList, how);
                self.in_node(&raw mut (*action).qual, how);
            }
            self.in_entries(how);
        }
        stored
    }

    /// Does a row condition of the target read a column for which `is_masked`, or the whole row?
    pub fn is_filtered_by(&self, is_masked: &dyn Fn(i16) -> bool) -> bool {
        let mut found = false;
        let conditions = self.level.rte(self.index).map(Rte::conditions);
        for condition in conditions.into_iter().flatten() {
            condition.walk(&mut |node, depth| {
                found = found
                    || node.as_variable().is_some_and(|var| {
                        var.level() == depth
                            && var.index() == self.index
                            && (var.column() == 0 || is_masked(var.column()))
                    });
                Walk::Into
            });
        }
        found
    }

    /// LATERAL sub-selects and functions, and the lists of merged columns.
    unsafe fn in_entries(&self, how: Replace) {
        // SAFETY: S2.
        unsafe {
            for rte in list_items::<pg_sys::RangeTblEntry>((*self.level.raw()).rtable) {
                match (*rte).rtekind {
                    pg_sys::RTEKind::RTE_SUBQUERY => {
                        self.in_node((&raw mut (*rte).subquery).cast(), how);
                    }
                    pg_sys::RTEKind::RTE_FUNCTION => {
                        self.in_list(&raw mut (*rte).functions, how);
                    }
                    pg_sys::RTEKind::RTE_TABLEFUNC => {
                        self.in_node((&raw mut (*rte).tablefunc).cast(), how);
                    }
                    pg_sys::RTEKind::RTE_VALUES => {
                        self.in_list(&raw mut (*rte).values_lists, how);
                    }
                    pg_sys::RTEKind::RTE_JOIN => {
                        self.in_list(&raw mut (*rte).joinaliasvars, how);
                    }
                    _ => {}
                }
            }
        }
    }

    unsafe fn in_list(&self, list: *mut *mut pg_sys::List, how: Replace) -> bool {
        // SAFETY: S2; a List is a node.
        unsafe { self.in_node(list.cast(), how) }
    }

    /// True if it found something to replace.
    unsafe fn in_node(&self, place: *mut *mut pg_sys::Node, how: Replace) -> bool {
        let mut found = false;
        // SAFETY: S2.
        unsafe {
            if (*place).is_null() {
                return false;
            }
            let Replace { keep, substitute } = how;
            let replaced = Expr::from_raw(*place).replaced(&mut |node, depth| {
                if keep(node, depth) {
                    return Some(node);
                }
                let var = node.as_variable()?;
                if var.level() != depth || var.index() != self.index {
                    return None;
                }
                let new = self.replacement(node, var, substitute)?;
                found = true;
                Some(new)
            });
            *place = replaced.raw();
        }
        found
    }

    fn replacement(&self, node: Expr, var: Variable, substitute: Substitute) -> Option<Expr> {
        let own = |column: Expr| column.in_row_of(node);
        let new = match var.column() {
            0 => {
                let any = (1..=self.columns.count())
                    .any(|column| substitute(column, node.copied()).is_some());
                if !any {
                    return None;
                }
                expr::row(self.columns.row(&own, substitute), node.type_oid())
            }
            column if column > 0 => substitute(column, node.copied())?,
            _ => return None,
        };
        // SAFETY: S2; `node` is a Var.
        Some(unsafe { Expr::from_raw(compat::returned_like(node.raw().cast(), new.raw())) })
    }
}
