//! Putting a sub-select in the place of a table: `t` becomes `(SELECT a, mask(b), … FROM t)`.
//!
//! The sub-select is a plain one, so that the planner always pulls it up: indexes, locks, joins and
//! statistics stay those of the table. The table's own entry moves inside unchanged, with its
//! permissions, row conditions, sampling and inheritance. Column numbers stay what they were;
//! further columns behind them carry what a plain sub-select does not have: system columns, the
//! whole row, and values that one place of the query may see as they are.

use super::node::{Expr, Query, Rte, list_items, make_node};
use super::tree::Walk;
use super::{compat, expr};
use pgrx::pg_sys::{self, NodeTag, Oid};
use std::ffi::CStr;
use std::ptr::null_mut;

/// What stands for a column in the sub-select: from its number and a variable of it; `None` leaves it.
pub type Substitute<'a> = &'a dyn Fn(i16, Expr) -> Option<Expr>;

/// The columns of a relation, dropped ones included.
pub struct Columns(Vec<Option<Attribute>>);

/// A column that is not dropped.
#[derive(Clone)]
struct Attribute {
    name: std::ffi::CString,
    type_oid: Oid,
    typmod: i32,
    collation: Oid,
}

impl Columns {
    /// Of a relation that the statement has locked.
    pub fn of(relation: Oid) -> Self {
        // SAFETY: S3; the descriptor is read before the relation is closed.
        unsafe {
            let relation = pg_sys::relation_open(relation, pg_sys::NoLock as i32);
            let descriptor = (*relation).rd_att;
            let columns = (0..(*descriptor).natts)
                .map(|i| {
                    let column = compat::attribute(descriptor, i);
                    (!column.attisdropped).then(|| Attribute {
                        name: CStr::from_ptr(column.attname.data.as_ptr()).to_owned(),
                        type_oid: column.atttypid,
                        typmod: column.atttypmod,
                        collation: column.attcollation,
                    })
                })
                .collect();
            pg_sys::relation_close(relation, pg_sys::NoLock as i32);
            Self(columns)
        }
    }

    /// How many there are: the number of the last one.
    pub fn count(&self) -> i16 {
        self.0.len() as i16
    }

    fn var(&self, column: i16) -> Option<Expr> {
        let attribute = self.0.get(usize::try_from(column - 1).ok()?)?.as_ref()?;
        // SAFETY: S2.
        unsafe {
            let var = pg_sys::makeVar(
                1,
                column,
                attribute.type_oid,
                attribute.typmod,
                attribute.collation,
                0,
            );
            Some(Expr::from_raw(var.cast()))
        }
    }

    /// The values of a row, masked, each over `var(column)`.
    pub(super) fn row(
        &self,
        var: &dyn Fn(Expr) -> Expr,
        substitute: Substitute,
    ) -> *mut pg_sys::List {
        let mut values = null_mut();
        for column in 1..=self.count() {
            let value = match self.var(column) {
                Some(own) => {
                    let own = var(own);
                    substitute(column, own).unwrap_or(own)
                }
                None => dropped(),
            };
            // SAFETY: S2.
            values = unsafe { pg_sys::lappend(values, value.raw().cast()) };
        }
        values
    }
}

/// What stands for a dropped column: core expects a NULL of any type.
fn dropped() -> Expr {
    // SAFETY: S2.
    unsafe { Expr::from_raw(pg_sys::makeNullConst(pg_sys::INT4OID, -1, Oid::INVALID).cast()) }
}

/// One table of one query level that is to be wrapped.
pub struct Wrap {
    level: Query,
    index: u32,
    columns: Columns,
    /// Target entries behind the table's own columns.
    extra: Vec<*mut pg_sys::TargetEntry>,
    /// The extra column that is the whole row, once it is needed.
    whole: Option<i16>,
    /// Extra columns for system columns: (system column, extra column).
    system: Vec<(i16, i16)>,
    /// Extra columns for clear values: (column, extra column).
    clear: Vec<(i16, i16)>,
}

impl Wrap {
    /// Of range-table entry `index` of `level`, which stands for `relation`.
    pub fn new(level: Query, index: u32, relation: Oid) -> Self {
        Self {
            level,
            index,
            columns: Columns::of(relation),
            extra: Vec::new(),
            whole: None,
            system: Vec::new(),
            clear: Vec::new(),
        }
    }

