//! Small `Copy` views of the parse tree: [`Query`], [`Rte`], [`Expr`].
//!
//! A view is only made from a tree that the planner handed to us (it is the planner's private
//! copy) or from nodes built in the current memory context, and lives no longer than the hook
//! call it was made in (S2). That is why its methods are safe to call.

use super::compat;
use pgrx::pg_sys::{self, NodeTag, Oid};
use std::ffi::{CStr, c_void};
use std::ptr::{NonNull, null_mut};

/// An analysed and rewritten query level.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Query(NonNull<pg_sys::Query>);

/// A query nested in another.
#[derive(Clone, Copy)]
pub(super) struct Nested {
    pub query: Query,
    /// Is its output a value of an expression (a sublink other than EXISTS)?
    pub is_value: bool,
}

/// The queries of the sublinks in a list of expressions.
///
/// # Safety
/// `list` is null or live (S2).
pub(super) unsafe fn sublinks_in(list: *mut pg_sys::List) -> Vec<Nested> {
    let mut found = Vec::new();
    // SAFETY: by contract; the walker only reads.
    unsafe { collect(list.cast(), (&raw mut found).cast()) };
    found
}

/// Collects the queries of sublinks into the `Vec<Nested>` behind `cx`.
#[pgrx::pg_guard]
unsafe extern "C-unwind" fn collect(node: *mut pg_sys::Node, cx: *mut c_void) -> bool {
    if node.is_null() {
        return false;
    }
    // SAFETY: S2; `cx` is borrowed for the walk.
    unsafe {
        let found = &mut *cx.cast::<Vec<Nested>>();
        let mut add = |query: *mut pg_sys::Node, is_value| {
            let query = Query(NonNull::new_unchecked(query.cast()));
            found.push(Nested { query, is_value });
        };
        match (*node).type_ {
            NodeTag::T_Query => add(node, true),
            NodeTag::T_SubLink => {
                let sublink = node.cast::<pg_sys::SubLink>();
                let exists = pg_sys::SubLinkType::EXISTS_SUBLINK;
                add((*sublink).subselect, (*sublink).subLinkType != exists);
                if !(*sublink).testexpr.is_null() {
                    return collect((*sublink).testexpr, cx);
                }
            }
            _ => return compat::walk_expression(node, collect, cx),
        }
    }
    false
}

/// A range-table entry.
#[derive(Clone, Copy)]
pub struct Rte(NonNull<pg_sys::RangeTblEntry>);

/// An expression node.
#[derive(Clone, Copy)]
pub struct Expr(NonNull<pg_sys::Node>);

/// What a query level does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    Select,
    Insert,
    Update,
    Delete,
    Merge,
    /// A kind that this version of ward does not know.
    Other,
}

/// The elements of a C list of pointers.
pub(super) fn list_items<T>(list: *mut pg_sys::List) -> impl Iterator<Item = *mut T> {
    // SAFETY: S2 (the list is null or live, and is not resized while iterating by index).
    let length = unsafe { list.as_ref() }.map_or(0, |list| list.length);
    // SAFETY: S2; `i` is below the length read above.
    (0..length).map(move |i| unsafe { (*(*list).elements.add(i as usize)).ptr_value.cast() })
}

impl Query {
    /// A view of the query that a hook received; `None` for a null pointer.
    ///
    /// # Safety
    /// `query` is null or a live Query that may be changed in place (S2).
    pub unsafe fn new(query: *mut pg_sys::Query) -> Option<Self> {
        NonNull::new(query).map(Self)
    }

    pub(super) fn raw(self) -> *mut pg_sys::Query {
        self.0.as_ptr()
    }

    fn get(&self) -> &pg_sys::Query {
        // SAFETY: S2.
        unsafe { self.0.as_ref() }
    }

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
                Some(given) => super::expr::and(&[condition, given]),
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

