//! What a query level consists of: where its entries come from, what it puts out, and in which order.

use super::compat;
use super::node::{Expr, Query, Rte, list_items};
use super::operators;
use super::tree::{Variable, Walk};
use pgrx::pg_sys::{self, NodeTag, Oid};
use std::ffi::{CStr, CString, c_void};
use std::ptr::NonNull;

/// Where a range-table entry's columns come from.
pub enum Entry {
    Subquery(Query),
    /// A WITH query: its name, and how many levels up it is defined.
    With(String, u32),
    /// A join, or the groups of GROUP BY: what each column stands for (nothing, once it is dropped).
    Columns(Vec<Option<Expr>>),
    Other,
}

/// A column that a query level puts out (a target entry).
#[derive(Clone, Copy)]
pub struct Output {
    pub expr: Expr,
    /// Is the level sorted, grouped or made distinct by it?
    pub is_sorted_by: bool,
}

/// An output column in place, or one that only serves to sort by.
#[derive(Clone, Copy)]
pub struct SortTarget {
    query: Query,
    entry: NonNull<pg_sys::TargetEntry>,
}

impl Query {
    /// Range-table entry `index`, from 1.
    pub fn rte(self, index: u32) -> Option<Rte> {
        self.rtes().find(|(i, _)| *i == index).map(|(_, rte)| rte)
    }

    /// Where the columns of range-table entry `index` come from.
    pub fn entry(self, index: u32) -> Entry {
        let Some(rte) = self.rte(index).map(Rte::raw) else {
            return Entry::Other;
        };
        // SAFETY: S2; each field belongs to its kind.
        unsafe {
            match (*rte).rtekind {
                pg_sys::RTEKind::RTE_SUBQUERY => {
                    Query::new((*rte).subquery).map_or(Entry::Other, Entry::Subquery)
                }
                pg_sys::RTEKind::RTE_CTE if !(*rte).ctename.is_null() => Entry::With(
                    CStr::from_ptr((*rte).ctename)
                        .to_string_lossy()
                        .into_owned(),
                    (*rte).ctelevelsup,
                ),
                pg_sys::RTEKind::RTE_JOIN => Entry::Columns(columns((*rte).joinaliasvars)),
                _ => compat::group_expressions(rte)
                    .map_or(Entry::Other, |groups| Entry::Columns(columns(groups))),
            }
        }
    }

    /// The WITH query of this name.
    pub fn with(self, name: &str) -> Option<Query> {
        // SAFETY: S2; after analysis ctequery is a Query.
        unsafe {
            list_items::<pg_sys::CommonTableExpr>((*self.raw()).cteList)
                .find(|cte| CStr::from_ptr((**cte).ctename).to_bytes() == name.as_bytes())
                .and_then(|cte| Query::new((*cte).ctequery.cast()))
        }
    }

    /// Is it a UNION, INTERSECT or EXCEPT?
    pub fn is_set_operation(self) -> bool {
        // SAFETY: S2.
        unsafe { !(*self.raw()).setOperations.is_null() }
    }

    /// The sub-selects in FROM; the branches, for a set operation.
    pub fn nested_entries(self) -> Vec<Query> {
        self.rtes().filter_map(|(_, rte)| rte.subquery()).collect()
    }

    /// Is range-table entry `index` really read (and not left over from a view or a rule)?
    pub fn joins(self, index: u32) -> bool {
        // SAFETY: S2.
        unsafe { joins((*self.raw()).jointree.cast(), index as i32) }
    }

    /// What output column `column` (from 1) is.
    pub fn output(self, column: i16) -> Option<Expr> {
        self.target(column)
            // SAFETY: S2.
            .map(|entry| unsafe { Expr::from_raw((*entry).expr.cast()) })
    }

    fn target(self, column: i16) -> Option<*mut pg_sys::TargetEntry> {
        // SAFETY: S2.
        unsafe {
            list_items::<pg_sys::TargetEntry>((*self.raw()).targetList)
                .find(|entry| (**entry).resno == column && !(**entry).resjunk)
        }
    }

