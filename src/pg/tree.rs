//! Looking through the expressions of a query, across its levels, and changing them in place.
//!
//! Depth 0 is the query that a walk begins with. A variable belongs to it if its own level (how
//! many queries up its range table is) equals the depth at which it stands.

use super::check::{Stage, mark};
use super::compat;
use super::node::{Expr, Query, list_items, sublinks_in};
use crate::errors::Result;
use pgrx::pg_sys::{self, NodeTag, Oid};
use std::ffi::c_void;
use std::ptr::NonNull;

/// A reference to a column of a range-table entry.
#[derive(Clone, Copy)]
pub struct Variable(NonNull<pg_sys::Var>);

/// What a walk does after a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Walk {
    /// Goes on into the node.
    Into,
    /// Goes on behind the node.
    Past,
}

/// An expression by what ward cares about.
#[derive(Clone)]
pub enum Shape {
    /// `left operator right`.
    Operator(Oid, Expr, Expr),
    /// `left operator ANY (right)`.
    AnyOf(Oid, Expr, Expr),
    /// `function(…)`.
    Call(Oid, Vec<Expr>),
    /// `… IS [NOT] NULL`, of a single value.
    NullTest(Expr),
    Other,
}

impl Variable {
    fn get(&self) -> &pg_sys::Var {
        // SAFETY: S2.
        unsafe { self.0.as_ref() }
    }

    /// The range-table entry, from 1.
    pub fn index(self) -> u32 {
        self.get().varno as u32
    }

    /// The column, from 1; 0 for the whole row, below 0 for a system column.
    pub fn column(self) -> i16 {
        self.get().varattno
    }

    /// How many queries up its range table is.
    pub fn level(self) -> u32 {
        self.get().varlevelsup
    }

    /// The collation of the column; invalid for types without.
    pub fn collation(self) -> Oid {
        self.get().varcollid
    }

    /// Is it this very node?
    pub fn is(self, other: Variable) -> bool {
        self.0 == other.0
    }

    /// Makes it a reference to another column of the same type.
    pub fn point_to(self, column: i16) {
        // SAFETY: S2. The "syntactic" pair is what EXPLAIN prints; the named column has to exist.
        unsafe {
            let var = self.0.as_ptr();
            (*var).varattno = column;
            (*var).varattnosyn = column;
            (*var).varnosyn = (*var).varno as _;
        }
    }
}

impl Expr {
    /// This node, if it is a column reference.
    pub fn as_variable(self) -> Option<Variable> {
        // SAFETY: S2.
        unsafe {
            ((*self.raw()).type_ == NodeTag::T_Var)
                .then(|| Variable(NonNull::new_unchecked(self.raw().cast())))
        }
    }

    /// The node under casts that change nothing but the type's name.
    pub fn stripped(self) -> Expr {
        let mut node = self.raw();
        // SAFETY: S2.
        unsafe {
            while (*node).type_ == NodeTag::T_RelabelType {
                node = (*node.cast::<pg_sys::RelabelType>()).arg.cast();
            }
            Expr::from_raw(node)
        }
    }

    /// What kind of expression it is.
    pub fn shape(self) -> Shape {
        let node = self.raw();
        // SAFETY: S2; each cast follows its tag.
        unsafe {
            let args = |list| -> Vec<Expr> {
                list_items::<pg_sys::Node>(list)
                    .map(|arg| Expr::from_raw(arg))
                    .collect()
            };
            match (*node).type_ {
                NodeTag::T_OpExpr => {
                    let call = node.cast::<pg_sys::OpExpr>();
                    match args((*call).args).as_slice() {
                        [left, right] => Shape::Operator((*call).opno, *left, *right),
                        _ => Shape::Other,
                    }
                }
                NodeTag::T_ScalarArrayOpExpr => {
                    let call = node.cast::<pg_sys::ScalarArrayOpExpr>();
                    match args((*call).args).as_slice() {
                        [left, right] if (*call).useOr => Shape::AnyOf((*call).opno, *left, *right),
                        _ => Shape::Other,
                    }
                }
                NodeTag::T_FuncExpr => {
                    let call = node.cast::<pg_sys::FuncExpr>();
                    Shape::Call((*call).funcid, args((*call).args))
                }
                NodeTag::T_NullTest => {
                    let test = node.cast::<pg_sys::NullTest>();
                    if (*test).argisrow {
                        Shape::Other
                    } else {
                        Shape::NullTest(Expr::from_raw((*test).arg.cast()))
                    }
                }
                _ => Shape::Other,
            }
        }
    }

    /// Does it depend on no row: no column of any level, no sub-select, no aggregate?
    pub fn is_given(self) -> bool {
        #[pgrx::pg_guard]
        unsafe extern "C-unwind" fn varies(node: *mut pg_sys::Node, cx: *mut c_void) -> bool {
            if node.is_null() {
                return false;
            }
            // SAFETY: S2.
            unsafe {
                match (*node).type_ {
                    // The other kinds stand for what a sub-select returns.
                    NodeTag::T_Param => {
                        (*node.cast::<pg_sys::Param>()).paramkind != pg_sys::ParamKind::PARAM_EXTERN
                    }
                    NodeTag::T_Var
                    | NodeTag::T_SubLink
                    | NodeTag::T_Aggref
                    | NodeTag::T_GroupingFunc
                    | NodeTag::T_WindowFunc
                    | NodeTag::T_Query => true,
                    _ => compat::walk_expression(node, varies, cx),
                }
            }
        }
        // SAFETY: S2; the walker only reads.
        unsafe { !varies(self.raw(), std::ptr::null_mut()) }
    }

