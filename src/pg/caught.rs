//! Errors of the server as values, where nothing needs to be rolled back.

use pgrx::pg_sys::panic::CaughtError;
use pgrx::{PgTryBuilder, pg_sys};
use std::panic::AssertUnwindSafe;

/// What `f` returns, or the message of the ERROR that it raised.
///
/// Only for calls that hold no lock of the server's when they fail, and outside of a transaction or
/// inside one that is given up on failure.
pub fn caught<T>(f: impl FnOnce() -> T) -> Result<T, String> {
    PgTryBuilder::new(AssertUnwindSafe(|| Ok(f())))
        .catch_others(|error| Err(message(&error)))
        .catch_rust_panic(|error| Err(message(&error)))
        .execute()
}

fn message(error: &CaughtError) -> String {
    match error {
        CaughtError::PostgresError(report)
        | CaughtError::ErrorReport(report)
        | CaughtError::RustPanic {
            ereport: report, ..
        } => report.message().to_owned(),
    }
}

/// Runs `f` in a transaction of its own. An ERROR rolls it back, as a refusal does, and its message is
/// returned.
pub fn transaction<T>(f: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    let result = caught(|| {
        // SAFETY: S1, S4; no transaction is in progress.
        unsafe {
            pg_sys::SetCurrentStatementStartTimestamp();
            pg_sys::StartTransactionCommand();
            pg_sys::PushActiveSnapshot(pg_sys::GetTransactionSnapshot());
            let result = f();
            if result.is_ok() {
                pg_sys::PopActiveSnapshot();
                pg_sys::CommitTransactionCommand();
            }
            result
        }
    });
    let result = result.and_then(|result| result);
    if result.is_err() {
        // SAFETY: S1, S4.
        unsafe { pg_sys::AbortCurrentTransaction() };
    }
    result
}
