//! What carrying labels through a query needs of its tree: which entries its rows come from, one more
//! output column, aggregates over groups, and bounds of what sub-selects in expressions read.
//!
//! A column that is added stands behind the visible ones and before those that only serve to sort, so
//! that nobody who counts columns sees another than before.

use super::node::{Command, Expr, Query, Rte, TargetList, list_items, make_node};
use super::steady;
use super::tree::{Variable, Walk};
use super::{compat, expr};
use pgrx::pg_sys::{self, NodeTag, Oid};
use std::ffi::{CStr, CString, c_int, c_void};
use std::ptr::{NonNull, null_mut};

/// The name of an added column; only EXPLAIN and new tables show it.
const NAME: &CStr = c"ward_carried";

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

/// A WITH query in the list of its level.
#[derive(Clone, Copy)]
pub struct With(NonNull<pg_sys::CommonTableExpr>);

/// A sub-select in an expression.
#[derive(Clone, Copy)]
pub struct Sublink {
    node: NonNull<pg_sys::SubLink>,
    /// Does it stand where variables of the level mean what they mean in its target list?
    pub is_beside_targets: bool,
}

/// A branch of a set operation: its place among the level's entries, and its query.
pub type Branch = (u32, Query);

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

impl Rte {
    /// The relation that it names: a table, or a view of either kind.
    pub fn relation(self) -> Option<Oid> {
        // SAFETY: S2.
        let rte = unsafe { &*self.raw() };
        (rte.rtekind == pg_sys::RTEKind::RTE_RELATION).then_some(rte.relid)
    }
}