    /// Do both stand for the same expression?
    pub fn equals(self, other: Expr) -> bool {
        // SAFETY: S2.
        unsafe { pg_sys::equal(self.raw().cast(), other.raw().cast()) }
    }

    /// A copy with nodes of its own.
    pub fn copied(self) -> Expr {
        // SAFETY: S2; copyObject returns a node of the same type.
        unsafe { Expr::from_raw(pg_sys::copyObjectImpl(self.raw().cast()).cast()) }
    }

    /// A copy of this node in which variable `of` of its own level points to another column.
    pub fn copied_with(self, of: Variable, column: i16) -> Expr {
        self.copied().replaced(&mut |node, depth| {
            let var = node.as_variable()?;
            let is_it =
                var.level() == depth && (var.index(), var.column()) == (of.index(), of.column());
            is_it.then(|| {
                let copy = node.copied();
                if let Some(var) = copy.as_variable() {
                    var.point_to(column);
                }
                copy
            })
        })
    }

    /// The collation under which it compares; invalid for types without.
    pub fn input_collation(self) -> Oid {
        // SAFETY: S2.
        unsafe { pg_sys::exprInputCollation(self.raw()) }
    }

    /// The type of its value.
    pub fn type_oid(self) -> Oid {
        // SAFETY: S2.
        unsafe { pg_sys::exprType(self.raw()) }
    }

    /// Calls `f` on this node and those below it, sub-selects included.
    pub fn walk(self, f: &mut dyn FnMut(Expr, u32) -> Walk) {
        let mut walker = Walker { f, depth: 0 };
        // SAFETY: S2; the context outlives the walk.
        unsafe { step(self.raw(), (&raw mut walker).cast()) };
    }

    /// A copy in which `f` replaced nodes. Nodes for which it returns `None` are copied, and looked into.
    pub fn replaced(self, f: &mut dyn FnMut(Expr, u32) -> Option<Expr>) -> Expr {
        let mut mutator = Mutator { f, depth: 0 };
        // SAFETY: S2; the context outlives the walk; a node is mutated into a node.
        unsafe { Expr::from_raw(mutate(self.raw(), (&raw mut mutator).cast())) }
    }
}

impl Query {
    /// Calls `f` on every expression node of this level and of the queries nested in it, with the
    /// depth at which it stands. `skip_aliases` leaves out the lists of columns that joins merge:
    /// they name every column of both sides, used or not.
    pub fn walk(self, skip_aliases: bool, f: &mut dyn FnMut(Expr, u32) -> Walk) {
        let mut walker = Walker { f, depth: 0 };
        let flags = if skip_aliases {
            pg_sys::QTW_IGNORE_JOINALIASES
        } else {
            0
        };
        // SAFETY: S2; the context outlives the walk.
        unsafe { compat::walk_query(self.raw(), step, (&raw mut walker).cast(), flags) };
    }
}

