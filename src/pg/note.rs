//! Putting a call into a query that is made once for each row that leaves it.

use super::expr;
use super::node::{Command, Expr, Query, list_items, make_node};
use pgrx::pg_sys::{self, NodeTag};

impl Query {
    /// Is it a SELECT whose rows are rows of its FROM, one by one: no set operation, groups, windows or
    /// DISTINCT?
    pub fn is_plain_select(self) -> bool {
        // SAFETY: S2.
        let query = unsafe { &*self.raw() };
        self.command() == Command::Select
            && query.setOperations.is_null()
            && query.groupClause.is_null()
            && query.groupingSets.is_null()
            && query.havingQual.is_null()
            && query.distinctClause.is_null()
            && !query.hasAggs
            && !query.hasWindowFuncs
    }

    /// Does it write, and return rows of what it wrote?
    pub fn is_returning(self) -> bool {
        // SAFETY: S2.
        !unsafe { (*self.raw()).returningList }.is_null()
    }

    /// Evaluates `call`, a volatile function, for each row that this level puts out.
    ///
    /// The planner evaluates volatile outputs above Sort and below LIMIT. The call goes into a column
    /// that nothing sorts or groups by, which spares the executor an output that it must drop again.
    pub fn call_for_each_output(self, call: Expr) {
        // SAFETY: S2.
        unsafe {
            let query = self.raw();
            let is_returning = self.is_returning();
            let list = if is_returning {
                (*query).returningList
            } else {
                (*query).targetList
            };
            let free = list_items::<pg_sys::TargetEntry>(list).find(|entry| {
                !(**entry).resjunk
                    && (**entry).ressortgroupref == 0
                    && (is_returning || !pg_sys::expression_returns_set((**entry).expr.cast()))
            });
            if let Some(entry) = free {
                (*entry).expr = having_called(call, Expr::from_raw((*entry).expr.cast()))
                    .raw()
                    .cast();
                return;
            }
            let number = list_items::<pg_sys::TargetEntry>(list).count() as i16 + 1;
            let entry =
                pg_sys::makeTargetEntry(call.raw().cast(), number, std::ptr::null_mut(), true);
            (*query).targetList = pg_sys::lappend((*query).targetList, entry.cast());
        }
    }

    /// The entries of FROM, in order: what the rows of this level are made of.
    pub fn from_entries(self) -> Vec<u32> {
        let mut found = Vec::new();
        // SAFETY: S2.
        unsafe { entries_below((*self.raw()).jointree.cast(), &mut found) };
        found
    }

    /// The queries nested in this level, but not those nested in them.
    pub fn nested_queries(self) -> impl Iterator<Item = Query> {
        self.nested().into_iter().map(|nested| nested.query)
    }

    /// Adds a condition to this level's WHERE, after those that stand there.
    pub fn add_condition(self, condition: Expr) {
        // SAFETY: S2.
        unsafe {
            let tree = (*self.raw()).jointree;
            (*tree).quals = match (*tree).quals {
                quals if quals.is_null() => condition.raw(),
                quals => expr::and(&[Expr::from_raw(quals), condition]).raw(),
            };
        }
    }
}

/// `CASE WHEN call THEN value END`: the value, after the call, which is always true.
///
/// # Safety
/// Both are live expressions (S2).
unsafe fn having_called(call: Expr, value: Expr) -> Expr {
    // SAFETY: by contract.
    unsafe {
        let (type_oid, typmod, collation) = (
            pg_sys::exprType(value.raw()),
            pg_sys::exprTypmod(value.raw()),
            pg_sys::exprCollation(value.raw()),
        );
        let when = make_node::<pg_sys::CaseWhen>(NodeTag::T_CaseWhen);
        (*when).expr = call.raw().cast();
        (*when).result = value.raw().cast();
        (*when).location = -1;
        let node = make_node::<pg_sys::CaseExpr>(NodeTag::T_CaseExpr);
        (*node).casetype = type_oid;
        (*node).casecollid = collation;
        (*node).args = pg_sys::lappend(std::ptr::null_mut(), when.cast());
        (*node).defresult = pg_sys::makeNullConst(type_oid, typmod, collation).cast();
        (*node).location = -1;
        Expr::from_raw(node.cast())
    }
}

/// # Safety
/// `node` is null or part of a join tree (S2).
unsafe fn entries_below(node: *mut pg_sys::Node, found: &mut Vec<u32>) {
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
                    entries_below(item, found);
                }
            }
            NodeTag::T_JoinExpr => {
                let join = node.cast::<pg_sys::JoinExpr>();
                entries_below((*join).larg, found);
                entries_below((*join).rarg, found);
            }
            _ => {}
        }
    }
}
