//! Statements of ward's own: they must see the rows of every tenant, whoever's session they run in.
//!
//! Each is announced just before it is planned and started, and the hooks take the announcement at
//! once: whatever the statement sets off (a trigger, a function in planning) is planned without it. Its
//! plan bears a mark of its own, and starts only if announced: a plan that had got the mark by mistake
//! would be refused.

use super::guc;
use super::plan::Fingerprint;
use super::spi;
use super::xact::Event;
use crate::errors::{Code, Result, WardError};
use pgrx::pg_sys::{self, Datum, Oid};
use pgrx::{FromDatum, IntoDatum};
use std::cell::Cell;
use std::ffi::{CStr, CString};
use std::ptr::null_mut;

thread_local! {
    /// Is the next query that is planned a statement of ward's own?
    static PLANNED: Cell<bool> = const { Cell::new(false) };
    /// Is the next plan that starts one?
    static STARTED: Cell<bool> = const { Cell::new(false) };
}

/// Whom plans of ward's own belong to. No identity has it (they are hashes).
pub const FINGERPRINT: Fingerprint = [u32::MAX; 4];

/// Takes the announcement: is the query that is being planned ward's own?
#[inline]
pub fn takes_plan() -> bool {
    PLANNED.replace(false)
}

/// Its plan is ready: whatever planning has started meanwhile, this is what starts next.
pub fn planned() {
    STARTED.set(true);
}

/// Takes the announcement: is the plan that starts ward's own? One that was kept has not been planned.
#[inline]
pub fn takes_start() -> bool {
    PLANNED.set(false);
    STARTED.replace(false)
}

/// The announcement ends with the statement, and with an error on the way to it: a lock that is not
/// granted in time must not leave it to the statement that follows.
struct Announced;

impl Announced {
    fn new() -> Self {
        PLANNED.set(true);
        STARTED.set(true);
        Self
    }
}

impl Drop for Announced {
    fn drop(&mut self) {
        PLANNED.set(false);
        STARTED.set(false);
    }
}

/// Whatever way an error takes: no announcement outlives its transaction or savepoint.
pub fn on_event(_: Event) {
    drop(Announced);
}

/// Types of parameters.
pub const TEXT: Oid = pg_sys::TEXTOID;
pub const TEXT_ARRAY: Oid = pg_sys::TEXTARRAYOID;
pub const REGCLASS: Oid = pg_sys::REGCLASSOID;
pub const JSONB: Oid = pg_sys::JSONBOID;

/// A prepared statement of ward's own, kept for the backend's life.
pub struct Lookup(pg_sys::SPIPlanPtr);

/// What one statement found: its rows, by copied text values.
pub struct Rows {
    /// How many rows it returned or changed.
    pub count: u64,
    table: *mut pg_sys::SPITupleTable,
}

impl Rows {
    /// A text column (from 1) of a row (from 0).
    pub fn text(&self, row: usize, column: i32) -> Option<String> {
        self.get(row, column)
    }

    /// A text[] column.
    pub fn texts(&self, row: usize, column: i32) -> Option<Vec<Option<String>>> {
        self.get(row, column)
    }

    /// A boolean column.
    pub fn boolean(&self, row: usize, column: i32) -> Option<bool> {
        self.get(row, column)
    }

    /// A column of eight bytes passed by value.
    pub fn bits(&self, row: usize, column: i32) -> Option<u64> {
        self.get::<i64>(row, column).map(|bits| bits as u64)
    }

    /// A column of any type, as its text.
    pub fn output(&self, row: usize, column: i32) -> Option<String> {
        let tuple = self.tuple(row)?;
        // SAFETY: S2, S4; as in `get`; the text is copied.
        unsafe {
            let text = pg_sys::SPI_getvalue(tuple, (*self.table).tupdesc, column);
            (!text.is_null()).then(|| CStr::from_ptr(text).to_string_lossy().into_owned())
        }
    }

    fn tuple(&self, row: usize) -> Option<pg_sys::HeapTuple> {
        if self.table.is_null() {
            return None;
        }
        // SAFETY: S2; the tuple table lives until SPI_finish, and `row` is checked against it.
        unsafe {
            let table = &*self.table;
            (row < table.numvals as usize).then(|| *table.vals.add(row))
        }
    }

    fn get<T: FromDatum>(&self, row: usize, column: i32) -> Option<T> {
        let tuple = self.tuple(row)?;
        // SAFETY: S2; the tuple belongs to this table.
        unsafe {
            let mut null = true;
            let value = pg_sys::SPI_getbinval(tuple, (*self.table).tupdesc, column, &mut null);
            T::from_datum(value, null)
        }
    }
}

/// A text[] parameter.
pub fn texts(values: Vec<Option<String>>) -> Datum {
    values.into_datum().unwrap_or(Datum::null())
}

/// A jsonb parameter.
pub fn json(value: &serde_json::Value) -> Datum {
    let value = pgrx::JsonB(value.clone()).into_datum();
    value.unwrap_or(Datum::null())
}

/// A text parameter.
pub fn text(value: &str) -> Datum {
    value.into_datum().unwrap_or(Datum::null())
}

impl Lookup {
    /// Prepares `sql` with parameters of these types. Its names must all be qualified: it runs as the
    /// bootstrap superuser, on the session's search path.
    pub fn prepare(sql: &str, types: &[Oid]) -> Result<Self> {
        let sql = CString::new(sql).map_err(|_| failed("text"))?;
        let mut types = types.to_vec();
        connected(|| {
            // SAFETY: S1, S4; the plan is kept before SPI is left.
            unsafe {
                let plan = prepare(&sql, &mut types, pg_sys::CURSOR_OPT_GENERIC_PLAN)?;
                if pg_sys::SPI_keepplan(plan) != 0 {
                    return Err(failed("plan"));
                }
                Ok(Self(plan))
            }
        })
    }

