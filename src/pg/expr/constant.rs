//! Constants.

use super::Column;
use crate::pg::node::Expr;
use pgrx::IntoDatum;
use pgrx::pg_sys::{self, Oid};

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

/// An eight-byte constant of a pass-by-value type (a label).
pub fn eight_bytes(type_oid: Oid, bits: i64) -> Expr {
    constant_node(type_oid, Oid::INVALID, 8, pg_sys::Datum::from(bits), true)
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

pub(super) fn constant_node(
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
