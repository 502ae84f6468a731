//! Building expression nodes.

mod column;
mod constant;
mod conversion;

pub use column::Column;
pub use constant::*;

use super::node::{Expr, make_node};
use pgrx::pg_sys::{self, NodeTag, Oid};
use std::ptr::null_mut;

/// `left operator right`, returning boolean.
pub fn operator_call(operator: Oid, left: Expr, right: Expr, collation: Oid) -> Expr {
    // SAFETY: S2, S3.
    unsafe {
        let node = pg_sys::make_opclause(
            operator,
            pg_sys::BOOLOID,
            false,
            left.raw().cast(),
            right.raw().cast(),
            Oid::INVALID,
            collation,
        );
        (*node.cast::<pg_sys::OpExpr>()).opfuncid = pg_sys::get_opcode(operator);
        Expr::from_raw(node.cast())
    }
}

/// A call of `function`.
pub fn call(function: Oid, result: Oid, args: &[Expr]) -> Expr {
    // SAFETY: S2.
    unsafe {
        let args = args.iter().fold(null_mut(), |list, arg| {
            pg_sys::lappend(list, arg.raw().cast())
        });
        let form = pg_sys::CoercionForm::COERCE_EXPLICIT_CALL;
        let node = pg_sys::makeFuncExpr(
            function,
            result,
            args,
            Oid::INVALID,
            pg_sys::DEFAULT_COLLATION_OID,
            form,
        );
        Expr::from_raw(node.cast())
    }
}

/// `a OR b`, evaluated left to right.
pub fn or(a: Expr, b: Expr) -> Expr {
    // SAFETY: S2.
    unsafe {
        Expr::from_raw(pg_sys::makeBoolExpr(pg_sys::BoolExprType::OR_EXPR, pair(a, b), -1).cast())
    }
}

/// All of `terms`; one term stands for itself, none is TRUE.
pub fn and(terms: &[Expr]) -> Expr {
    match terms {
        [] => boolean(true),
        [one] => *one,
        // SAFETY: S2.
        many => unsafe {
            let args = many.iter().fold(null_mut(), |list, term| {
                pg_sys::lappend(list, term.raw().cast())
            });
            Expr::from_raw(pg_sys::makeBoolExpr(pg_sys::BoolExprType::AND_EXPR, args, -1).cast())
        },
    }
}

/// `CASE WHEN condition THEN value ELSE otherwise END` of the column's type.
pub fn case(column: &Column, condition: Expr, value: Expr, otherwise: Expr) -> Expr {
    // SAFETY: S2.
    unsafe {
        let when = make_node::<pg_sys::CaseWhen>(NodeTag::T_CaseWhen);
        (*when).expr = condition.raw().cast();
        (*when).result = value.raw().cast();
        (*when).location = -1;
        let node = make_node::<pg_sys::CaseExpr>(NodeTag::T_CaseExpr);
        (*node).casetype = column.type_oid;
        (*node).casecollid = column.collation;
        (*node).args = pg_sys::lappend(null_mut(), when.cast());
        (*node).defresult = otherwise.raw().cast();
        (*node).location = -1;
        Expr::from_raw(node.cast()).typed_as(column)
    }
}

/// `CASE WHEN condition THEN value END`.
pub fn when(condition: Expr, value: Expr) -> Expr {
    // SAFETY: S2.
    unsafe {
        let (type_oid, typmod, collation) = (
            pg_sys::exprType(value.raw()),
            pg_sys::exprTypmod(value.raw()),
            pg_sys::exprCollation(value.raw()),
        );
        let when = make_node::<pg_sys::CaseWhen>(NodeTag::T_CaseWhen);
        (*when).expr = condition.raw().cast();
        (*when).result = value.raw().cast();
        (*when).location = -1;
        let node = make_node::<pg_sys::CaseExpr>(NodeTag::T_CaseExpr);
        (*node).casetype = type_oid;
        (*node).casecollid = collation;
        (*node).args = pg_sys::lappend(null_mut(), when.cast());
        (*node).defresult = pg_sys::makeNullConst(type_oid, typmod, collation).cast();
        (*node).location = -1;
        Expr::from_raw(node.cast())
    }
}

/// `COALESCE (value, otherwise)` of the column's type.
pub fn coalesce(column: &Column, value: Expr, otherwise: Expr) -> Expr {
    // SAFETY: S2.
    unsafe {
        let node = make_node::<pg_sys::CoalesceExpr>(NodeTag::T_CoalesceExpr);
        (*node).coalescetype = column.type_oid;
        (*node).coalescecollid = column.collation;
        (*node).args = pair(value, otherwise);
        (*node).location = -1;
        Expr::from_raw(node.cast())
    }
}

/// `ROW(values)` of a composite type, as core expands a whole-row reference.
pub(super) fn row(values: *mut pg_sys::List, row_type: Oid) -> Expr {
    // SAFETY: S2.
    unsafe {
        let node = make_node::<pg_sys::RowExpr>(NodeTag::T_RowExpr);
        (*node).args = values;
        (*node).row_typeid = row_type;
        (*node).row_format = pg_sys::CoercionForm::COERCE_IMPLICIT_CAST;
        (*node).location = -1;
        Expr::from_raw(node.cast())
    }
}

impl Expr {
    /// This variable, as one of the same row (range-table entry, level, nullability) as `like`.
    pub fn in_row_of(self, like: Expr) -> Expr {
        // SAFETY: S2; both are Vars by their callers' construction, which is checked.
        unsafe {
            let var = self.raw().cast::<pg_sys::Var>();
            let like = like.raw().cast::<pg_sys::Var>();
            if (*var).xpr.type_ == NodeTag::T_Var && (*like).xpr.type_ == NodeTag::T_Var {
                (*var).varno = (*like).varno;
                (*var).varnosyn = (*like).varno as _;
                crate::pg::compat::copy_row_state(like, var);
            }
        }
        self
    }

    /// All variables in it, each as one of the same row as `like`.
    pub fn all_in_row_of(self, like: Expr) -> Expr {
        self.walk(&mut |node, _| {
            if node.as_variable().is_some() {
                node.in_row_of(like);
            }
            crate::pg::tree::Walk::Into
        });
        self
    }
}

fn pair(a: Expr, b: Expr) -> *mut pg_sys::List {
    // SAFETY: S2.
    unsafe { pg_sys::lappend(pg_sys::lappend(null_mut(), a.raw().cast()), b.raw().cast()) }
}
