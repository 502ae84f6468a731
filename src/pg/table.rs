//! Reading tables directly, row by row, with the newest committed state.
//!
//! Used for the registry and for catalogs without a syscache. It is not SPI: it needs no rights of
//! the caller, plans nothing, and cannot recurse into ward's own hooks.

use pgrx::pg_sys::{self, Oid};
use pgrx::{FromDatum, JsonB};
use std::ptr::null_mut;

/// One row of a scan; columns are numbered from 1.
pub struct Row {
    tuple: pg_sys::HeapTuple,
    descriptor: pg_sys::TupleDesc,
}

impl Row {
    /// The row of a tuple that a scan of this relation found; `None` at its end.
    ///
    /// # Safety
    /// Both live until the scan moves on.
    pub(super) unsafe fn of(tuple: pg_sys::HeapTuple, relation: pg_sys::Relation) -> Option<Self> {
        // SAFETY: by contract.
        let descriptor = unsafe { (*relation).rd_att };
        (!tuple.is_null()).then_some(Self { tuple, descriptor })
    }

    fn get<T: FromDatum>(&self, attno: i32) -> Option<T> {
        let mut null = true;
        // SAFETY: the tuple and its descriptor live until the scan moves on.
        unsafe {
            let value = pg_sys::heap_getattr(self.tuple, attno, self.descriptor, &mut null);
            T::from_datum(value, null)
        }
    }

    /// A text column.
    pub fn text(&self, attno: i32) -> Option<String> {
        self.get(attno)
    }

    /// A name column.
    pub fn name(&self, attno: i32) -> Option<String> {
        self.get::<&std::ffi::CStr>(attno)
            .map(|name| name.to_string_lossy().into_owned())
    }

    /// An oid or regclass column.
    pub fn oid(&self, attno: i32) -> Option<Oid> {
        self.get(attno)
    }

    /// A boolean column.
    pub fn boolean(&self, attno: i32) -> Option<bool> {
        self.get(attno)
    }

    /// A smallint column.
    pub fn small_int(&self, attno: i32) -> Option<i16> {
        self.get(attno)
    }

    /// An integer or date column (days since 2000).
    pub fn integer(&self, attno: i32) -> Option<i32> {
        self.get(attno)
    }

    /// A uuid column.
    pub fn uuid(&self, attno: i32) -> Option<[u8; 16]> {
        self.get::<pgrx::Uuid>(attno).map(|uuid| *uuid.as_bytes())
    }

    /// Is a column NULL?
    pub fn is_null(&self, attno: i32) -> bool {
        let mut null = true;
        // SAFETY: the tuple and its descriptor live until the scan moves on.
        unsafe { pg_sys::heap_getattr(self.tuple, attno, self.descriptor, &mut null) };
        null
    }

    /// A column of eight bytes, passed by value.
    pub fn eight_bytes(&self, attno: i32) -> Option<i64> {
        self.get(attno)
    }

    /// A bytea column.
    pub fn bytes(&self, attno: i32) -> Option<Vec<u8>> {
        self.get(attno)
    }

    /// A box column: x and y of its lower corner, and of its upper one.
    pub fn corners(&self, attno: i32) -> Option<[f64; 4]> {
        self.get::<pg_sys::BOX>(attno)
            .map(|area| super::batch::corners(&area))
    }

    /// A text[] column without NULLs.
    pub fn texts(&self, attno: i32) -> Option<Vec<String>> {
        self.get(attno)
    }

    /// A jsonb column.
    pub fn json(&self, attno: i32) -> Option<serde_json::Value> {
        self.get::<JsonB>(attno).map(|json| json.0)
    }
}

/// Calls `f` for each row of `table`.
pub fn scan(table: Oid, f: impl FnMut(&Row)) {
    scan_with(table, Oid::INVALID, &[], f);
}

/// Calls `f` for each row whose oid column `attno` equals `key`, through `index`.
pub fn scan_by_oid(table: Oid, index: Oid, attno: i16, key: Oid, f: impl FnMut(&Row)) {
    scan_with(table, index, &[(attno, key)], f);
}

/// Calls `f` for each row whose oid columns equal these values, through `index`.
pub fn scan_by_oids(table: Oid, index: Oid, keys: &[(i16, Oid)], f: impl FnMut(&Row)) {
    scan_with(table, index, keys, f);
}

fn scan_with(table: Oid, index: Oid, keys: &[(i16, Oid)], mut f: impl FnMut(&Row)) {
    // SAFETY: S3, S4. A null snapshot makes systable_beginscan take a fresh one, so that a
    // revocation committed a moment ago is seen even under REPEATABLE READ.
    unsafe {
        let relation = pg_sys::table_open(table, pg_sys::AccessShareLock as i32);
        let mut scan_keys = vec![pg_sys::ScanKeyData::default(); keys.len()];
        for (scan_key, (attno, oid)) in scan_keys.iter_mut().zip(keys) {
            pg_sys::ScanKeyInit(
                scan_key,
                *attno,
                pg_sys::BTEqualStrategyNumber as u16,
                Oid::from(OID_EQUALS),
                pg_sys::Datum::from(*oid),
            );
        }
        let scan = pg_sys::systable_beginscan(
            relation,
            index,
            index != Oid::INVALID,
            null_mut(),
            keys.len() as i32,
            scan_keys.as_mut_ptr(),
        );
        loop {
            let tuple = pg_sys::systable_getnext(scan);
            if tuple.is_null() {
                break;
            }
            f(&Row {
                tuple,
                descriptor: (*relation).rd_att,
            });
        }
        pg_sys::systable_endscan(scan);
        pg_sys::table_close(relation, pg_sys::AccessShareLock as i32);
    }
}

/// `oideq` in pg_proc.dat.
const OID_EQUALS: u32 = 184;