    /// Is it this entry of this level?
    pub fn is(&self, level: Query, index: u32) -> bool {
        self.level == level && self.index == index
    }

    /// The number under which the sub-select shows this column as it is.
    pub fn clear_column(&mut self, column: i16) -> Option<i16> {
        if let Some((_, known)) = self.clear.iter().find(|(of, _)| *of == column) {
            return Some(*known);
        }
        let value = self.columns.var(column)?;
        let number = self.add(value);
        self.clear.push((column, number));
        Some(number)
    }

    fn add(&mut self, value: Expr) -> i16 {
        let number = self.columns.count() + self.extra.len() as i16 + 1;
        let name = format!("ward_{number}");
        // SAFETY: S2; the entry belongs to the planning context.
        let entry = unsafe {
            let name = std::ffi::CString::new(name).unwrap_or_default();
            pg_sys::makeTargetEntry(
                value.raw().cast(),
                number,
                pg_sys::pstrdup(name.as_ptr()),
                false,
            )
        };
        self.extra.push(entry);
        number
    }

    /// Points references to system columns and to the whole row to columns of their own.
    ///
    /// The row conditions of the level must be detached: they stay with the table.
    pub fn redirect(&mut self) {
        let level = self.level;
        level.walk(false, &mut |node, depth| {
            if let Some(var) = node.as_variable()
                && var.level() == depth
                && var.index() == self.index
                && var.column() <= 0
            {
                let number = self.hidden_column(var.column(), node);
                var.point_to(number);
            }
            Walk::Into
        });
    }

    fn hidden_column(&mut self, column: i16, like: Expr) -> i16 {
        if column == 0 {
            if let Some(known) = self.whole {
                return known;
            }
            // Filled in by `finish`, when it is known what stands for each column.
            let number = self.add(like.copied());
            self.whole = Some(number);
            return number;
        }
        if let Some((_, known)) = self.system.iter().find(|(of, _)| *of == column) {
            return *known;
        }
        // SAFETY: S2; a Var, by the walk.
        let value = unsafe {
            let like = like.raw().cast::<pg_sys::Var>();
            let var = pg_sys::makeVar(
                1,
                column,
                (*like).vartype,
                (*like).vartypmod,
                (*like).varcollid,
                0,
            );
            Expr::from_raw(var.cast())
        };
        let number = self.add(value);
        self.system.push((column, number));
        number
    }

    /// Puts the sub-select in the table's place. `substitute` gets variables of the table inside.
    pub fn finish(self, rte: Rte, substitute: Substitute) {
        // SAFETY: S2; every node is new or the planner's own.
        unsafe {
            let outer = rte.raw();
            let inner =
                pg_sys::palloc(size_of::<pg_sys::RangeTblEntry>()).cast::<pg_sys::RangeTblEntry>();
            inner.copy_from_nonoverlapping(outer, 1);
            (*inner).eref = pg_sys::copyObjectImpl((*outer).eref.cast()).cast();
            self.move_sampling(outer, inner);
            pg_sys::ChangeVarNodes((*inner).securityQuals.cast(), self.index as i32, 1, 0);

            let sub = make_node::<pg_sys::Query>(NodeTag::T_Query);
            (*sub).commandType = pg_sys::CmdType::CMD_SELECT;
            (*sub).querySource = pg_sys::QuerySource::QSRC_ORIGINAL;
            (*sub).canSetTag = true;
            (*sub).rtable = pg_sys::lappend(null_mut(), inner.cast());
            let reference = make_node::<pg_sys::RangeTblRef>(NodeTag::T_RangeTblRef);
            (*reference).rtindex = 1;
            (*sub).jointree =
                pg_sys::makeFromExpr(pg_sys::lappend(null_mut(), reference.cast()), null_mut());
            (*sub).hasRowSecurity = (*self.level.raw()).hasRowSecurity;
            (*sub).hasSubLinks = pg_sys::checkExprHasSubLink((*inner).securityQuals.cast())
                || pg_sys::checkExprHasSubLink((*inner).tablesample.cast());
            self.fill_targets(sub, substitute);
            self.copy_lock(sub);
            self.turn_outer(outer, inner, sub);
        }
    }

