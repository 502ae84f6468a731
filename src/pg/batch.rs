//! Many rows into a table of ward's own at once: no planner, no executor, no triggers.
//!
//! For tables whose indexes are plain: no expressions, no conditions, no deferred uniqueness.

use super::table::Row;
use pgrx::pg_sys::{self, Datum, Oid};
use pgrx::{IntoDatum, JsonB};
use std::ffi::CStr;
use std::ptr::null_mut;

/// A value of a column. Moments are microseconds and days since the Unix epoch.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    Boolean(bool),
    Integer(i32),
    /// Eight bytes, passed by value: bigint, pg_lsn, ward.label.
    Big(u64),
    Text(String),
    Uuid([u8; 16]),
    Json(serde_json::Value),
    Timestamp(i64),
    Date(i32),
    /// The lower and the upper corner of a box. Whole numbers, exact up to 2⁵³.
    Box([u64; 2], [u64; 2]),
}

/// From the Unix epoch to PostgreSQL's.
const EPOCH_DAYS: i32 = 10_957;
const EPOCH_MICROS: i64 = 946_684_800_000_000;
/// Core inserts so many tuples in one go.
const CHUNK: usize = 500;
/// Longer tuples are inserted one by one: of those that are stored out of line in part, core's insertion of
/// many would index a place where they are not (it knows only tuples of catalogs, which never are).
const SMALL: u32 = 1_900;

impl Value {
    /// Of a number; NULL for none.
    pub fn big(value: Option<u64>) -> Self {
        value.map_or(Self::Null, Self::Big)
    }

    /// Of a text; NULL for none.
    pub fn text(value: Option<&str>) -> Self {
        value.map_or(Self::Null, |text| Self::Text(text.to_owned()))
    }

    /// Of a text of JSON; NULL for none. What is no JSON becomes a string.
    pub fn json(value: Option<&str>) -> Self {
        value.map_or(Self::Null, |text| {
            let text = text.to_owned();
            Self::Json(serde_json::from_str(&text).unwrap_or(serde_json::Value::String(text)))
        })
    }

    /// In the current memory context; `None` is NULL.
    fn datum(&self) -> Option<Datum> {
        match self {
            Self::Null => None,
            Self::Boolean(value) => value.into_datum(),
            Self::Integer(value) => value.into_datum(),
            Self::Big(value) => Some(Datum::from(*value)),
            // A text that the database cannot store has a NUL in it.
            Self::Text(value) => value.replace('\0', "\u{fffd}").into_datum(),
            Self::Uuid(value) => pgrx::Uuid::from_bytes(*value).into_datum(),
            Self::Json(value) => JsonB(storable(value)).into_datum(),
            Self::Timestamp(value) => Some(Datum::from(value.saturating_sub(EPOCH_MICROS))),
            Self::Date(value) => Some(Datum::from(value.saturating_sub(EPOCH_DAYS))),
            Self::Box(low, high) => area(*low, *high).into_datum(),
        }
    }

    /// Does a stored column hold this value?
    pub fn is_in(&self, row: &Row, column: i32) -> bool {
        match self {
            Self::Null => row.is_null(column),
            Self::Boolean(value) => row.boolean(column) == Some(*value),
            Self::Integer(value) => row.integer(column) == Some(*value),
            Self::Big(value) => row.eight_bytes(column) == Some(*value as i64),
            Self::Text(value) => row.text(column) == Some(value.replace('\0', "\u{fffd}")),
            Self::Uuid(value) => row.uuid(column) == Some(*value),
            Self::Json(value) => row.json(column).as_ref() == Some(&storable(value)),
            Self::Timestamp(value) => {
                row.eight_bytes(column) == Some(value.saturating_sub(EPOCH_MICROS))
            }
            Self::Date(value) => row.integer(column) == Some(value.saturating_sub(EPOCH_DAYS)),
            Self::Box(low, high) => row.corners(column) == Some(corners(&area(*low, *high))),
        }
    }
}

fn area(low: [u64; 2], high: [u64; 2]) -> pg_sys::BOX {
    let point = |[x, y]: [u64; 2]| pg_sys::Point {
        x: x as f64,
        y: y as f64,
    };
    pg_sys::BOX {
        high: point(high),
        low: point(low),
    }
}