    /// Calls `f` on this level and on every query nested in it, outer levels first.
    pub fn visit<E>(self, f: &mut dyn FnMut(Query) -> Result<(), E>) -> Result<(), E> {
        f(self)?;
        let mut nested = self.nested().into_iter();
        nested.try_for_each(|nested| nested.query.visit(f))
    }

    /// The queries nested in this level: sub-selects in FROM, WITH, and expressions.
    pub(super) fn nested(self) -> Vec<Nested> {
        check_stack();
        let entry = |query| Nested {
            query,
            is_value: false,
        };
        let subqueries = self.rtes().filter_map(|(_, rte)| rte.subquery());
        let mut nested: Vec<_> = subqueries.map(entry).collect();
        for cte in list_items::<pg_sys::CommonTableExpr>(self.get().cteList) {
            // SAFETY: S2; after analysis ctequery is a Query.
            let query = NonNull::new(unsafe { (*cte).ctequery }.cast()).map(Query);
            nested.extend(query.map(entry));
        }
        if self.get().hasSubLinks {
            nested.extend(self.sublinks());
        }
        nested
    }

    /// The queries of the sublinks in this level's own expressions.
    fn sublinks(self) -> Vec<Nested> {
        let mut found = Vec::new();
        let flags = pg_sys::QTW_IGNORE_RT_SUBQUERIES | pg_sys::QTW_IGNORE_CTE_SUBQUERIES;
        // SAFETY: S2; the walker only reads.
        unsafe { compat::walk_query(self.raw(), collect, (&raw mut found).cast(), flags) };
        found
    }

    /// Is one of `functions` called anywhere in the query, nested levels included?
    pub fn calls_any(self, functions: &[Oid]) -> bool {
        // No guard: nothing in here can panic, and there are no destructors to skip.
        unsafe extern "C-unwind" fn is_call(node: *mut pg_sys::Node, cx: *mut c_void) -> bool {
            // SAFETY: S2; `cx` is the slice below, borrowed for the walk.
            unsafe {
                !node.is_null()
                    && (is_call_of(node, *cx.cast::<&[Oid]>())
                        || compat::walk_deeper(node, is_call, cx))
            }
        }
        let mut functions = functions;
        // SAFETY: S2; the walker only reads.
        unsafe { compat::walk_query(self.raw(), is_call, (&raw mut functions).cast(), 0) }
    }

    /// Replaces function calls throughout the query, nested levels included.
    ///
    /// `f` gets the function and the call itself, and returns what stands in its place.
    /// Range-table entries are copied: views of them made before are stale afterwards.
    pub fn replace_calls(self, f: &mut dyn FnMut(Oid, Expr) -> Option<Expr>) {
        type Replace<'a> = &'a mut dyn FnMut(Oid, Expr) -> Option<Expr>;
        #[pgrx::pg_guard]
        unsafe extern "C-unwind" fn replace(
            node: *mut pg_sys::Node,
            cx: *mut c_void,
        ) -> *mut pg_sys::Node {
            let Some(expr) = NonNull::new(node).map(Expr) else {
                return node;
            };
            // SAFETY: S2; `cx` is the closure reference below.
            unsafe {
                match (*node).type_ {
                    NodeTag::T_Query => {
                        compat::mutate_query(node.cast(), replace, cx);
                        node
                    }
                    NodeTag::T_FuncExpr => {
                        let function = (*node.cast::<pg_sys::FuncExpr>()).funcid;
                        match (*cx.cast::<Replace>())(function, expr) {
                            Some(new) => new.raw(),
                            None => compat::mutate_expression(node, replace, cx),
                        }
                    }
                    _ => compat::mutate_expression(node, replace, cx),
                }
            }
        }
        let mut f: Replace = f;
        // SAFETY: S2.
        unsafe { compat::mutate_query(self.raw(), replace, (&raw mut f).cast()) };
    }