struct Walker<'a> {
    f: &'a mut dyn FnMut(Expr, u32) -> Walk,
    depth: u32,
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn step(node: *mut pg_sys::Node, cx: *mut c_void) -> bool {
    if node.is_null() {
        return false;
    }
    // SAFETY: S2; `cx` is the Walker of the walk that called.
    unsafe {
        let walker = &mut *cx.cast::<Walker<'_>>();
        match (*node).type_ {
            NodeTag::T_Query => {
                walker.depth += 1;
                compat::walk_query(node.cast(), step, cx, 0);
                (*cx.cast::<Walker<'_>>()).depth -= 1;
            }
            // Lists are not expressions, and never empty of them.
            NodeTag::T_List => {
                compat::walk_expression(node, step, cx);
            }
            _ => {
                if (walker.f)(Expr::from_raw(node), walker.depth) == Walk::Into {
                    compat::walk_expression(node, step, cx);
                }
            }
        }
    }
    false
}

struct Mutator<'a> {
    f: &'a mut dyn FnMut(Expr, u32) -> Option<Expr>,
    depth: u32,
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn mutate(node: *mut pg_sys::Node, cx: *mut c_void) -> *mut pg_sys::Node {
    if node.is_null() {
        return node;
    }
    // SAFETY: S2; `cx` is the Mutator of the walk that called.
    unsafe {
        let mutator = &mut *cx.cast::<Mutator<'_>>();
        match (*node).type_ {
            NodeTag::T_Query => {
                mutator.depth += 1;
                compat::mutate_query(node.cast(), mutate, cx);
                (*cx.cast::<Mutator<'_>>()).depth -= 1;
                node
            }
            NodeTag::T_List => compat::mutate_expression(node, mutate, cx),
            _ => match (mutator.f)(Expr::from_raw(node), mutator.depth) {
                Some(new) => new.raw(),
                None => compat::mutate_expression(node, mutate, cx),
            },
        }
    }
}

/// The levels of a query, outer before inner, with those inside row conditions and checks.
///
/// The row conditions and checks of trusted tables themselves see their row as it is. So while this
/// exists they are detached from their levels; [`Levels::attach`] puts them back. Policies of other
/// tables, and the conditions of views, may be the session's own, and stay where they are.
///
/// A query that is refused meanwhile is thrown away, so nothing needs to be undone.
pub struct Levels {
    all: Vec<Level>,
    /// By level and number of the entry: entries themselves may be copied meanwhile.
    quals: Vec<(Query, u32, *mut pg_sys::List)>,
    checks: Vec<(Query, *mut pg_sys::List)>,
}

/// One of them.
#[derive(Clone, Copy)]
pub struct Level {
    pub query: Query,
    /// The level whose range table its variables of level 1 belong to, by its place in the list.
    pub parent: Option<usize>,
    /// Is its output a value of an expression (a sublink other than EXISTS)?
    pub is_value: bool,
}

/// Are the policies of this table trusted with its rows?
pub type Trusts<'a> = &'a dyn Fn(Oid) -> Result<bool>;

/// Does this check come from a view, and not from a policy? Whatever a newer release adds counts as
/// a view's: it sees masks.
///
/// # Safety
/// `check` is live (S2).
pub(super) unsafe fn is_of_view(check: *mut pg_sys::WithCheckOption) -> bool {
    // SAFETY: by contract.
    let kind = unsafe { (*check).kind };
    ![
        pg_sys::WCOKind::WCO_RLS_INSERT_CHECK,
        pg_sys::WCOKind::WCO_RLS_UPDATE_CHECK,
        pg_sys::WCOKind::WCO_RLS_CONFLICT_CHECK,
        pg_sys::WCOKind::WCO_RLS_MERGE_UPDATE_CHECK,
        pg_sys::WCOKind::WCO_RLS_MERGE_DELETE_CHECK,
    ]
    .contains(&kind)
}

impl Levels {
    /// Takes the query apart. `trusts` says which tables' policies are trusted.
    pub fn detach(query: Query, trusts: Trusts) -> Result<Self> {
        let mut levels = Self {
            all: Vec::new(),
            quals: Vec::new(),
            checks: Vec::new(),
        };
        levels.add(query, None, false, trusts)?;
        Ok(levels)
    }

    fn add(
        &mut self,
        query: Query,
        parent: Option<usize>,
        is_value: bool,
        trusts: Trusts,
    ) -> Result<()> {
        let own = self.all.len();
        self.all.push(Level {
            query,
            parent,
            is_value,
        });
        let mut trusts_target = false;
        // Sub-selects in policies are queries like others: what they read of other tables is masked.
        let mut detached = Vec::new();
        for (index, rte) in query.rtes() {
            if !rte.table().map_or(Ok(false), trusts)? {
                continue;
            }
            if index == query.result_index() {
                trusts_target = true;
                if query.mixes_conditions() {
                    continue;
                }
            }
            // SAFETY: S2; the list is put back by `attach`. Without its mark, an entry that should
            // escape meanwhile is refused by the tripwire.
            unsafe {
                let quals = (*rte.raw()).securityQuals;
                detached.extend(sublinks_in(quals));
                self.quals.push((query, index, quals));
                (*rte.raw()).securityQuals = std::ptr::null_mut();
                (*rte.raw()).ctename = std::ptr::null_mut();
            }
        }
        // SAFETY: S2; the list is put back by `attach`.
        unsafe {
            let raw = query.raw();
            let all = (*raw).withCheckOptions;
            self.checks.push((query, all));
            (*raw).withCheckOptions = std::ptr::null_mut();
            for check in list_items::<pg_sys::WithCheckOption>(all) {
                if is_of_view(check) || !trusts_target {
                    (*raw).withCheckOptions =
                        pg_sys::lappend((*raw).withCheckOptions, check.cast());
                } else {
                    let qual = pg_sys::lappend(std::ptr::null_mut(), (*check).qual.cast());
                    detached.extend(sublinks_in(qual));
                }
            }
        }
        detached.extend(query.nested());
        for nested in detached {
            self.add(nested.query, Some(own), nested.is_value, trusts)?;
        }
        Ok(())
    }

    /// The levels, in the order in which they were found.
    pub fn all(&self) -> &[Level] {
        &self.all
    }

    /// Puts conditions and checks back where they were. The entries are marked as having row
    /// conditions, and no more.
    pub fn attach(&self) {
        // SAFETY: S2.
        unsafe {
            for (query, index, quals) in &self.quals {
                if let Some(rte) = query.rte(*index) {
                    (*rte.raw()).securityQuals = *quals;
                    rte.set_mark(mark(Stage::Rows));
                }
            }
            for (query, checks) in &self.checks {
                (*query.raw()).withCheckOptions = *checks;
            }
        }
    }
}