/// x and y of the lower corner, and of the upper one.
pub(super) fn corners(area: &pg_sys::BOX) -> [f64; 4] {
    [area.low.x, area.low.y, area.high.x, area.high.y]
}

/// jsonb has no NUL in strings.
fn storable(value: &serde_json::Value) -> serde_json::Value {
    use serde_json::Value as Json;
    match value {
        Json::String(text) => Json::String(text.replace('\0', "\u{fffd}")),
        Json::Array(items) => Json::Array(items.iter().map(storable).collect()),
        Json::Object(fields) => fields
            .iter()
            .map(|(name, value)| (name.replace('\0', "\u{fffd}"), storable(value)))
            .collect(),
        other => other.clone(),
    }
}

/// Inserts rows with a value for each column of the table, in a transaction.
pub fn insert(table: Oid, rows: &[Vec<Value>]) {
    // SAFETY: S1, S4; the lock is kept until the transaction ends, and every tuple lives in a context of
    // its own until its chunk is stored.
    unsafe {
        let relation = pg_sys::table_open(table, pg_sys::RowExclusiveLock as i32);
        let indexes = pg_sys::CatalogOpenIndexes(relation);
        let context = pg_sys::AllocSetContextCreateExtended(
            pg_sys::CurrentMemoryContext,
            c"ward rows".as_ptr(),
            pg_sys::ALLOCSET_DEFAULT_MINSIZE as usize,
            pg_sys::ALLOCSET_DEFAULT_INITSIZE as usize,
            pg_sys::ALLOCSET_DEFAULT_MAXSIZE as usize,
        );
        let caller = pg_sys::MemoryContextSwitchTo(context);
        for chunk in rows.chunks(CHUNK) {
            let tuples = chunk.iter().map(|row| tuple(relation, row));
            let (large, small): (Vec<_>, Vec<_>) = tuples.partition(|one| (**one).t_len > SMALL);
            for one in large {
                pg_sys::CatalogTupleInsertWithInfo(relation, one, indexes);
            }
            let slots = small.into_iter().map(|one| slot(relation, one));
            let mut slots: Vec<_> = slots.collect();
            let count = slots.len() as i32;
            pg_sys::CatalogTuplesMultiInsertWithInfo(relation, slots.as_mut_ptr(), count, indexes);
            for slot in slots {
                pg_sys::ExecDropSingleTupleTableSlot(slot);
            }
            pg_sys::MemoryContextReset(context);
        }
        pg_sys::MemoryContextSwitchTo(caller);
        pg_sys::MemoryContextDelete(context);
        pg_sys::CatalogCloseIndexes(indexes);
        pg_sys::table_close(relation, pg_sys::NoLock as i32);
    }
}

/// # Safety
/// The relation is open and has as many columns as there are values (a shorter row ends in NULLs).
unsafe fn tuple(relation: pg_sys::Relation, row: &[Value]) -> pg_sys::HeapTuple {
    // SAFETY: by contract; allocated in the current context.
    unsafe {
        let descriptor = (*relation).rd_att;
        let (mut values, mut nulls) = columns(descriptor, row);
        pg_sys::heap_form_tuple(descriptor, values.as_mut_ptr(), nulls.as_mut_ptr())
    }
}

/// # Safety
/// The relation is open, and the tuple one of its.
unsafe fn slot(
    relation: pg_sys::Relation,
    tuple: pg_sys::HeapTuple,
) -> *mut pg_sys::TupleTableSlot {
    // SAFETY: by contract; allocated in the current context.
    unsafe {
        let descriptor = (*relation).rd_att;
        let slot = pg_sys::MakeSingleTupleTableSlot(descriptor, &raw const pg_sys::TTSOpsHeapTuple);
        pg_sys::ExecStoreHeapTuple(tuple, slot, false)
    }
}

/// # Safety
/// The descriptor is live.
unsafe fn columns(descriptor: pg_sys::TupleDesc, row: &[Value]) -> (Vec<Datum>, Vec<bool>) {
    // SAFETY: by contract.
    let count = unsafe { (*descriptor).natts } as usize;
    let datums = (0..count).map(|i| row.get(i).and_then(Value::datum));
    datums
        .map(|datum| (datum.unwrap_or(Datum::null()), datum.is_none()))
        .unzip()
}