    /// Would another output column change nothing of what it puts out now?
    pub fn can_show_more(self) -> bool {
        // SAFETY: S2.
        let query = unsafe { &*self.raw() };
        query.commandType == pg_sys::CmdType::CMD_SELECT
            && !self.is_set_operation()
            && self.sorts_plainly()
    }

    /// Are its rows those of its FROM, neither grouped nor made distinct?
    pub fn sorts_plainly(self) -> bool {
        // SAFETY: S2.
        let query = unsafe { &*self.raw() };
        query.groupClause.is_null()
            && query.groupingSets.is_null()
            && query.distinctClause.is_null()
            && query.windowClause.is_null()
            && query.havingQual.is_null()
            && query.setOperations.is_null()
            && !query.hasAggs
            && !query.hasWindowFuncs
            && !query.hasTargetSRFs
    }

    /// The variables that stand for the value of a group: in the output and in HAVING, outside of
    /// aggregates, those of columns that the level is grouped by. Newer releases have
    /// [entries](Entry::Columns) for groups instead.
    pub fn group_variables(self) -> Vec<Variable> {
        let mut found = Vec::new();
        // SAFETY: S2.
        unsafe {
            let query = self.raw();
            let groups: Vec<Variable> = list_items::<pg_sys::SortGroupClause>((*query).groupClause)
                .filter_map(|clause| {
                    let entry = pg_sys::get_sortgroupclause_tle(clause, (*query).targetList);
                    Expr::from_raw((*entry).expr.cast())
                        .stripped()
                        .as_variable()
                })
                .collect();
            if groups.is_empty() {
                return found;
            }
            let outputs = list_items::<pg_sys::TargetEntry>((*query).targetList)
                .map(|entry| (*entry).expr.cast::<pg_sys::Node>());
            for place in outputs.chain([(*query).havingQual]) {
                if place.is_null() {
                    continue;
                }
                Expr::from_raw(place).walk(&mut |node, depth| {
                    if (*node.raw()).type_ == NodeTag::T_Aggref {
                        return Walk::Past;
                    }
                    found.extend(node.as_variable().filter(|var| {
                        var.level() == depth
                            && groups.iter().any(|group| {
                                (group.index(), group.column()) == (var.index(), var.column())
                            })
                    }));
                    Walk::Into
                });
            }
        }
        found
    }

    /// Does this level, or one nested in it, use entry `index` as a whole row?
    pub fn refers_to_whole_row(self, index: u32) -> bool {
        let mut found = false;
        self.walk(false, &mut |node, depth| {
            found = found
                || node.as_variable().is_some_and(|var: Variable| {
                    var.level() == depth && var.index() == index && var.column() == 0
                });
            Walk::Into
        });
        found
    }

    /// Adds an output column: that of `like`, pointed to column `inner` of the same entry.
    pub fn add_output(self, like: i16, inner: i16) -> Option<i16> {
        let expr = self.output(like)?.copied();
        expr.as_variable()?.point_to(inner);
        // SAFETY: S2; the new entry stands last, so its number is its place.
        unsafe {
            let query = self.raw();
            let number = list_items::<pg_sys::TargetEntry>((*query).targetList).count() as i16 + 1;
            let name = CString::new(format!("ward_{number}")).unwrap_or_default();
            let entry = pg_sys::makeTargetEntry(
                expr.raw().cast(),
                number,
                pg_sys::pstrdup(name.as_ptr()),
                false,
            );
            (*query).targetList = pg_sys::lappend((*query).targetList, entry.cast());
            Some(number)
        }
    }

    /// Gives entry `index` names for its columns up to `count`.
    pub fn name_columns(self, index: u32, count: i16) {
        let Some(rte) = self.rte(index).map(Rte::raw) else {
            return;
        };
        // SAFETY: S2; a copy of the list is extended.
        unsafe {
            let alias = (*rte).eref;
            let mut names = pg_sys::list_copy((*alias).colnames);
            while list_items::<pg_sys::Node>(names).count() < count as usize {
                let name = pg_sys::makeString(pg_sys::pstrdup(c"ward".as_ptr()));
                names = pg_sys::lappend(names, name.cast());
            }
            (*rte).eref = pg_sys::makeAlias((*alias).aliasname, names);
        }
    }

