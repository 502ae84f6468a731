//! Columns of tables in expressions.

use super::constant::constant_node;
use super::conversion::relabel;
use super::{call, operator_call, pair};
use crate::pg::carrier::{self, Carrier};
use crate::pg::node::{Expr, make_node};
use crate::pg::scalar::{Scalar, Value, array_datum, datum};
use pgrx::pg_sys::{self, NodeTag, Oid};

/// A column with all that an expression needs to name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Name in the table.
    pub name: String,
    /// Attribute number, from 1.
    pub attno: i16,
    /// Type of the column.
    pub type_oid: Oid,
    /// Type modifier, −1 for none.
    pub typmod: i32,
    /// Collation, or invalid.
    pub collation: Oid,
    /// In a column of type jsonb: the key that the value is stored under. Type, modifier and
    /// collation are then the value's.
    pub carrier: Option<Carrier>,
}

impl Column {
    /// The value, read from range-table entry `index` of the current level: a variable, or what
    /// reads it from one (`column ->> 'key'`).
    pub fn var(&self, index: u32) -> Expr {
        let Some(carrier) = &self.carrier else {
            return self.stored(index);
        };
        let value = carrier::text_at(self.stored(index), &carrier.key);
        match carrier.reader {
            Some(reader) => call(reader, self.type_oid, &[value]),
            None => value,
        }
    }

    /// What is stored, as a variable of range-table entry `index`: the value, or its document.
    pub fn stored(&self, index: u32) -> Expr {
        let (type_oid, typmod, collation) = match self.carrier {
            None => (self.type_oid, self.typmod, self.collation),
            Some(_) => (pg_sys::JSONBOID, -1, Oid::INVALID),
        };
        // SAFETY: S2. The index is an int in 15 and newer.
        unsafe {
            let var = pg_sys::makeVar(index as _, self.attno, type_oid, typmod, collation, 0);
            Expr::from_raw(var.cast())
        }
    }

    /// The column under the type whose operators compare it.
    fn operand(&self, index: u32, operator_type: Oid) -> Expr {
        let var = self.var(index);
        if self.type_oid == operator_type {
            var
        } else {
            relabel(var, operator_type, -1, self.collation)
        }
    }

    /// `value` as a constant of exactly this column's type.
    pub fn constant(&self, scalar: Scalar, value: &Value) -> Expr {
        let (length, by_value) = scalar.layout();
        constant_node(
            self.type_oid,
            self.collation,
            length,
            datum(scalar, value),
            by_value,
        )
    }

    /// An array of one value as a constant of exactly this (array) column's type.
    pub fn array_constant(&self, scalar: Scalar, values: &[Value]) -> Expr {
        constant_node(
            self.type_oid,
            self.collation,
            -1,
            array_datum(scalar, values),
            false,
        )
    }

    /// `column = value`, or `column = ANY (values)`: the form a person would write, so that
    /// indexes, partition pruning and statistics apply.
    pub fn equals_any(&self, index: u32, scalar: Scalar, values: &[Value]) -> Expr {
        let operator_type = scalar.operator_type();
        let (length, by_value) = scalar.layout();
        let left = self.operand(index, operator_type);
        let operator = equality_operator(operator_type);
        if let [value] = values {
            let right = constant_node(
                operator_type,
                self.collation,
                length,
                datum(scalar, value),
                by_value,
            );
            return operator_call(operator, left, right, self.collation);
        }
        let array = constant_node(
            scalar.array_type(),
            self.collation,
            -1,
            array_datum(scalar, values),
            false,
        );
        // SAFETY: S2.
        unsafe {
            let node = make_node::<pg_sys::ScalarArrayOpExpr>(NodeTag::T_ScalarArrayOpExpr);
            (*node).opno = operator;
            (*node).opfuncid = pg_sys::get_opcode(operator);
            (*node).useOr = true;
            (*node).inputcollid = self.collation;
            (*node).args = pair(left, array);
            (*node).location = -1;
            Expr::from_raw(node.cast())
        }
    }

    /// `column && values` for an array column.
    pub fn overlaps(&self, index: u32, scalar: Scalar, values: &[Value]) -> Expr {
        let array_type = scalar.array_type();
        let left = self.operand(index, array_type);
        let right = constant_node(
            array_type,
            self.collation,
            -1,
            array_datum(scalar, values),
            false,
        );
        operator_call(Oid::from(ARRAY_OVERLAPS), left, right, self.collation)
    }
}

/// `anyarray && anyarray` in pg_operator.dat; operator OIDs of core never change.
const ARRAY_OVERLAPS: u32 = 2750;

/// The `=` operator of the type's default btree class.
fn equality_operator(type_oid: Oid) -> Oid {
    // SAFETY: S3 (the type cache entry is never freed).
    unsafe { (*pg_sys::lookup_type_cache(type_oid, pg_sys::TYPECACHE_EQ_OPR as i32)).eq_opr }
}
