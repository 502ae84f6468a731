//! Raising an error that no caller could have avoided.

use pgrx::PgSqlErrorCode;
use pgrx::pg_sys::elog::PgLogLevel;
use pgrx::pg_sys::panic::ErrorReport;

/// Raises SQLSTATE 55000; called inside guarded helpers only.
pub fn refuse(message: &'static str) -> ! {
    let code = PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE;
    ErrorReport::new(code, message, "").report(PgLogLevel::ERROR);
    // Reporting at ERROR unwinds; this line only tells the compiler so.
    std::process::abort()
}

/// Runs `f`; the message of the error that it raised.
///
/// For functions that hold nothing but memory (a type's input function), whose caller raises an
/// error of its own in turn: nothing of the transaction is used after a failure.
pub fn caught<T>(f: impl FnOnce() -> T + std::panic::UnwindSafe) -> Result<T, String> {
    let mut f = Some(f);
    pgrx::PgTryBuilder::new(std::panic::AssertUnwindSafe(|| match f.take() {
        Some(f) => Ok(f()),
        None => Err(String::new()),
    }))
    .catch_others(|error| match error {
        pgrx::pg_sys::panic::CaughtError::PostgresError(report)
        | pgrx::pg_sys::panic::CaughtError::ErrorReport(report)
        | pgrx::pg_sys::panic::CaughtError::RustPanic {
            ereport: report, ..
        } => Err(report.message().to_owned()),
    })
    .execute()
}