    /// What it is ordered by.
    pub fn sort_targets(self) -> Vec<SortTarget> {
        // SAFETY: S2.
        unsafe {
            let query = self.raw();
            list_items::<pg_sys::SortGroupClause>((*query).sortClause)
                .filter_map(|clause| {
                    let entry = pg_sys::get_sortgroupclause_tle(clause, (*query).targetList);
                    NonNull::new(entry).map(|entry| SortTarget { query: self, entry })
                })
                .collect()
        }
    }

    /// `node`, if it is an output column of this very level (aggregates have entries of their own).
    pub fn as_output(self, node: Expr) -> Option<Output> {
        let raw = node.raw().cast::<pg_sys::TargetEntry>();
        // SAFETY: S2; a node found in one of the lists is an entry of them.
        unsafe {
            let lists = [(*self.raw()).targetList, (*self.raw()).returningList];
            let is_output = lists
                .into_iter()
                .any(|list| list_items::<pg_sys::TargetEntry>(list).any(|entry| entry == raw));
            is_output.then(|| Output {
                expr: Expr::from_raw((*raw).expr.cast()),
                is_sorted_by: (*raw).ressortgroupref != 0,
            })
        }
    }

    /// What it puts out.
    pub fn visible_targets(self) -> Vec<SortTarget> {
        // SAFETY: S2.
        unsafe {
            list_items::<pg_sys::TargetEntry>((*self.raw()).targetList)
                .filter(|entry| !(**entry).resjunk)
                .filter_map(NonNull::new)
                .map(|entry| SortTarget { query: self, entry })
                .collect()
        }
    }
}

/// # Safety
/// `list` is a list of expressions, null for dropped columns (S2).
unsafe fn columns(list: *mut pg_sys::List) -> Vec<Option<Expr>> {
    list_items::<pg_sys::Node>(list)
        // SAFETY: by contract.
        .map(|column| (!column.is_null()).then(|| unsafe { Expr::from_raw(column) }))
        .collect()
}

/// # Safety
/// `node` is null or part of a join tree (S2).
unsafe fn joins(node: *mut pg_sys::Node, index: i32) -> bool {
    if node.is_null() {
        return false;
    }
    // SAFETY: by contract; each cast follows its tag.
    unsafe {
        match (*node).type_ {
            NodeTag::T_RangeTblRef => (*node.cast::<pg_sys::RangeTblRef>()).rtindex == index,
            NodeTag::T_FromExpr => {
                list_items::<pg_sys::Node>((*node.cast::<pg_sys::FromExpr>()).fromlist)
                    .any(|item| joins(item, index))
            }
            NodeTag::T_JoinExpr => {
                let join = node.cast::<pg_sys::JoinExpr>();
                joins((*join).larg, index) || joins((*join).rarg, index)
            }
            _ => false,
        }
    }
}

impl SortTarget {
    /// Its expression.
    pub fn expr(self) -> Expr {
        // SAFETY: S2.
        unsafe { Expr::from_raw((*self.entry.as_ptr()).expr.cast()) }
    }

    /// Gives the output column another name.
    pub fn rename(self, name: &str) {
        let name = CString::new(name).unwrap_or_default();
        // SAFETY: S2.
        unsafe { (*self.entry.as_ptr()).resname = pg_sys::pstrdup(name.as_ptr()) };
    }

    /// Is it put out, too?
    pub fn is_visible(self) -> bool {
        // SAFETY: S2.
        unsafe { !(*self.entry.as_ptr()).resjunk }
    }