/// A copy of the query behind a view or a materialised view.
pub fn definition(view: Oid) -> Option<Query> {
    // SAFETY: S2, S4; the rule is copied before the relation is closed.
    unsafe {
        let relation = pg_sys::relation_open(view, pg_sys::AccessShareLock as c_int);
        let rules = (*relation).rd_rules;
        let mut found = None;
        if !rules.is_null() {
            for i in 0..(*rules).numLocks as usize {
                let rule = *(*rules).rules.add(i);
                if (*rule).event == pg_sys::CmdType::CMD_SELECT {
                    let action = list_items::<pg_sys::Query>((*rule).actions).next();
                    let copied = action.map(|query| pg_sys::copyObjectImpl(query.cast()).cast());
                    found = copied.and_then(|query| Query::new(query));
                }
            }
        }
        pg_sys::relation_close(relation, pg_sys::AccessShareLock as c_int);
        found
    }
}

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
    fn is_read_once_more(self) {
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

    /// Puts out `value` as well (in RETURNING, if it writes): the number of the column.
    pub fn append_output(self, value: Expr) -> i16 {
        // SAFETY: S2; builds a new list of the same entries plus one.
        unsafe {
            let query = self.raw();
            let outputs = if self.command() == Command::Select {
                &raw mut (*query).targetList
            } else {
                &raw mut (*query).returningList
            };
            let entries: Vec<_> = list_items::<pg_sys::TargetEntry>(*outputs).collect();
            let number = entries.iter().filter(|e| !(***e).resjunk).count() as i16 + 1;
            let name = pg_sys::pstrdup(NAME.as_ptr());
            let new = pg_sys::makeTargetEntry(value.raw().cast(), number, name, false);
            let mut list = null_mut();
            for entry in entries.iter().filter(|e| !(***e).resjunk) {
                list = pg_sys::lappend(list, entry.cast());
            }
            list = pg_sys::lappend(list, new.cast());
            for entry in entries.iter().filter(|e| (***e).resjunk) {
                (**entry).resno += 1;
                list = pg_sys::lappend(list, entry.cast());
            }
            *outputs = list;
            number
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

    /// The branches of a level that is nothing but UNION ALL; `None` for other set operations.
    pub fn union_all_branches(self) -> Option<Vec<Branch>> {
        let mut found = Vec::new();
        // SAFETY: S2.
        let plain = unsafe { branches((*self.raw()).setOperations, &mut found) };
        let query = |index: &u32| Some((*index, self.rte(*index)?.subquery()?));
        plain.then(|| found.iter().filter_map(query).collect())
    }

    /// Notes that all branches of this UNION ALL put out one more column: a variable of it.
    pub fn add_union_column(self, kind: Kind, first: Branch, number: i16) -> Expr {
        // SAFETY: S2.
        unsafe {
            widen_union((*self.raw()).setOperations, kind);
            let (index, _) = first;
            let var = pg_sys::makeVar(index as _, number, kind.type_oid, -1, kind.collation, 0);
            Expr::from_raw(var.cast())
        }
    }

    /// The sub-selects whose rows become part of this level's rows: those of the target list, of what
    /// FROM computes and, but for EXISTS, those of the conditions.
    pub fn data_sublinks(self) -> Vec<Sublink> {
        // SAFETY: S2.
        unsafe {
            let query = self.raw();
            if !(*query).hasSubLinks {
                return Vec::new();
            }
            let grouped = self.is_grouped();
            let mut found = sublinks((*query).targetList.cast(), !grouped, true);
            let from = (*query).jointree;
            if !from.is_null() {
                found.extend(sublinks((*from).quals, !grouped, false));
                found.extend(sublinks((*from).fromlist.cast(), false, false));
            }
            found.extend(sublinks((*query).havingQual, false, false));
            for (_, rte) in self.rtes() {
                found.extend(entry_sublinks(rte));
            }
            found
        }
    }

    /// The sub-selects in what these entries of FROM compute.
    pub fn entry_sublinks(self, entries: &[u32]) -> Vec<Sublink> {
        let entries = entries.iter().filter_map(|index| self.rte(*index));
        // SAFETY: S2.
        entries
            .flat_map(|rte| unsafe { entry_sublinks(rte) })
            .collect()
    }

    /// The sub-selects in RETURNING.
    pub fn returning_sublinks(self) -> Vec<Sublink> {
        // SAFETY: S2.
        unsafe { sublinks((*self.raw()).returningList.cast(), true, true) }
    }

    /// `(SELECT aggregate(column) FROM (this) s)`: this query, nested in a level, becomes a value of it.
    pub fn into_bound(self, column: i16, aggregate: Oid, kind: Kind) -> Expr {
        // SAFETY: S2; every node is new, and what refers to outer levels goes one up.
        unsafe {
            pg_sys::IncrementVarSublevelsUp(self.raw().cast(), 1, 1);
            let outer = make_node::<pg_sys::Query>(NodeTag::T_Query);
            (*outer).commandType = pg_sys::CmdType::CMD_SELECT;
            (*outer).querySource = pg_sys::QuerySource::QSRC_ORIGINAL;
            (*outer).canSetTag = true;
            read_from(outer, self.raw());
            let wrapper = Query::new(outer);
            if let Some(wrapper) = wrapper {
                wrapper.name_columns(1, column);
                let value = wrapper.aggregate(aggregate, wrapper.column(1, column, kind), kind);
                wrapper.append_output(value);
            }
            let sublink = make_node::<pg_sys::SubLink>(NodeTag::T_SubLink);
            (*sublink).subLinkType = pg_sys::SubLinkType::EXPR_SUBLINK;
            (*sublink).subselect = outer.cast();
            (*sublink).location = -1;
            Expr::from_raw(sublink.cast())
        }
    }

    /// Makes it `SELECT its first columns FROM (it)`, in place. The columns keep names and numbers.
    pub fn wrap(self, columns: usize) {
        // SAFETY: S2; the query moves into a node of its own, and every other node is new.
        unsafe {
            let outer = self.raw();
            let inner = pg_sys::palloc(size_of::<pg_sys::Query>()).cast::<pg_sys::Query>();
            inner.copy_from_nonoverlapping(outer, 1);
            outer.write_bytes(0, 1);
            (*outer).type_ = NodeTag::T_Query;
            (*outer).commandType = (*inner).commandType;
            (*outer).querySource = (*inner).querySource;
            (*outer).queryId = (*inner).queryId;
            (*outer).canSetTag = (*inner).canSetTag;
            (*outer).hasRowSecurity = (*inner).hasRowSecurity;
            (*outer).stmt_location = (*inner).stmt_location;
            (*outer).stmt_len = (*inner).stmt_len;
            read_from(outer, inner);
            let visible = list_items::<pg_sys::TargetEntry>((*inner).targetList);
            let mut names = null_mut();
            for entry in visible.filter(|entry| !(**entry).resjunk) {
                names = pg_sys::lappend(names, pg_sys::makeString((*entry).resname).cast());
                if (*entry).resno as usize <= columns {
                    let var = pg_sys::makeVarFromTargetEntry(1, entry);
                    let name = pg_sys::pstrdup((*entry).resname);
                    let new = pg_sys::makeTargetEntry(var.cast(), (*entry).resno, name, false);
                    (*outer).targetList = pg_sys::lappend((*outer).targetList, new.cast());
                }
            }
            if let Some(rte) = self.rte(1) {
                (*rte.raw()).eref = pg_sys::makeAlias(c"ward".as_ptr(), names);
            }
        }
    }

    /// Do its expressions contain sub-selects?
    pub fn has_sublinks(self) -> bool {
        // SAFETY: S2.
        unsafe { (*self.raw()).hasSubLinks }
    }

    /// Notes that its expressions contain sub-selects.
    pub fn has_gained_sublinks(self) {
        // SAFETY: S2.
        unsafe { (*self.raw()).hasSubLinks = true };
    }
}

impl TargetList {
    /// The values, those that are only computed included.
    pub fn values(self) -> Vec<Expr> {
        self.entries()
            // SAFETY: S2.
            .map(|entry| unsafe { Expr::from_raw((*entry).expr.cast()) })
            .collect()
    }

    /// Computes the first value only where `condition` holds.
    pub fn guard(self, condition: Expr) {
        let first = self.entries().find(|entry| {
            // SAFETY: S2.
            unsafe { !(**entry).resjunk }
        });
        if let Some(entry) = first {
            // SAFETY: S2.
            unsafe {
                let value = Expr::from_raw((*entry).expr.cast());
                (*entry).expr = expr::when(condition, value).raw().cast();
            }
        }
    }

    /// The sub-selects in the values.
    pub fn sublinks(self) -> Vec<Sublink> {
        // SAFETY: S2; a List is a node.
        unsafe { sublinks(self.raw().cast(), true, true) }
    }
}

/// One value of a target list, in place.
#[derive(Clone, Copy)]
pub struct Target(NonNull<pg_sys::TargetEntry>);

impl Target {
    pub fn value(self) -> Expr {
        // SAFETY: S2.
        unsafe { Expr::from_raw((*self.0.as_ptr()).expr.cast()) }
    }

    pub fn replace(self, f: impl FnOnce(Expr) -> Expr) {
        let value = f(self.value());
        // SAFETY: S2.
        unsafe { (*self.0.as_ptr()).expr = value.raw().cast() };
    }
}

impl TargetList {
    /// The output column of this name; the first of several.
    pub fn named(self, name: &str) -> Option<Target> {
        self.entries()
            .find(|entry| {
                // SAFETY: S2.
                let given = unsafe { (**entry).resname };
                // SAFETY: S2; not null.
                !given.is_null() && unsafe { CStr::from_ptr(given) }.to_bytes() == name.as_bytes()
            })
            .and_then(NonNull::new)
            .map(Target)
    }

    /// Adds an output column behind all others.
    pub fn append(self, name: &str, value: Expr) {
        let number = self.entries().count() as i16 + 1;
        let name = CString::new(name).unwrap_or_default();
        self.insert(number, &name, value);
    }
}

impl Sublink {
    /// Its query.
    pub fn query(self) -> Option<Query> {
        // SAFETY: S2.
        unsafe { Query::new((*self.node.as_ptr()).subselect.cast()) }
    }

    /// Does it read columns of the level that it stands in?
    pub fn is_correlated(self) -> bool {
        // SAFETY: S2; the walkers only read.
        unsafe {
            let query = (*self.node.as_ptr()).subselect;
            pg_sys::contain_vars_of_level(query, 1) || pg_sys::contain_aggs_of_level(query, 1)
        }
    }

    /// A copy of its query that finds every row that it could find, LIMIT put aside. `None` if a
    /// second reading could find others. `outer` are the levels around it, whose WITH queries it may
    /// read once more.
    pub fn copied(self, outer: &[Query]) -> Option<Query> {
        let query = self.query().filter(|query| steady::is_repeatable(*query))?;
        // SAFETY: S2; a copy with nodes of its own.
        let copy = unsafe {
            let copy = pg_sys::copyObjectImpl(query.raw().cast()).cast::<pg_sys::Query>();
            (*copy).limitCount = null_mut();
            (*copy).limitOffset = null_mut();
            (*copy).limitOption = pg_sys::LimitOption::LIMIT_OPTION_COUNT;
            if (*copy).hasDistinctOn {
                (*copy).hasDistinctOn = false;
                (*copy).distinctClause = null_mut();
            }
            Query::new(copy)?
        };
        let count = &mut |level: Query| {
            let names = level.rtes().filter_map(|(_, rte)| rte.with_name());
            for (name, _) in names {
                for with in outer.iter().filter_map(|level| level.with_entry(&name)) {
                    with.is_read_once_more();
                }
            }
            Ok::<(), ()>(())
        };
        copy.visit(count).ok()?;
        Some(copy)
    }
}

/// Gives `outer`, a query without FROM, the rows of `inner`.
///
/// # Safety
/// Both are live (S2).
unsafe fn read_from(outer: *mut pg_sys::Query, inner: *mut pg_sys::Query) {
    // SAFETY: by contract; every node is new.
    unsafe {
        let rte = make_node::<pg_sys::RangeTblEntry>(NodeTag::T_RangeTblEntry);
        (*rte).rtekind = pg_sys::RTEKind::RTE_SUBQUERY;
        (*rte).subquery = inner;
        (*rte).eref = pg_sys::makeAlias(c"ward".as_ptr(), null_mut());
        (*rte).inFromCl = true;
        let reference = make_node::<pg_sys::RangeTblRef>(NodeTag::T_RangeTblRef);
        (*reference).rtindex = 1;
        (*outer).rtable = pg_sys::lappend(null_mut(), rte.cast());
        (*outer).jointree =
            pg_sys::makeFromExpr(pg_sys::lappend(null_mut(), reference.cast()), null_mut());
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
unsafe fn add_type(
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

/// Collects the branches; false if something else than UNION ALL joins them.
///
/// # Safety
/// `node` is null or part of a tree of set operations (S2).
unsafe fn branches(node: *mut pg_sys::Node, found: &mut Vec<u32>) -> bool {
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
                (*operation).all
                    && (*operation).op == pg_sys::SetOperation::SETOP_UNION
                    && branches((*operation).larg, found)
                    && branches((*operation).rarg, found)
            }
            _ => false,
        }
    }
}

/// # Safety
/// As [`branches`].
unsafe fn widen_union(node: *mut pg_sys::Node, kind: Kind) {
    // SAFETY: by contract; each cast follows its tag.
    unsafe {
        if node.is_null() || (*node).type_ != NodeTag::T_SetOperationStmt {
            return;
        }
        let operation = node.cast::<pg_sys::SetOperationStmt>();
        add_type(
            kind,
            &mut (*operation).colTypes,
            &mut (*operation).colTypmods,
            &mut (*operation).colCollations,
        );
        widen_union((*operation).larg, kind);
        widen_union((*operation).rarg, kind);
    }
}

/// # Safety
/// The entry is live (S2).
unsafe fn entry_sublinks(rte: Rte) -> Vec<Sublink> {
    // SAFETY: by contract; each field belongs to its kind.
    unsafe {
        let rte = rte.raw();
        let place: *mut pg_sys::Node = match (*rte).rtekind {
            pg_sys::RTEKind::RTE_FUNCTION => (*rte).functions.cast(),
            pg_sys::RTEKind::RTE_TABLEFUNC => (*rte).tablefunc.cast(),
            pg_sys::RTEKind::RTE_VALUES => (*rte).values_lists.cast(),
            _ => null_mut(),
        };
        sublinks(place, false, true)
    }
}

/// The sub-selects in `node`, those nested in them left out; EXISTS counts only if `with_exists`.
///
/// # Safety
/// `node` is null or live (S2).
unsafe fn sublinks(
    node: *mut pg_sys::Node,
    is_beside_targets: bool,
    with_exists: bool,
) -> Vec<Sublink> {
    struct Found {
        all: Vec<NonNull<pg_sys::SubLink>>,
        with_exists: bool,
    }
    #[pgrx::pg_guard]
    unsafe extern "C-unwind" fn collect(node: *mut pg_sys::Node, cx: *mut c_void) -> bool {
        if node.is_null() {
            return false;
        }
        // SAFETY: S2; `cx` is borrowed for the walk.
        unsafe {
            if (*node).type_ == NodeTag::T_SubLink {
                let sublink = node.cast::<pg_sys::SubLink>();
                let is_exists = (*sublink).subLinkType == pg_sys::SubLinkType::EXISTS_SUBLINK;
                let found = &mut *cx.cast::<Found>();
                if !is_exists || found.with_exists {
                    found.all.extend(NonNull::new(sublink));
                }
                return collect((*sublink).testexpr, cx);
            }
            compat::walk_expression(node, collect, cx)
        }
    }
    let mut found = Found {
        all: Vec::new(),
        with_exists,
    };
    // SAFETY: by contract; the walker only reads, and does not go into queries.
    unsafe { collect(node, (&raw mut found).cast()) };
    let sublink = |node| Sublink {
        node,
        is_beside_targets,
    };
    found.all.into_iter().map(sublink).collect()
}
