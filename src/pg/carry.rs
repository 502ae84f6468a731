//! What carrying labels through a query needs of its tree: which entries its rows come from, columns of
//! WITH queries and of UNION, and aggregates over groups.

use super::node::{Command, Expr, Query, Rte, TargetList, list_items, make_node};
use super::output::NAME;
use super::tree::{Variable, Walk};
use super::{compat, expr};
use pgrx::pg_sys::{self, NodeTag, Oid};
use std::ffi::{CStr, c_int, c_void};
use std::ptr::{NonNull, null_mut};

/// A type as columns have it.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    pub type_oid: Oid,
    pub collation: Oid,
}

impl Kind {
    /// Of this type, under the type's own collation.
    pub fn of(type_oid: Oid) -> Self {
        // SAFETY: S3.
        let collation = unsafe { pg_sys::get_typcollation(type_oid) };
        Self {
            type_oid,
            collation,
        }
    }

    /// NULL of this type.
    pub fn null(self) -> Expr {
        // SAFETY: S2.
        unsafe { Expr::from_raw(pg_sys::makeNullConst(self.type_oid, -1, self.collation).cast()) }
    }
}

/// Where the rows of an entry in FROM come from.
pub enum Source {
    /// A stored relation, or the rows that a statement trigger is given of one.
    Table(Oid),
    Subquery(Query),
    /// A WITH query: its name, and how many levels up it is defined.
    With(String, u32),
    Other,
}

impl Rte {
    /// Is it the relation of rows that a statement trigger is given, or a stored one?
    pub fn rows_of(self) -> Option<Oid> {
        // SAFETY: S2.
        let rte = unsafe { &*self.raw() };
        let is_transition = rte.rtekind == pg_sys::RTEKind::RTE_NAMEDTUPLESTORE;
        let given = is_transition.then_some(rte.relid);
        self.table().or(given.filter(|oid| *oid != Oid::INVALID))
    }

    /// The WITH query that it names, by name and number of levels up.
    pub fn with_name(self) -> Option<(String, u32)> {
        // SAFETY: S2.
        unsafe {
            let rte = self.raw();
            let is_with = (*rte).rtekind == pg_sys::RTEKind::RTE_CTE && !(*rte).ctename.is_null();
            is_with.then(|| (owned((*rte).ctename), (*rte).ctelevelsup))
        }
    }
}

/// A WITH query in the list of its level.
#[derive(Clone, Copy)]
pub struct With(NonNull<pg_sys::CommonTableExpr>);

impl With {
    fn raw(self) -> *mut pg_sys::CommonTableExpr {
        self.0.as_ptr()
    }

    pub fn name(self) -> String {
        // SAFETY: S2.
        unsafe { owned((*self.raw()).ctename) }
    }

    /// Its query.
    pub fn query(self) -> Option<Query> {
        // SAFETY: S2; after analysis ctequery is a Query.
        unsafe { Query::new((*self.raw()).ctequery.cast()) }
    }

    pub fn is_recursive(self) -> bool {
        // SAFETY: S2.
        unsafe { (*self.raw()).cterecursive }
    }

    /// Notes that its query puts out one more column.
    pub fn add_column(self, kind: Kind) {
        // SAFETY: S2; copies of the lists are extended.
        unsafe {
            let cte = self.raw();
            let name = pg_sys::makeString(pg_sys::pstrdup(NAME.as_ptr()));
            (*cte).ctecolnames =
                pg_sys::lappend(pg_sys::list_copy((*cte).ctecolnames), name.cast());
            add_type(
                kind,
                &mut (*cte).ctecoltypes,
                &mut (*cte).ctecoltypmods,
                &mut (*cte).ctecolcollations,
            );
        }
    }

    /// Both readings must see one result: it is computed once, whatever the statement says.
    pub(super) fn is_read_once_more(self) {
        // SAFETY: S2.
        unsafe {
            let cte = self.raw();
            (*cte).cterefcount += 1;
            (*cte).ctematerialized = pg_sys::CTEMaterialize::CTEMaterializeAlways;
        }
    }
}

