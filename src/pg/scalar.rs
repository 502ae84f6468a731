//! The SQL types that ward's columns may have, and their values.

use pgrx::pg_sys::{self, Oid};
use pgrx::{IntoDatum, Uuid};
use std::fmt;

/// The types that a tenant, owner or acl element may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scalar {
    Int2,
    Int4,
    Int8,
    Uuid,
    Text,
    Varchar,
}

/// A value of such a column, parsed from a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    Int(i64),
    Uuid([u8; 16]),
    Text(String),
}

/// The text that [`Scalar::parse`] reads.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(n) => n.fmt(f),
            Self::Uuid(bytes) => Uuid::from_bytes(*bytes).fmt(f),
            Self::Text(text) => f.write_str(text),
        }
    }
}

impl Scalar {
    /// The scalar that this type OID stands for.
    pub fn of(type_oid: Oid) -> Option<Self> {
        Some(match type_oid {
            pg_sys::INT2OID => Self::Int2,
            pg_sys::INT4OID => Self::Int4,
            pg_sys::INT8OID => Self::Int8,
            pg_sys::UUIDOID => Self::Uuid,
            pg_sys::TEXTOID => Self::Text,
            pg_sys::VARCHAROID => Self::Varchar,
            _ => return None,
        })
    }

    /// The element type, when this type OID is an array of such scalars.
    pub fn of_array(type_oid: Oid) -> Option<Self> {
        // SAFETY: S3 (syscache look-up by value).
        Self::of(unsafe { pg_sys::get_element_type(type_oid) })
    }

    /// Parses a claim's text as this type; `None` if it is no such value.
    pub fn parse(self, text: &str) -> Option<Value> {
        match self {
            Self::Int2 => text.parse::<i16>().ok().map(|n| Value::Int(n.into())),
            Self::Int4 => text.parse::<i32>().ok().map(|n| Value::Int(n.into())),
            Self::Int8 => text.parse::<i64>().ok().map(Value::Int),
            Self::Uuid => parse_uuid(text).map(Value::Uuid),
            Self::Text | Self::Varchar => Some(Value::Text(text.to_owned())),
        }
    }

    /// The type whose operators compare such a column (varchar has none of its own).
    pub(super) fn operator_type(self) -> Oid {
        match self {
            Self::Int2 => pg_sys::INT2OID,
            Self::Int4 => pg_sys::INT4OID,
            Self::Int8 => pg_sys::INT8OID,
            Self::Uuid => pg_sys::UUIDOID,
            Self::Text | Self::Varchar => pg_sys::TEXTOID,
        }
    }

    pub(super) fn array_type(self) -> Oid {
        match self {
            Self::Int2 => pg_sys::INT2ARRAYOID,
            Self::Int4 => pg_sys::INT4ARRAYOID,
            Self::Int8 => pg_sys::INT8ARRAYOID,
            Self::Uuid => pg_sys::UUIDARRAYOID,
            Self::Text | Self::Varchar => pg_sys::TEXTARRAYOID,
        }
    }

    /// Length and pass-by-value of the operator type, for a Const node.
    pub(super) fn layout(self) -> (i32, bool) {
        match self {
            Self::Int2 => (2, true),
            Self::Int4 => (4, true),
            Self::Int8 => (8, true),
            Self::Uuid => (16, false),
            Self::Text | Self::Varchar => (-1, false),
        }
    }
}

/// The 32 hexadecimal digits of a UUID in its canonical 8-4-4-4-12 form.
fn parse_uuid(text: &str) -> Option<[u8; 16]> {
    let bytes = text.as_bytes();
    let dashes = [8, 13, 18, 23];
    if bytes.len() != 36 || dashes.iter().any(|&i| bytes.get(i) != Some(&b'-')) {
        return None;
    }
    let digits: Vec<u8> = bytes
        .iter()
        .enumerate()
        .filter(|(i, _)| !dashes.contains(i))
        .map(|(_, b)| (*b as char).to_digit(16).map(|d| d as u8))
        .collect::<Option<_>>()?;
    let mut out = [0u8; 16];
    for (byte, pair) in out.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = pair.iter().fold(0, |byte, digit| byte << 4 | digit);
    }
    Some(out)
}

/// `value` as a datum of this type, in the current memory context.
pub fn datum(scalar: Scalar, value: &Value) -> pg_sys::Datum {
    let datum = match (scalar, value) {
        (Scalar::Int2, Value::Int(n)) => (*n as i16).into_datum(),
        (Scalar::Int4, Value::Int(n)) => (*n as i32).into_datum(),
        (_, Value::Int(n)) => n.into_datum(),
        (_, Value::Uuid(bytes)) => Uuid::from_bytes(*bytes).into_datum(),
        (_, Value::Text(text)) => text.as_str().into_datum(),
    };
    datum.unwrap_or(pg_sys::Datum::null())
}

/// An array of values of this type, in the current memory context.
pub fn array_datum(scalar: Scalar, values: &[Value]) -> pg_sys::Datum {
    let ints = || {
        values.iter().filter_map(|v| {
            if let Value::Int(n) = v {
                Some(*n)
            } else {
                None
            }
        })
    };
    let datum = match scalar {
        Scalar::Int2 => ints().map(|n| n as i16).collect::<Vec<_>>().into_datum(),
        Scalar::Int4 => ints().map(|n| n as i32).collect::<Vec<_>>().into_datum(),
        Scalar::Int8 => ints().collect::<Vec<_>>().into_datum(),
        Scalar::Uuid => values
            .iter()
            .filter_map(|v| {
                if let Value::Uuid(b) = v {
                    Some(Uuid::from_bytes(*b))
                } else {
                    None
                }
            })
            .collect::<Vec<_>>()
            .into_datum(),
        Scalar::Text | Scalar::Varchar => values
            .iter()
            .filter_map(|v| {
                if let Value::Text(t) = v {
                    Some(t.clone())
                } else {
                    None
                }
            })
            .collect::<Vec<_>>()
            .into_datum(),
    };
    datum.unwrap_or(pg_sys::Datum::null())
}
