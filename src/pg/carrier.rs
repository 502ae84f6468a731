//! Building expressions over values that live under keys of a jsonb column.

use super::expr::text;
use super::node::Expr;
use pgrx::pg_sys::{self, Oid};

/// How a value is found in a column of type jsonb.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Carrier {
    /// The key of the document.
    pub key: String,
    /// Makes the value of its text; `None` where the text is the value.
    pub reader: Option<Oid>,
}

/// `jsonb ->> text` in pg_operator.dat.
const JSONB_TEXT_AT: u32 = 3477;

/// `document ->> 'key'`, as the parser builds it: indexes on that expression match.
pub(super) fn text_at(document: Expr, key: &str) -> Expr {
    // SAFETY: S2, S3.
    unsafe {
        let node = pg_sys::make_opclause(
            Oid::from(JSONB_TEXT_AT),
            pg_sys::TEXTOID,
            false,
            document.raw().cast(),
            text(key).raw().cast(),
            pg_sys::DEFAULT_COLLATION_OID,
            pg_sys::DEFAULT_COLLATION_OID,
        );
        (*node.cast::<pg_sys::OpExpr>()).opfuncid = pg_sys::get_opcode(Oid::from(JSONB_TEXT_AT));
        Expr::from_raw(node.cast())
    }
}

/// NULL of type jsonb.
pub fn null_document() -> Expr {
    // SAFETY: S2.
    unsafe {
        let node = pg_sys::makeNullConst(pg_sys::JSONBOID, -1, Oid::INVALID);
        Expr::from_raw(node.cast())
    }
}
