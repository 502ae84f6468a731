//! One value under another type.

use super::{Column, call};
use crate::pg::node::{Expr, make_node};
use crate::pg::types;
use pgrx::pg_sys::{self, NodeTag, Oid};

impl Expr {
    /// This value under exactly the column's type, type modifier and collation. It must be of a type
    /// that is stored alike.
    pub fn typed_as(self, column: &Column) -> Expr {
        // SAFETY: S2.
        let (type_oid, typmod, collation) = unsafe {
            (
                pg_sys::exprType(self.raw()),
                pg_sys::exprTypmod(self.raw()),
                pg_sys::exprCollation(self.raw()),
            )
        };
        if (type_oid, typmod, collation) == (column.type_oid, column.typmod, column.collation) {
            return self;
        }
        relabel(self, column.type_oid, column.typmod, column.collation)
    }

    /// This value as an argument of functions over the base type of its kind: text for varchar and
    /// char, inet for cidr.
    pub fn as_operand(self) -> Expr {
        let collation = pg_sys::DEFAULT_COLLATION_OID;
        match self.type_oid() {
            pg_sys::VARCHAROID => relabel(self, pg_sys::TEXTOID, -1, collation),
            pg_sys::BPCHAROID => call(types::TEXT_OF_BPCHAR, pg_sys::TEXTOID, &[self]),
            pg_sys::CIDROID => relabel(self, pg_sys::INETOID, -1, Oid::INVALID),
            _ => self,
        }
    }

    /// This value of type `type_oid` as text.
    pub fn to_text(self, type_oid: Oid) -> Expr {
        match type_oid {
            pg_sys::TEXTOID | pg_sys::VARCHAROID => self.as_operand(),
            _ => self.through_text(pg_sys::TEXTOID, pg_sys::DEFAULT_COLLATION_OID),
        }
    }

    /// This text as a value of a type without collation, by the type's input function.
    pub fn to_type(self, type_oid: Oid) -> Expr {
        self.through_text(type_oid, Oid::INVALID)
    }

    /// This text as a value of exactly the type that `like` has: text, or one without collation.
    pub fn text_as(self, like: Expr) -> Expr {
        // SAFETY: S2.
        let (typmod, collation) = unsafe {
            (
                pg_sys::exprTypmod(like.raw()),
                pg_sys::exprCollation(like.raw()),
            )
        };
        match like.type_oid() {
            type_oid @ (pg_sys::TEXTOID | pg_sys::VARCHAROID) => {
                relabel(self, type_oid, typmod, collation)
            }
            other => self.to_type(other),
        }
    }

    fn through_text(self, type_oid: Oid, collation: Oid) -> Expr {
        // SAFETY: S2.
        unsafe {
            let node = make_node::<pg_sys::CoerceViaIO>(NodeTag::T_CoerceViaIO);
            (*node).arg = self.raw().cast();
            (*node).resulttype = type_oid;
            (*node).resultcollid = collation;
            (*node).coerceformat = pg_sys::CoercionForm::COERCE_EXPLICIT_CAST;
            (*node).location = -1;
            Expr::from_raw(node.cast())
        }
    }
}

pub(super) fn relabel(value: Expr, type_oid: Oid, typmod: i32, collation: Oid) -> Expr {
    // SAFETY: S2.
    unsafe {
        let form = pg_sys::CoercionForm::COERCE_IMPLICIT_CAST;
        let node = pg_sys::makeRelabelType(value.raw().cast(), type_oid, typmod, collation, form);
        Expr::from_raw(node.cast())
    }
}