    /// Sorts by what it is now, and puts out `shown` in its place.
    pub fn split(self, shown: Expr) {
        // SAFETY: S2; the copy stands last, so its number is its place.
        unsafe {
            let entry = self.entry.as_ptr();
            let query = self.query.raw();
            let sorted = pg_sys::copyObjectImpl(entry.cast()).cast::<pg_sys::TargetEntry>();
            (*sorted).resjunk = true;
            (*sorted).resno =
                list_items::<pg_sys::TargetEntry>((*query).targetList).count() as i16 + 1;
            (*entry).ressortgroupref = 0;
            (*entry).expr = shown.raw().cast();
            (*query).targetList = pg_sys::lappend((*query).targetList, sorted.cast());
        }
    }

    /// Replaces nodes of its expression, unless the level is sorted by it.
    pub fn replace(self, f: &mut dyn FnMut(Expr, u32) -> Option<Expr>) {
        // SAFETY: S2.
        unsafe {
            let entry = self.entry.as_ptr();
            if (*entry).ressortgroupref == 0 {
                (*entry).expr = self.expr().replaced(f).raw().cast();
            }
        }
    }
}

impl Expr {
    /// Does it read no column of the level it stands in? (Those of outer levels are constant here.)
    pub fn is_free_of_level(self) -> bool {
        // SAFETY: S2; the walker only reads.
        unsafe { !pg_sys::contain_vars_of_level(self.raw(), 0) }
    }

    /// Is it a sub-select?
    pub fn is_sublink(self) -> bool {
        // SAFETY: S2.
        unsafe { (*self.raw()).type_ == NodeTag::T_SubLink }
    }

    /// Is there a sub-select in it?
    pub fn has_sublink(self) -> bool {
        // SAFETY: S2; the walker only reads.
        unsafe { pg_sys::checkExprHasSubLink(self.raw()) }
    }

    /// Does it have one value wherever it is computed for a row: nothing volatile, and no function
    /// that a user defined and may have declared as he liked?
    pub fn is_steady(self) -> bool {
        unsafe extern "C-unwind" fn is_users(function: Oid, _cx: *mut c_void) -> bool {
            !operators::is_of_core_or_vector(function)
        }
        #[pgrx::pg_guard]
        unsafe extern "C-unwind" fn calls_users(node: *mut pg_sys::Node, cx: *mut c_void) -> bool {
            // SAFETY: S2; the walker only reads.
            unsafe {
                !node.is_null()
                    && (pg_sys::check_functions_in_node(node, Some(is_users), cx)
                        || compat::walk_expression(node, calls_users, cx))
            }
        }
        // SAFETY: S2.
        unsafe {
            !pg_sys::contain_volatile_functions(self.raw())
                && !calls_users(self.raw(), std::ptr::null_mut())
        }
    }
}

/// The generated columns of a relation: number, and the numbers of the columns each is made of.
pub fn generated_columns(relation: pg_sys::Oid) -> Vec<(i16, Vec<i16>)> {
    let mut generated = Vec::new();
    // SAFETY: S4; the descriptor is read while the relation is open.
    unsafe {
        let open = pg_sys::relation_open(relation, pg_sys::AccessShareLock as i32);
        let descriptor = (*open).rd_att;
        let constraints = (*descriptor).constr;
        if !constraints.is_null() {
            for i in 0..usize::from((*constraints).num_defval) {
                let default = (*constraints).defval.add(i);
                let column = (*default).adnum;
                let is_generated =
                    compat::attribute(descriptor, i32::from(column) - 1).attgenerated != 0;
                if is_generated && !(*default).adbin.is_null() {
                    let node = pg_sys::stringToNode((*default).adbin);
                    generated.push((column, columns_in(Expr::from_raw(node.cast()))));
                }
            }
        }
        pg_sys::relation_close(open, pg_sys::AccessShareLock as i32);
    }
    generated
}

fn columns_in(expr: Expr) -> Vec<i16> {
    let mut columns = Vec::new();
    expr.walk(&mut |node, _| {
        columns.extend(node.as_variable().map(Variable::column));
        Walk::Into
    });
    columns
}