impl Query {
    /// The entries of FROM, in order: what its rows are made of.
    pub fn leaves(self) -> Vec<u32> {
        let mut found = Vec::new();
        // SAFETY: S2.
        unsafe { leaves((*self.raw()).jointree.cast(), &mut found) };
        found
    }

    /// Where the rows of entry `index` come from.
    pub fn source(self, index: u32) -> Source {
        let Some(rte) = self.rte(index) else {
            return Source::Other;
        };
        if let Some(table) = rte.rows_of() {
            return Source::Table(table);
        }
        if let Some(query) = rte.subquery() {
            return Source::Subquery(query);
        }
        match rte.with_name() {
            Some((name, levels)) => Source::With(name, levels),
            None => Source::Other,
        }
    }

    /// The WITH query of this name in this level's list.
    pub fn with_entry(self, name: &str) -> Option<With> {
        self.with_entries().find(|with| with.name() == name)
    }

    /// This level's WITH queries.
    pub fn with_entries(self) -> impl Iterator<Item = With> {
        // SAFETY: S2.
        let list = unsafe { (*self.raw()).cteList };
        list_items::<pg_sys::CommonTableExpr>(list).filter_map(|cte| NonNull::new(cte).map(With))
    }

    /// Column `column` of entry `index`, as the target list may use it.
    pub fn column(self, index: u32, column: i16, kind: Kind) -> Expr {
        // SAFETY: S2.
        unsafe {
            let var = pg_sys::makeVar(index as _, column, kind.type_oid, -1, kind.collation, 0);
            compat::mark_nulled(self.raw(), var);
            Expr::from_raw(var.cast())
        }
    }

    /// The value of a protected column of entry `index`, as the target list may use it.
    pub fn column_value(self, index: u32, column: &expr::Column) -> Expr {
        let value = column.var(index);
        value.walk(&mut |node, _| {
            if node.as_variable().is_some() {
                // SAFETY: S2; it is a Var.
                unsafe { compat::mark_nulled(self.raw(), node.raw().cast()) };
            }
            Walk::Into
        });
        value
    }

    /// Which entries' columns do these expressions use? A join that is used stands for all below it.
    pub fn entries_used_in(self, targets: TargetList) -> Vec<u32> {
        let mut used = Vec::new();
        for target in targets.values() {
            target.walk(&mut |node, depth| {
                let own = node.as_variable().filter(|var| var.level() == depth);
                used.extend(own.map(Variable::index));
                Walk::Into
            });
        }
        // SAFETY: S2.
        let is_join = |index: &u32| {
            self.rte(*index)
                // SAFETY: S2.
                .is_some_and(|rte| unsafe { (*rte.raw()).rtekind } == pg_sys::RTEKind::RTE_JOIN)
        };
        if used.iter().any(is_join) {
            return self.leaves();
        }
        used
    }

    /// The entry of FROM that shows the rows which this level changes, where it is not the target's
    /// own: a view with triggers is read under another number.
    pub fn shown_target(self) -> Option<u32> {
        let target = self.rte(self.result_index())?;
        let is_change = self.command() == Command::Update;
        (is_change && target.table().is_none())
            .then(|| self.leaves().first().copied())
            .flatten()
    }

    /// Number of the entry that stands for the row which ON CONFLICT DO UPDATE could not insert.
    pub fn excluded_index(self) -> u32 {
        // SAFETY: S2.
        unsafe {
            let conflict = (*self.raw()).onConflict;
            if conflict.is_null() {
                0
            } else {
                (*conflict).exclRelIndex as u32
            }
        }
    }

    /// Does it use window functions?
    pub fn has_windows(self) -> bool {
        // SAFETY: S2.
        let query = unsafe { &*self.raw() };
        query.hasWindowFuncs || !query.windowClause.is_null()
    }

    /// Does one of its rows stand for a group of rows of its FROM?
    pub fn is_grouped(self) -> bool {
        // SAFETY: S2.
        let query = unsafe { &*self.raw() };
        query.hasAggs
            || !query.groupClause.is_null()
            || !query.groupingSets.is_null()
            || !query.havingQual.is_null()
    }

    /// Is it SELECT DISTINCT (without ON, which shows one row of each group as it is)?
    pub fn is_distinct(self) -> bool {
        // SAFETY: S2.
        let query = unsafe { &*self.raw() };
        !query.distinctClause.is_null() && !query.hasDistinctOn
    }

