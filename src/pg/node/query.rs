//! What a query level does, and with which tables.

use super::{Command, Expr, Query, Rte, TargetList, list_items};
use pgrx::pg_sys;
use std::ptr::NonNull;

impl Query {
    /// What this level does.
    pub fn command(self) -> Command {
        match self.get().commandType {
            pg_sys::CmdType::CMD_SELECT => Command::Select,
            pg_sys::CmdType::CMD_INSERT => Command::Insert,
            pg_sys::CmdType::CMD_UPDATE => Command::Update,
            pg_sys::CmdType::CMD_DELETE => Command::Delete,
            pg_sys::CmdType::CMD_MERGE => Command::Merge,
            _ => Command::Other,
        }
    }

    /// Range-table index (from 1) of the table that is written; 0 for SELECT.
    pub fn result_index(self) -> u32 {
        self.get().resultRelation as u32
    }

    /// Has its WITH a statement that writes?
    pub fn writes_in_with(self) -> bool {
        self.get().hasModifyingCTE
    }

    /// The range-table entries with their indexes, from 1.
    pub fn rtes(self) -> impl Iterator<Item = (u32, Rte)> {
        list_items(self.get().rtable)
            .enumerate()
            .filter_map(|(i, rte)| NonNull::new(rte).map(|rte| (i as u32 + 1, Rte(rte))))
    }

    /// May the row conditions of the table that is written be those of views, too?
    ///
    /// Core puts the condition of a view WITH (security_barrier) among them.
    pub fn mixes_conditions(self) -> bool {
        self.result_index() != 0 && self.rtes().any(|(_, rte)| rte.is_barrier_view())
    }

    /// Does FOR UPDATE / SHARE lock rows of this range-table entry?
    pub fn locks_rows_of(self, index: u32) -> bool {
        list_items::<pg_sys::RowMarkClause>(self.get().rowMarks)
            // SAFETY: S2.
            .any(|mark| unsafe { (*mark).rti } == index)
    }

    /// Does INSERT come with ON CONFLICT DO UPDATE?
    pub fn updates_on_conflict(self) -> bool {
        let conflict = self.get().onConflict;
        // SAFETY: S2.
        !conflict.is_null()
            && unsafe { (*conflict).action } == pg_sys::OnConflictAction::ONCONFLICT_UPDATE
    }

    /// The ON CONFLICT DO UPDATE assignments, if any.
    pub fn conflict_targets(self) -> Option<TargetList> {
        let conflict = self.get().onConflict;
        // SAFETY: S2.
        self.updates_on_conflict()
            .then(|| TargetList(unsafe { &raw mut (*conflict).onConflictSet }))
    }

    /// Puts `condition` before the WHERE of ON CONFLICT DO UPDATE.
    ///
    /// Some releases evaluate that WHERE before the check of the existing row: a function in it would
    /// see a row that is about to be refused. Conjuncts are evaluated in the order they stand in.
    pub fn prepend_conflict_condition(self, condition: Expr) {
        let conflict = self.get().onConflict;
        if conflict.is_null() {
            return;
        }
        // SAFETY: S2.
        unsafe {
            let given = NonNull::new((*conflict).onConflictWhere).map(Expr);
            let whole = match given {
                Some(given) => crate::pg::expr::and(&[condition, given]),
                None => condition,
            };
            (*conflict).onConflictWhere = whole.raw();
        }
    }

    /// The target list of this level.
    pub fn targets(self) -> TargetList {
        // SAFETY: S2.
        TargetList(unsafe { &raw mut (*self.0.as_ptr()).targetList })
    }

    /// MERGE's actions: what each does and its target list.
    pub fn merge_actions(self) -> impl Iterator<Item = (Command, TargetList)> {
        list_items::<pg_sys::MergeAction>(self.get().mergeActionList).map(|action| {
            // SAFETY: S2.
            let (kind, targets) = unsafe { ((*action).commandType, &raw mut (*action).targetList) };
            let kind = match kind {
                pg_sys::CmdType::CMD_INSERT => Command::Insert,
                pg_sys::CmdType::CMD_UPDATE => Command::Update,
                pg_sys::CmdType::CMD_DELETE => Command::Delete,
                _ => Command::Other,
            };
            (kind, TargetList(targets))
        })
    }
}