/// Replaces the row whose first column, an integer, is that of this one.
pub fn replace(table: Oid, row: &[Value]) {
    // SAFETY: S1, S4; the scan holds the old tuple until the new one is stored.
    unsafe {
        let relation = pg_sys::table_open(table, pg_sys::RowExclusiveLock as i32);
        let scan =
            pg_sys::systable_beginscan(relation, Oid::INVALID, false, null_mut(), 0, null_mut());
        loop {
            let old = pg_sys::systable_getnext(scan);
            let Some(found) = Row::of(old, relation) else {
                break;
            };
            if row.first().is_some_and(|key| key.is_in(&found, 1)) {
                let descriptor = (*relation).rd_att;
                let (mut values, mut nulls) = columns(descriptor, row);
                let new =
                    pg_sys::heap_form_tuple(descriptor, values.as_mut_ptr(), nulls.as_mut_ptr());
                pg_sys::CatalogTupleUpdate(relation, &raw mut (*old).t_self, new);
                break;
            }
        }
        pg_sys::systable_endscan(scan);
        pg_sys::table_close(relation, pg_sys::NoLock as i32);
    }
}

/// Deletes the rows of a table that `f` chooses.
pub fn delete(table: Oid, f: impl Fn(&Row) -> bool) {
    // SAFETY: S1, S4; a tuple that is deleted stays where it is until the scan has moved on.
    unsafe {
        let relation = pg_sys::table_open(table, pg_sys::RowExclusiveLock as i32);
        let scan =
            pg_sys::systable_beginscan(relation, Oid::INVALID, false, null_mut(), 0, null_mut());
        loop {
            let tuple = pg_sys::systable_getnext(scan);
            let Some(row) = Row::of(tuple, relation) else {
                break;
            };
            if f(&row) {
                pg_sys::CatalogTupleDelete(relation, &raw mut (*tuple).t_self);
            }
        }
        pg_sys::systable_endscan(scan);
        pg_sys::table_close(relation, pg_sys::NoLock as i32);
    }
}

/// Waits for other processes that take turns over the extension of this name, until the transaction ends. No
/// statement takes this lock: a lock of a table could be held by whoever may analyse the database.
pub fn take_turns(extension: &CStr) {
    // SAFETY: S1, S4.
    unsafe {
        let extension = pg_sys::get_extension_oid(extension.as_ptr(), true);
        let mode = pg_sys::ExclusiveLock as pg_sys::LOCKMODE;
        pg_sys::LockDatabaseObject(pg_sys::ExtensionRelationId, extension, 1, mode);
    }
}

/// Calls `f` for each row whose first columns hold these values, through the table's first index.
pub fn find(table: Oid, key: &[Value], mut f: impl FnMut(&Row)) {
    // SAFETY: S1, S4; what is found is used before the scan moves on.
    unsafe {
        let relation = pg_sys::table_open(table, pg_sys::AccessShareLock as i32);
        let indexes = pg_sys::RelationGetIndexList(relation);
        let index = if indexes.is_null() {
            Oid::INVALID
        } else {
            (*(*indexes).elements).oid_value
        };
        let mut keys = vec![pg_sys::ScanKeyData::default(); key.len()];
        for (column, (scan_key, value)) in (1..).zip(keys.iter_mut().zip(key)) {
            pg_sys::ScanKeyInit(
                scan_key,
                column,
                pg_sys::BTEqualStrategyNumber as u16,
                value.equals(),
                value.datum().unwrap_or(Datum::null()),
            );
        }
        let (count, keys) = (keys.len() as i32, keys.as_mut_ptr());
        let scan = pg_sys::systable_beginscan(
            relation,
            index,
            index != Oid::INVALID,
            null_mut(),
            count,
            keys,
        );
        while let Some(row) = Row::of(pg_sys::systable_getnext(scan), relation) {
            f(&row);
        }
        pg_sys::systable_endscan(scan);
        pg_sys::table_close(relation, pg_sys::AccessShareLock as i32);
    }
}

impl Value {
    /// The function that compares it with a column (pg_proc.dat).
    fn equals(&self) -> Oid {
        Oid::from(match self {
            Self::Date(_) => 1086,
            Self::Uuid(_) => 2956,
            Self::Integer(_) => 65,
            Self::Big(_) => 467,
            Self::Timestamp(_) => 1152,
            _ => 0,
        })
    }
}
