//! Running SQL for administrative functions. Hooks never use it.

use super::guc;
use crate::errors::{Code, Result, WardError};
use pgrx::datum::DatumWithOid;
use pgrx::pg_sys::{self, Oid};
use pgrx::spi::{Spi, SpiClient, SpiError};
use pgrx::{FromDatum, IntoDatum};
use std::ffi::{CStr, CString};

/// Runs one statement with bound parameters; the number of rows it affected.
///
/// An SQL error is raised as it is (its own SQLSTATE, message and context).
pub fn run(sql: &str, arguments: &[DatumWithOid]) -> Result<usize> {
    connected(|client| client.update(sql, None, arguments).map(|rows| rows.len()))
}

/// The first row of a query of three columns, if it has one and none of them is NULL.
pub fn row<A, B, C>(sql: &str, arguments: &[DatumWithOid]) -> Result<Option<(A, B, C)>>
where
    A: FromDatum + IntoDatum,
    B: FromDatum + IntoDatum,
    C: FromDatum + IntoDatum,
{
    let row = connected(|client| {
        let rows = client.update(sql, Some(1), arguments)?;
        if rows.is_empty() {
            return Ok((None, None, None));
        }
        rows.first().get_three::<A, B, C>()
    });
    match row? {
        (Some(a), Some(b), Some(c)) => Ok(Some((a, b, c))),
        _ => Ok(None),
    }
}

/// The first value of a query's first row; `None` if there is none or it is NULL.
pub fn value<T: FromDatum + IntoDatum>(sql: &str, arguments: &[DatumWithOid]) -> Result<Option<T>> {
    connected(|client| {
        let rows = client.update(sql, Some(1), arguments)?;
        if rows.is_empty() {
            return Ok(None);
        }
        rows.first().get_one::<T>()
    })
}

/// Runs `f` with names resolved as ward's own, whatever the session's search path: it may run with
/// more rights than the session, whose temporary relations and functions must not stand in.
fn connected<T>(f: impl FnOnce(&mut SpiClient) -> std::result::Result<T, SpiError>) -> Result<T> {
    let level = guc::nest();
    guc::save(c"search_path", OWN_PATH);
    let result = Spi::connect_mut(f);
    guc::unnest(level);
    result.map_err(failed)
}

/// The search path of ward's own statements. pg_temp is named, or it would come first.
pub(super) const OWN_PATH: &str = "pg_catalog, pg_temp";

fn failed(error: SpiError) -> WardError {
    WardError::new(
        Code::Registry,
        format!("an administrative statement failed: {error}"),
    )
}

/// A name as an SQL identifier, quoted where necessary.
pub fn identifier(name: &str) -> String {
    let Ok(name) = CString::new(name) else {
        return String::from("\"\"");
    };
    // SAFETY: S2; the palloc'ed result is copied.
    unsafe {
        CStr::from_ptr(pg_sys::quote_identifier(name.as_ptr()))
            .to_string_lossy()
            .into_owned()
    }
}

/// A text as an SQL literal.
pub fn literal(text: &str) -> String {
    let Ok(text) = CString::new(text) else {
        return String::from("''");
    };
    // SAFETY: S2; the palloc'ed result is copied.
    unsafe {
        CStr::from_ptr(pg_sys::quote_literal_cstr(text.as_ptr()))
            .to_string_lossy()
            .into_owned()
    }
}

/// Runs `f` with the rights of the extension's owner (the bootstrap superuser).
///
/// For work that follows from another role's permitted statement, such as covering a new partition.
pub fn as_owner<T>(f: impl FnOnce() -> T) -> T {
    const BOOTSTRAP_SUPERUSER: u32 = 10;
    as_role(Oid::from(BOOTSTRAP_SUPERUSER), f)
}

/// Runs `f` with the rights of `role`.
pub fn as_role<T>(role: Oid, f: impl FnOnce() -> T) -> T {
    let (mut user, mut context) = (Oid::INVALID, 0);
    // SAFETY: S1; on error the (sub)transaction abort restores both values.
    unsafe {
        pg_sys::GetUserIdAndSecContext(&mut user, &mut context);
        let local = context | pg_sys::SECURITY_LOCAL_USERID_CHANGE as i32;
        pg_sys::SetUserIdAndSecContext(role, local);
    }
    let result = f();
    // SAFETY: S1.
    unsafe { pg_sys::SetUserIdAndSecContext(user, context) };
    result
}
