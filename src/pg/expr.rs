//! Building expression nodes.

use super::carrier::{self, Carrier};
use super::node::{Expr, make_node};
use super::scalar::{Scalar, Value};
use super::scalar::{array_datum, datum};
use pgrx::IntoDatum;
use pgrx::pg_sys::{self, NodeTag, Oid};
use std::ptr::null_mut;

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

fn constant_node(
    type_oid: Oid,
    collation: Oid,
    length: i32,
    value: pg_sys::Datum,
    by_value: bool,
) -> Expr {
    // SAFETY: S2; the datum lives in the current (planning) memory context.
    unsafe {
        Expr::from_raw(
            pg_sys::makeConst(type_oid, -1, collation, length, value, false, by_value).cast(),
        )
    }
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

/// A boolean constant.
pub fn boolean(value: bool) -> Expr {
    // SAFETY: S2.
    unsafe { Expr::from_raw(pg_sys::makeBoolConst(value, false)) }
}

/// An OID constant.
pub fn oid(value: Oid) -> Expr {
    constant_node(
        pg_sys::OIDOID,
        Oid::INVALID,
        4,
        pg_sys::Datum::from(value),
        true,
    )
}

/// A text constant.
pub fn text(value: &str) -> Expr {
    let datum = value.into_datum().unwrap_or(pg_sys::Datum::null());
    constant_node(
        pg_sys::TEXTOID,
        pg_sys::DEFAULT_COLLATION_OID,
        -1,
        datum,
        false,
    )
}

/// An array-of-text constant.
pub fn text_array(values: &[String]) -> Expr {
    let datum = values
        .to_vec()
        .into_datum()
        .unwrap_or(pg_sys::Datum::null());
    constant_node(
        pg_sys::TEXTARRAYOID,
        pg_sys::DEFAULT_COLLATION_OID,
        -1,
        datum,
        false,
    )
}

/// An integer constant.
pub fn int4(value: i32) -> Expr {
    let datum = pg_sys::Datum::from(value);
    constant_node(pg_sys::INT4OID, Oid::INVALID, 4, datum, true)
}

/// A bigint constant.
pub fn int8(value: i64) -> Expr {
    let datum = pg_sys::Datum::from(value);
    constant_node(pg_sys::INT8OID, Oid::INVALID, 8, datum, true)
}

/// A double precision constant.
pub fn float8(value: f64) -> Expr {
    let datum = value.into_datum().unwrap_or(pg_sys::Datum::null());
    constant_node(pg_sys::FLOAT8OID, Oid::INVALID, 8, datum, true)
}

/// NULL of exactly this column's type.
pub fn null(column: &Column) -> Expr {
    // SAFETY: S2.
    unsafe {
        let node = pg_sys::makeNullConst(column.type_oid, column.typmod, column.collation);
        Expr::from_raw(node.cast())
    }
}

/// A literal of exactly this column's type. Raises the type's own error if it is none.
pub fn literal(column: &Column, text: &str) -> Expr {
    parsed(column.type_oid, column.typmod, column.collation, text)
}

/// A literal of this type. Raises the type's own error if it is none.
pub fn parsed(type_oid: Oid, typmod: i32, collation: Oid, text: &str) -> Expr {
    let text = std::ffi::CString::new(text).unwrap_or_default();
    // SAFETY: S2, S4; the input function's result lives in the planning context.
    unsafe {
        let (mut input, mut parameter) = (Oid::INVALID, Oid::INVALID);
        pg_sys::getTypeInputInfo(type_oid, &mut input, &mut parameter);
        let value =
            pg_sys::OidInputFunctionCall(input, text.as_ptr().cast_mut(), parameter, typmod);
        let (mut length, mut by_value) = (0i16, false);
        pg_sys::get_typlenbyval(type_oid, &mut length, &mut by_value);
        let length = i32::from(length);
        let node = pg_sys::makeConst(type_oid, typmod, collation, length, value, false, by_value);
        Expr::from_raw(node.cast())
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

/// An eight-byte constant of a pass-by-value type (a label).
pub fn eight_bytes(type_oid: Oid, bits: i64) -> Expr {
    constant_node(type_oid, Oid::INVALID, 8, pg_sys::Datum::from(bits), true)
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
                super::compat::copy_row_state(like, var);
            }
        }
        self
    }
}

impl Expr {
    /// All variables in it, each as one of the same row as `like`.
    pub fn all_in_row_of(self, like: Expr) -> Expr {
        self.walk(&mut |node, _| {
            if node.as_variable().is_some() {
                node.in_row_of(like);
            }
            super::tree::Walk::Into
        });
        self
    }

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
            pg_sys::BPCHAROID => call(super::types::TEXT_OF_BPCHAR, pg_sys::TEXTOID, &[self]),
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

fn relabel(value: Expr, type_oid: Oid, typmod: i32, collation: Oid) -> Expr {
    // SAFETY: S2.
    unsafe {
        let form = pg_sys::CoercionForm::COERCE_IMPLICIT_CAST;
        let node = pg_sys::makeRelabelType(value.raw().cast(), type_oid, typmod, collation, form);
        Expr::from_raw(node.cast())
    }
}

fn pair(a: Expr, b: Expr) -> *mut pg_sys::List {
    // SAFETY: S2.
    unsafe { pg_sys::lappend(pg_sys::lappend(null_mut(), a.raw().cast()), b.raw().cast()) }
}