    /// Adds a condition that each written row must meet, before core's own.
    pub fn add_check(self, kind: CheckKind, relation: &CStr, condition: Expr) {
        // SAFETY: S2; palloc'ed nodes in the planning context, zeroed by make_node.
        unsafe {
            let check = make_node::<pg_sys::WithCheckOption>(NodeTag::T_WithCheckOption);
            (*check).kind = kind.raw();
            (*check).relname = pg_sys::pstrdup(relation.as_ptr());
            (*check).polname = pg_sys::pstrdup(c"ward".as_ptr());
            (*check).qual = condition.raw();
            (*check).cascaded = false;
            let query = self.raw();
            (*query).withCheckOptions = pg_sys::lcons(check.cast(), (*query).withCheckOptions);
        }
    }

    /// Takes away all that row security contributed to this level.
    pub fn forget_row_security(self) {
        // SAFETY: S2.
        unsafe { (*self.raw()).withCheckOptions = null_mut() };
        for (_, rte) in self.rtes() {
            // SAFETY: S2.
            unsafe { (*rte.raw()).securityQuals = null_mut() };
        }
    }

    /// Decides about each check that is nothing but a function call.
    pub fn settle_checks(self, decide: &dyn Fn(Oid, Expr) -> Verdict) {
        // SAFETY: S2; builds a new list of the same nodes.
        unsafe {
            let query = self.raw();
            let mut kept = null_mut();
            for check in list_items::<pg_sys::WithCheckOption>((*query).withCheckOptions) {
                match verdict((*check).qual, decide) {
                    Verdict::Drop => continue,
                    Verdict::Never => (*check).qual = pg_sys::makeBoolConst(false, false),
                    Verdict::Keep => {}
                }
                kept = pg_sys::lappend(kept, check.cast());
            }
            (*query).withCheckOptions = kept;
        }
    }
}

/// What becomes of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It stays.
    Keep,
    /// It goes: something stronger stands in its place.
    Drop,
    /// It becomes FALSE.
    Never,
}

/// When a check of a written row is made; see `WCOKind` in core.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckKind {
    /// The new row of INSERT.
    Insert,
    /// The new row of UPDATE.
    Update,
    /// The existing row that ON CONFLICT DO UPDATE would change.
    Conflict,
    /// The existing row that MERGE would update.
    MergeUpdate,
    /// The existing row that MERGE would delete.
    MergeDelete,
}

impl CheckKind {
    fn raw(self) -> pg_sys::WCOKind::Type {
        match self {
            Self::Insert => pg_sys::WCOKind::WCO_RLS_INSERT_CHECK,
            Self::Update => pg_sys::WCOKind::WCO_RLS_UPDATE_CHECK,
            Self::Conflict => pg_sys::WCOKind::WCO_RLS_CONFLICT_CHECK,
            Self::MergeUpdate => pg_sys::WCOKind::WCO_RLS_MERGE_UPDATE_CHECK,
            Self::MergeDelete => pg_sys::WCOKind::WCO_RLS_MERGE_DELETE_CHECK,
        }
    }
}

impl Rte {
    pub(super) fn raw(self) -> *mut pg_sys::RangeTblEntry {
        self.0.as_ptr()
    }

    fn get(&self) -> &pg_sys::RangeTblEntry {
        // SAFETY: S2.
        unsafe { self.0.as_ref() }
    }

    /// The table's OID, for an entry that stands for a stored relation.
    pub fn table(self) -> Option<Oid> {
        let rte = self.get();
        let stored = [pg_sys::RELKIND_RELATION, pg_sys::RELKIND_PARTITIONED_TABLE]
            .contains(&(rte.relkind as u8))
            || [pg_sys::RELKIND_MATVIEW, pg_sys::RELKIND_FOREIGN_TABLE]
                .contains(&(rte.relkind as u8));
        (rte.rtekind == pg_sys::RTEKind::RTE_RELATION && stored).then_some(rte.relid)
    }