    /// Runs it, and hands what it found to `f`.
    pub fn run<T>(&self, values: &[Datum], f: impl FnOnce(&Rows) -> Result<T>) -> Result<T> {
        connected(|| {
            // SAFETY: S1, S4.
            let code = unsafe { execute(self.0, values, false) };
            found(code, f)
        })
    }
}

impl Drop for Lookup {
    fn drop(&mut self) {
        // SAFETY: S1, S4; nothing else knows the plan.
        unsafe { pg_sys::SPI_freeplan(self.0) };
    }
}

/// Runs a statement once, as the bootstrap superuser, and hands what it found to `f`.
pub fn query<T>(
    sql: &str,
    arguments: &[(Oid, Datum)],
    f: impl FnOnce(&Rows) -> Result<T>,
) -> Result<T> {
    spi::as_owner(|| on_own_path(|| once(sql, arguments, f)))
}

/// Runs a statement that changes rows of a table as the owner of that table, as core cascades
/// foreign keys: its triggers must not gain rights. The number of rows that it changed.
///
/// Its names must all be qualified: what it sets off resolves names on the session's search path, and
/// so does core when it analyses a prepared statement again.
///
/// Under REPEATABLE READ it sees what others have committed since, and fails with a serialization
/// error if it would have to change such a row.
pub fn change(table: Oid, sql: &str, arguments: &[(Oid, Datum)]) -> Result<u64> {
    let level = guc::nest();
    if guc::maintenance().as_deref() == Some(guc::ADMINISTRATION) {
        // It needs no ground of its own, and the constraints of the table's owner must not have ward's.
        guc::save(c"ward.maintenance", "");
    }
    let changed = spi::as_role(super::catalog::owner(table), || {
        connected(|| once(sql, arguments, |rows| Ok(rows.count)))
    });
    guc::unnest(level);
    changed
}

fn once<T>(sql: &str, arguments: &[(Oid, Datum)], f: impl FnOnce(&Rows) -> Result<T>) -> Result<T> {
    let sql = CString::new(sql).map_err(|_| failed("text"))?;
    let (mut types, values): (Vec<Oid>, Vec<Datum>) = arguments.iter().copied().unzip();
    // SAFETY: S1, S4; callers are inside an SPI connection.
    let code = unsafe {
        let plan = prepare(&sql, &mut types, 0)?;
        execute(plan, &values, true)
    };
    found(code, f)
}

/// # Safety
/// Inside an SPI connection; `plan` is live and takes these parameters.
unsafe fn execute(plan: pg_sys::SPIPlanPtr, values: &[Datum], newest: bool) -> i32 {
    let mut values = values.to_vec();
    let nulls: Vec<u8> = values
        .iter()
        .map(|value| if value.is_null() { b'n' } else { b' ' })
        .collect();
    // SAFETY: by contract, S1, S4; both arrays outlive the call.
    unsafe {
        let (mut snapshot, mut crosscheck) = (null_mut(), null_mut());
        if newest && pg_sys::XactIsoLevel >= pg_sys::XACT_REPEATABLE_READ as i32 {
            pg_sys::CommandCounterIncrement();
            snapshot = pg_sys::GetLatestSnapshot();
            crosscheck = pg_sys::GetTransactionSnapshot();
        }
        let announced = Announced::new();
        let code = pg_sys::SPI_execute_snapshot(
            plan,
            values.as_mut_ptr(),
            nulls.as_ptr().cast(),
            snapshot,
            crosscheck,
            false,
            true,
            0,
        );
        drop(announced);
        code
    }
}

fn found<T>(code: i32, f: impl FnOnce(&Rows) -> Result<T>) -> Result<T> {
    if code < 0 {
        return Err(failed("execution"));
    }
    // SAFETY: S1; both were set by the statement that has just run.
    let rows = unsafe {
        Rows {
            count: pg_sys::SPI_processed,
            table: pg_sys::SPI_tuptable,
        }
    };
    f(&rows)
}

/// # Safety
/// Inside an SPI connection.
unsafe fn prepare(sql: &CStr, types: &mut [Oid], options: u32) -> Result<pg_sys::SPIPlanPtr> {
    let count = types.len() as i32;
    // SAFETY: by contract, S1, S4.
    let plan = unsafe {
        pg_sys::SPI_prepare_cursor(sql.as_ptr(), count, types.as_mut_ptr(), options as i32)
    };
    if plan.is_null() {
        return Err(failed("plan"));
    }
    Ok(plan)
}

/// Runs `f` inside an SPI connection, with names resolved as ward's own.
fn on_own_path<T>(f: impl FnOnce() -> Result<T>) -> Result<T> {
    let level = guc::nest();
    guc::save(c"search_path", spi::OWN_PATH);
    let result = connected(f);
    guc::unnest(level);
    result
}

/// Runs `f` inside an SPI connection.
fn connected<T>(f: impl FnOnce() -> Result<T>) -> Result<T> {
    // SAFETY: S1, S4; on error the (sub)transaction's abort closes the connection.
    unsafe {
        if pg_sys::SPI_connect() < 0 {
            return Err(failed("connection"));
        }
        let result = f();
        pg_sys::SPI_finish();
        result
    }
}

fn failed(what: &str) -> WardError {
    WardError::new(
        Code::Registry,
        format!("a statement of ward's own failed ({what})"),
    )
}
