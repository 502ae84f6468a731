//! Rows as the audit keeps them: which columns changed, and their values as JSON.

use super::trigger::{Row, image};
use super::{arguments, guc};
use pgrx::pg_sys::{self, Datum, Oid};
use std::ffi::CStr;

/// A column of a stored row.
#[derive(Clone, Debug)]
pub struct Stored {
    pub name: String,
    pub attno: i16,
    type_oid: Oid,
    is_vector: bool,
}

/// The columns of a relation that are stored.
pub fn columns(relation: Oid) -> Vec<Stored> {
    const VIRTUAL: u8 = b'v';
    // SAFETY: S3; values are copied before the relation is closed.
    unsafe {
        let open = pg_sys::relation_open(relation, pg_sys::AccessShareLock as i32);
        let descriptor = (*open).rd_att;
        let columns = (0..(*descriptor).natts)
            .map(|i| super::compat::attribute(descriptor, i))
            .filter(|one| !one.attisdropped && one.attgenerated as u8 != VIRTUAL)
            .map(|one| Stored {
                name: CStr::from_ptr(one.attname.data.as_ptr())
                    .to_string_lossy()
                    .into_owned(),
                attno: one.attnum,
                type_oid: pg_sys::getBaseType(one.atttypid),
                is_vector: is_vector(one.atttypid),
            })
            .collect();
        pg_sys::relation_close(open, pg_sys::AccessShareLock as i32);
        columns
    }
}

/// The numbers of the columns that name a row to who replicates it: those of the primary key, or of the
/// index that was chosen instead. Empty where there is none.
pub fn identity_key(relation: Oid) -> Vec<i16> {
    let mut numbers = Vec::new();
    // SAFETY: S3; the set is only read.
    unsafe {
        let open = pg_sys::relation_open(relation, pg_sys::AccessShareLock as i32);
        let set = pg_sys::RelationGetIdentityKeyBitmap(open);
        let mut member = -1;
        loop {
            member = pg_sys::bms_next_member(set, member);
            if member < 0 {
                break;
            }
            let number = member + pg_sys::FirstLowInvalidHeapAttributeNumber;
            numbers.extend(i16::try_from(number).ok());
        }
        pg_sys::relation_close(open, pg_sys::AccessShareLock as i32);
    }
    numbers
}

/// A type of pgvector's.
fn is_vector(type_oid: Oid) -> bool {
    let name = super::catalog::type_name(type_oid);
    let name = name.rsplit('.').next().unwrap_or_default();
    ["vector", "halfvec", "sparsevec"].contains(&name)
}

impl Stored {
    /// Is this value to be told by its digest: longer than `limit` bytes, or a vector?
    pub fn is_long(&self, row: Row, limit: usize) -> bool {
        row.stored(self.attno)
            .is_some_and(|value| self.is_vector || self.size(value) > limit)
    }

    /// How many bytes the value has, without reading what is stored out of line.
    fn size(&self, value: Datum) -> usize {
        // SAFETY: S2, S3; the header of a value of this very type.
        unsafe {
            match pg_sys::get_typlen(self.type_oid) {
                -1 => pg_sys::toast_raw_datum_size(value)
                    .saturating_sub(pg_sys::VARHDRSZ as pg_sys::Size),
                length => length.max(0) as usize,
            }
        }
    }

    /// The bytes of the value; empty for NULL.
    pub fn bytes(&self, row: Row) -> Vec<u8> {
        let value = row.stored(self.attno);
        value.map_or_else(Vec::new, |value| image(value, self.type_oid))
    }

    /// Has it another value in the other row?
    pub fn differs(&self, row: Row, other: Row) -> bool {
        match (row.stored(self.attno), other.stored(self.attno)) {
            (None, None) => false,
            (Some(a), Some(b)) => {
                // An unchanged value stored out of line is the same reference.
                raw_bytes(a, self.type_oid) != raw_bytes(b, self.type_oid)
                    && (self.size(a) != self.size(b)
                        || image(a, self.type_oid) != image(b, self.type_oid))
            }
            _ => true,
        }
    }

    /// The value as JSON: a number, true, false, null, a document, or else a string.
    pub fn json(&self, row: Row) -> String {
        let Some(value) = row.stored(self.attno) else {
            return String::from("null");
        };
        if self.type_oid == pg_sys::BYTEAOID {
            let hex: String = image(value, self.type_oid)
                .iter()
                .map(|b| format!("{b:02x}"))
                .collect();
            return quoted(&format!("\\x{hex}"));
        }
        // SAFETY: S2, S4; a value of exactly this type, whose text is copied.
        let text = unsafe { arguments::output(value, self.type_oid) };
        match self.type_oid {
            pg_sys::BOOLOID => String::from(if text == "t" { "true" } else { "false" }),
            pg_sys::JSONOID | pg_sys::JSONBOID => text,
            pg_sys::INT2OID | pg_sys::INT4OID | pg_sys::INT8OID => text,
            pg_sys::FLOAT4OID | pg_sys::FLOAT8OID
                if text.ends_with(|c: char| c.is_ascii_digit()) =>
            {
                text
            }
            // Longer ones would lose digits where JSON is read into doubles.
            pg_sys::NUMERICOID
                if text.len() <= 15 && text.ends_with(|c: char| c.is_ascii_digit()) =>
            {
                text
            }
            _ => quoted(&text),
        }
    }
}

/// A text as JSON.
pub fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// What is stored in the row itself: the value, or the reference to it.
fn raw_bytes(value: Datum, type_oid: Oid) -> Vec<u8> {
    // SAFETY: S2, S3; a live datum of exactly this type, whose bytes are copied.
    unsafe {
        match pg_sys::get_typlen(type_oid) {
            -1 => {
                let pointer = value.cast_mut_ptr::<pg_sys::varlena>();
                let length = pgrx::varsize_any(pointer);
                std::slice::from_raw_parts(pointer.cast::<u8>(), length).to_vec()
            }
            _ => image(value, type_oid),
        }
    }
}

/// Runs `f` while values are printed the same way whatever the session prefers.
pub fn steadily<T>(f: impl FnOnce() -> T) -> T {
    // SAFETY: S1.
    let is_steady = unsafe {
        pg_sys::DateStyle == pg_sys::USE_ISO_DATES as i32
            && pg_sys::IntervalStyle == pg_sys::INTSTYLE_POSTGRES as i32
            && pg_sys::extra_float_digits >= 1
    };
    if is_steady {
        return f();
    }
    let level = guc::nest();
    guc::save(c"DateStyle", "ISO");
    guc::save(c"IntervalStyle", "postgres");
    guc::save(c"extra_float_digits", "1");
    let result = f();
    guc::unnest(level);
    result
}
