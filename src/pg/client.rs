//! Who has connected to this process.

use super::{compat, raw};
use pgrx::pg_sys;
use std::ffi::{CStr, c_char};

/// What the client said of itself, and where it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Client {
    /// Its address, or `[local]`; `None` in processes without a client.
    pub address: Option<String>,
    /// Its port.
    pub port: Option<u16>,
    /// The database that it asked for.
    pub database: Option<String>,
    /// The role that it asked for.
    pub role: Option<String>,
}

/// The client of this process.
pub fn current() -> Client {
    let Some([address, port, database, role]) = compat::client() else {
        return Client::default();
    };
    // SAFETY: S1; each is null or lives as long as the process.
    unsafe {
        Client {
            address: text(address),
            port: text(port).and_then(|port| port.parse().ok()),
            database: text(database),
            role: text(role),
        }
    }
}

/// The setting `application_name`, `None` if empty.
pub fn application() -> Option<&'static [u8]> {
    // SAFETY: S1; null or a setting's live text, looked at before anything else runs.
    unsafe {
        let name = pg_sys::application_name;
        let name = (!name.is_null()).then(|| CStr::from_ptr(name).to_bytes());
        name.filter(|name| !name.is_empty())
    }
}

/// The database of this process; 0 before it has one.
pub fn database() -> u32 {
    // SAFETY: S1.
    unsafe { pg_sys::MyDatabaseId }.to_u32()
}

/// Its name; inside a transaction.
pub fn database_name() -> String {
    // SAFETY: S3; null, or palloc'ed and copied.
    unsafe { text(pg_sys::get_database_name(pg_sys::MyDatabaseId)) }.unwrap_or_default()
}

/// The process's number.
pub fn process() -> u32 {
    std::process::id()
}

/// When this process began, in microseconds since the Unix epoch.
pub fn started() -> i64 {
    // SAFETY: S1.
    micros(unsafe { pg_sys::MyStartTimestamp })
}

/// Microseconds since the Unix epoch, from the server's real clock.
pub fn now() -> i64 {
    // SAFETY: S1.
    micros(unsafe { pg_sys::GetCurrentTimestamp() })
}

fn micros(timestamp: i64) -> i64 {
    const POSTGRES_EPOCH: i64 = 946_684_800_000_000;
    timestamp.saturating_add(POSTGRES_EPOCH)
}

/// The role whose rights are in force, by its number.
pub fn role() -> pg_sys::Oid {
    // SAFETY: S1; fails nowhere, not even before the role is known.
    unsafe { raw::GetUserId() }
}

/// Is it the role that logged in?
pub fn is_login_role(role: pg_sys::Oid) -> bool {
    // SAFETY: S1; fails nowhere.
    unsafe { raw::GetAuthenticatedUserId() == role }
}

/// # Safety
/// Null, or a live C string.
unsafe fn text(text: *const c_char) -> Option<String> {
    if text.is_null() {
        return None;
    }
    // SAFETY: by contract.
    Some(
        unsafe { CStr::from_ptr(text) }
            .to_string_lossy()
            .into_owned(),
    )
}