    /// The nested query, for an entry that is one (a sub-select or an expanded view).
    pub fn subquery(self) -> Option<Query> {
        let rte = self.get();
        if rte.rtekind != pg_sys::RTEKind::RTE_SUBQUERY {
            return None;
        }
        NonNull::new(rte.subquery).map(Query)
    }

    /// May it be computed from other entries of its level?
    pub fn is_lateral(self) -> bool {
        self.get().lateral
    }

    /// Puts `qual` before every other security condition of this entry.
    pub fn prepend_security_qual(self, qual: Expr) {
        // SAFETY: S2.
        unsafe {
            let rte = self.raw();
            (*rte).securityQuals = pg_sys::lcons(qual.raw().cast(), (*rte).securityQuals);
        }
    }

    /// Decides about each security condition that is nothing but a function call.
    pub fn settle_security_quals(self, decide: &dyn Fn(Oid, Expr) -> Verdict) {
        // SAFETY: S2; builds a new list of the same nodes.
        unsafe {
            let rte = self.raw();
            let mut kept = null_mut();
            for qual in list_items::<pg_sys::Node>((*rte).securityQuals) {
                match verdict(qual, decide) {
                    Verdict::Drop => {}
                    Verdict::Never => {
                        kept = pg_sys::lappend(kept, pg_sys::makeBoolConst(false, false).cast());
                    }
                    Verdict::Keep => kept = pg_sys::lappend(kept, qual.cast()),
                }
            }
            (*rte).securityQuals = kept;
        }
    }

    /// The row conditions of this entry.
    pub(super) fn conditions(self) -> Vec<Expr> {
        list_items::<pg_sys::Node>(self.get().securityQuals)
            .filter_map(|node| NonNull::new(node).map(Expr))
            .collect()
    }

    /// Is it a view WITH (security_barrier) that stays unexpanded: the way to the target?
    fn is_barrier_view(self) -> bool {
        let rte = self.get();
        if rte.rtekind != pg_sys::RTEKind::RTE_RELATION || rte.relkind as u8 != pg_sys::RELKIND_VIEW
        {
            return false;
        }
        // SAFETY: S3; the statement holds a lock, and the options are read before the view is closed.
        unsafe {
            let view = pg_sys::relation_open(rte.relid, pg_sys::AccessShareLock as i32);
            let options = (*view).rd_options.cast::<pg_sys::ViewOptions>();
            let is_barrier = !options.is_null() && (*options).security_barrier;
            pg_sys::relation_close(view, pg_sys::NoLock as i32);
            is_barrier
        }
    }

    /// Writes `mark` where the tripwire looks for it (a name that only CTE entries use).
    pub fn set_mark(self, mark: &CStr) {
        // SAFETY: S2.
        unsafe { (*self.raw()).ctename = pg_sys::pstrdup(mark.as_ptr()) };
    }
}

/// A target list in place.
#[derive(Clone, Copy)]
pub struct TargetList(*mut *mut pg_sys::List);

impl TargetList {
    /// Replaces the value assigned to column `attno` by `f(value)`; false if it is not assigned.
    pub fn map(self, attno: i16, f: impl FnOnce(Expr) -> Expr) -> bool {
        // SAFETY: S2.
        unsafe {
            for entry in list_items::<pg_sys::TargetEntry>(*self.0) {
                if !(*entry).resjunk
                    && (*entry).resno == attno
                    && let Some(value) = NonNull::new((*entry).expr.cast()).map(Expr)
                {
                    (*entry).expr = f(value).raw().cast();
                    return true;
                }
            }
        }
        false
    }

    pub(super) fn raw(self) -> *mut pg_sys::List {
        // SAFETY: S2.
        unsafe { *self.0 }
    }

    pub(super) fn entries(self) -> impl Iterator<Item = *mut pg_sys::TargetEntry> {
        list_items(self.raw())
    }

    /// Is column `attno` assigned?
    pub fn assigns(self, attno: i16) -> bool {
        self.map(attno, |value| value)
    }

