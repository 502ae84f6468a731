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
