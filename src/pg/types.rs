//! OIDs of core's types and of a few of its functions; none of them ever changes.

use pgrx::pg_sys::{self, Oid};

pub const BOOL: Oid = pg_sys::BOOLOID;
pub const BPCHAR: Oid = pg_sys::BPCHAROID;
pub const BYTEA: Oid = pg_sys::BYTEAOID;
pub const CIDR: Oid = pg_sys::CIDROID;
pub const DATE: Oid = pg_sys::DATEOID;
pub const FLOAT4: Oid = pg_sys::FLOAT4OID;
pub const FLOAT8: Oid = pg_sys::FLOAT8OID;
pub const INET: Oid = pg_sys::INETOID;
pub const INT2: Oid = pg_sys::INT2OID;
pub const INT4: Oid = pg_sys::INT4OID;
pub const INT8: Oid = pg_sys::INT8OID;
pub const JSON: Oid = pg_sys::JSONOID;
pub const JSONB: Oid = pg_sys::JSONBOID;
pub const NUMERIC: Oid = pg_sys::NUMERICOID;
pub const TEXT: Oid = pg_sys::TEXTOID;
pub const TIMESTAMP: Oid = pg_sys::TIMESTAMPOID;
pub const TIMESTAMPTZ: Oid = pg_sys::TIMESTAMPTZOID;
pub const UUID: Oid = pg_sys::UUIDOID;
pub const VARCHAR: Oid = pg_sys::VARCHAROID;

/// The collation of text without one of its own.
pub const DEFAULT_COLLATION: Oid = pg_sys::DEFAULT_COLLATION_OID;

// Casts, by their entries in pg_proc.dat.
pub const INT8_OF_INT2: Oid = oid(754);
pub const INT8_OF_INT4: Oid = oid(481);
pub const INT2_OF_INT8: Oid = oid(714);
pub const INT4_OF_INT8: Oid = oid(480);
pub const FLOAT8_OF_FLOAT4: Oid = oid(311);
pub const FLOAT4_OF_FLOAT8: Oid = oid(312);
pub const TEXT_OF_BPCHAR: Oid = oid(401);

// Arithmetic.
pub const NUMERIC_ROUND: Oid = oid(1707);
pub const NUMERIC_FLOOR: Oid = oid(1712);
pub const NUMERIC_MULTIPLY: Oid = oid(1726);
pub const NUMERIC_DIVIDE: Oid = oid(1727);

const fn oid(number: u32) -> Oid {
    Oid::from_u32(number)
}