    /// Adds an assignment, keeping the list in column order as the planner expects.
    pub fn insert(self, attno: i16, column: &CStr, value: Expr) {
        // SAFETY: S2; builds a new list of the same entries plus one.
        unsafe {
            let name = pg_sys::pstrdup(column.as_ptr());
            let new = pg_sys::makeTargetEntry(value.raw().cast(), attno, name, false);
            let mut list = null_mut();
            let mut placed = false;
            for entry in list_items::<pg_sys::TargetEntry>(*self.0) {
                if !placed && ((*entry).resjunk || (*entry).resno > attno) {
                    list = pg_sys::lappend(list, new.cast());
                    placed = true;
                }
                list = pg_sys::lappend(list, entry.cast());
            }
            if !placed {
                list = pg_sys::lappend(list, new.cast());
            }
            *self.0 = list;
        }
    }
}

impl Expr {
    /// A view of an expression node.
    ///
    /// # Safety
    /// `node` is a live expression node (S2).
    pub(super) unsafe fn from_raw(node: *mut pg_sys::Node) -> Self {
        debug_assert!(!node.is_null());
        // SAFETY: by contract.
        Self(unsafe { NonNull::new_unchecked(node) })
    }

    pub(super) fn raw(self) -> *mut pg_sys::Node {
        self.0.as_ptr()
    }

    /// The value of the `n`th argument of a function call, when it is an OID constant.
    pub fn oid_argument(self, n: usize) -> Option<Oid> {
        // SAFETY: S2; node tags are checked before each cast.
        unsafe {
            if (*self.raw()).type_ != NodeTag::T_FuncExpr {
                return None;
            }
            let args = (*self.raw().cast::<pg_sys::FuncExpr>()).args;
            let arg = list_items::<pg_sys::Node>(args).nth(n)?;
            if (*arg).type_ != NodeTag::T_Const {
                return None;
            }
            let constant = &*arg.cast::<pg_sys::Const>();
            let is_oid = [pg_sys::REGCLASSOID, pg_sys::OIDOID].contains(&constant.consttype);
            (is_oid && !constant.constisnull).then(|| Oid::from(constant.constvalue.value() as u32))
        }
    }
}

/// What `decide` says of a node that is a function call; any other stays.
///
/// # Safety
/// `node` is null or live (S2).
unsafe fn verdict(node: *mut pg_sys::Node, decide: &dyn Fn(Oid, Expr) -> Verdict) -> Verdict {
    let Some(expr) = NonNull::new(node).map(Expr) else {
        return Verdict::Keep;
    };
    // SAFETY: by contract.
    unsafe {
        if (*node).type_ == NodeTag::T_FuncExpr {
            decide((*node.cast::<pg_sys::FuncExpr>()).funcid, expr)
        } else {
            Verdict::Keep
        }
    }
}

/// Is this node a call of one of these functions?
///
/// # Safety
/// `node` is null or live (S2).
unsafe fn is_call_of(node: *mut pg_sys::Node, functions: &[Oid]) -> bool {
    // SAFETY: by contract.
    unsafe {
        !node.is_null()
            && (*node).type_ == NodeTag::T_FuncExpr
            && functions.contains(&(*node.cast::<pg_sys::FuncExpr>()).funcid)
    }
}

/// A zeroed node of this tag in the current memory context.
///
/// # Safety
/// `T` is the struct that belongs to `tag`.
pub(super) unsafe fn make_node<T>(tag: NodeTag) -> *mut T {
    // SAFETY: by contract; a node's first field is its tag.
    unsafe {
        let node = pg_sys::palloc0(size_of::<T>()).cast::<T>();
        (*node.cast::<pg_sys::Node>()).type_ = tag;
        node
    }
}

/// Raises core's "stack depth limit exceeded" before a deep query overflows the real stack.
fn check_stack() {
    // SAFETY: S1.
    unsafe { pg_sys::check_stack_depth() }
}