    /// # Safety
    /// Both entries are live (S2).
    unsafe fn move_sampling(
        &self,
        outer: *mut pg_sys::RangeTblEntry,
        inner: *mut pg_sys::RangeTblEntry,
    ) {
        // SAFETY: by contract.
        unsafe {
            let sample = (*inner).tablesample.cast::<pg_sys::Node>();
            if !sample.is_null() {
                if pg_sys::contain_vars_of_level(sample, 0) {
                    (*outer).lateral = true;
                }
                pg_sys::IncrementVarSublevelsUp(sample, 1, 0);
            }
            (*inner).lateral = false;
        }
    }

    /// # Safety
    /// `sub` is the new query (S2).
    unsafe fn fill_targets(&self, sub: *mut pg_sys::Query, substitute: Substitute) {
        // SAFETY: by contract.
        unsafe {
            let values = self.columns.row(&|var| var, substitute);
            for (i, value) in list_items::<pg_sys::Node>(values).enumerate() {
                let name = match self.columns.0.get(i) {
                    Some(Some(attribute)) => pg_sys::pstrdup(attribute.name.as_ptr()),
                    _ => null_mut(),
                };
                let entry = pg_sys::makeTargetEntry(value.cast(), i as i16 + 1, name, false);
                (*sub).targetList = pg_sys::lappend((*sub).targetList, entry.cast());
            }
            for entry in &self.extra {
                if Some((**entry).resno) == self.whole {
                    let row_type = pg_sys::exprType((**entry).expr.cast());
                    let values = pg_sys::copyObjectImpl(values.cast()).cast();
                    (**entry).expr = expr::row(values, row_type).raw().cast();
                }
                (*sub).targetList = pg_sys::lappend((*sub).targetList, entry.cast());
            }
        }
    }

    /// FOR UPDATE goes on locking the table's rows. Marked as pushed down, so that it does not keep
    /// the sub-select from being pulled up.
    ///
    /// # Safety
    /// `sub` is the new query (S2).
    unsafe fn copy_lock(&self, sub: *mut pg_sys::Query) {
        // SAFETY: by contract.
        unsafe {
            let mark = pg_sys::get_parse_rowmark(self.level.raw(), self.index as _);
            if !mark.is_null() {
                pg_sys::applyLockingClause(sub, 1, (*mark).strength, (*mark).waitPolicy, true);
            }
        }
    }

    /// # Safety
    /// All three are live; `outer` is an entry of the level (S2).
    unsafe fn turn_outer(
        &self,
        outer: *mut pg_sys::RangeTblEntry,
        inner: *mut pg_sys::RangeTblEntry,
        sub: *mut pg_sys::Query,
    ) {
        // SAFETY: by contract.
        unsafe {
            (*outer).rtekind = pg_sys::RTEKind::RTE_SUBQUERY;
            (*outer).subquery = sub;
            (*outer).security_barrier = false;
            (*outer).relid = Oid::INVALID;
            (*outer).relkind = 0;
            (*outer).rellockmode = 0;
            (*outer).tablesample = null_mut();
            (*outer).inh = false;
            (*outer).securityQuals = null_mut();
            (*outer).ctename = null_mut();
            compat::move_permissions(self.level.raw(), outer, inner, sub);
            let alias = (*(*outer).eref).aliasname;
            (*outer).eref = pg_sys::makeAlias(alias, self.column_names((*(*outer).eref).colnames));
        }
    }

    /// The entry's names, padded: a stored view knows fewer after ADD COLUMN.
    ///
    /// # Safety
    /// `known` is the entry's list of names (S2).
    unsafe fn column_names(&self, known: *mut pg_sys::List) -> *mut pg_sys::List {
        // SAFETY: by contract.
        unsafe {
            let string = |name: &CStr| pg_sys::makeString(pg_sys::pstrdup(name.as_ptr()));
            let mut given = list_items::<pg_sys::Node>(known);
            let mut names = null_mut();
            for attribute in &self.columns.0 {
                let name = match (given.next(), attribute) {
                    (Some(name), _) => name.cast(),
                    (None, Some(attribute)) => string(&attribute.name),
                    (None, None) => string(c""),
                };
                names = pg_sys::lappend(names, name.cast());
            }
            for entry in &self.extra {
                names = pg_sys::lappend(names, string(CStr::from_ptr((**entry).resname)).cast());
            }
            names
        }
    }
}