    /// Can [`Query::group_instead`] be used?
    pub fn can_group_instead(self) -> bool {
        // SAFETY: S2.
        let query = unsafe { &*self.raw() };
        self.is_distinct()
            && !self.is_grouped()
            && !self.has_windows()
            && !query.hasTargetSRFs
            && query.rowMarks.is_null()
    }

    /// Makes SELECT DISTINCT a GROUP BY all of its columns, which gives the same rows.
    pub fn group_instead(self) {
        // SAFETY: S2.
        unsafe {
            let query = self.raw();
            (*query).groupClause = (*query).distinctClause;
            (*query).distinctClause = null_mut();
        }
    }

    /// `aggregate(value)` over the rows of a group of this level.
    pub fn aggregate(self, aggregate: Oid, value: Expr, kind: Kind) -> Expr {
        // SAFETY: S2; the planner fills in what depends on the transition type.
        unsafe {
            (*self.raw()).hasAggs = true;
            let node = make_node::<pg_sys::Aggref>(NodeTag::T_Aggref);
            (*node).aggfnoid = aggregate;
            (*node).aggtype = kind.type_oid;
            (*node).aggcollid = kind.collation;
            (*node).inputcollid = kind.collation;
            (*node).aggargtypes = pg_sys::lappend_oid(null_mut(), kind.type_oid);
            let argument = pg_sys::makeTargetEntry(value.raw().cast(), 1, null_mut(), false);
            (*node).args = pg_sys::lappend(null_mut(), argument.cast());
            (*node).aggkind = b'n' as _;
            (*node).aggno = -1;
            (*node).aggtransno = -1;
            (*node).location = -1;
            Expr::from_raw(node.cast())
        }
    }

    /// Notes in entry `index`, a WITH query's, that it has one more column, up to `count`.
    pub fn widen_with(self, index: u32, count: i16, kind: Kind) {
        self.name_columns(index, count);
        let Some(rte) = self.rte(index).map(Rte::raw) else {
            return;
        };
        // SAFETY: S2; copies of the lists are extended.
        unsafe {
            if list_items::<c_void>((*rte).coltypes).count() < count as usize {
                add_type(
                    kind,
                    &mut (*rte).coltypes,
                    &mut (*rte).coltypmods,
                    &mut (*rte).colcollations,
                );
            }
        }
    }
}

/// # Safety
/// `name` is a live C string.
unsafe fn owned(name: *const std::ffi::c_char) -> String {
    // SAFETY: by contract.
    unsafe { CStr::from_ptr(name).to_string_lossy().into_owned() }
}

/// # Safety
/// The lists are live (S2); copies of them are extended.
pub(super) unsafe fn add_type(
    kind: Kind,
    types: &mut *mut pg_sys::List,
    typmods: &mut *mut pg_sys::List,
    collations: &mut *mut pg_sys::List,
) {
    // SAFETY: by contract.
    unsafe {
        *types = pg_sys::lappend_oid(pg_sys::list_copy(*types), kind.type_oid);
        *typmods = pg_sys::lappend_int(pg_sys::list_copy(*typmods), -1 as c_int);
        *collations = pg_sys::lappend_oid(pg_sys::list_copy(*collations), kind.collation);
    }
}

/// # Safety
/// `node` is null or part of a join tree (S2).
unsafe fn leaves(node: *mut pg_sys::Node, found: &mut Vec<u32>) {
    if node.is_null() {
        return;
    }
    // SAFETY: by contract; each cast follows its tag.
    unsafe {
        match (*node).type_ {
            NodeTag::T_RangeTblRef => {
                found.push((*node.cast::<pg_sys::RangeTblRef>()).rtindex as u32);
            }
            NodeTag::T_FromExpr => {
                for item in list_items((*node.cast::<pg_sys::FromExpr>()).fromlist) {
                    leaves(item, found);
                }
            }
            NodeTag::T_JoinExpr => {
                let join = node.cast::<pg_sys::JoinExpr>();
                leaves((*join).larg, found);
                leaves((*join).rarg, found);
            }
            _ => {}
        }
    }
}
