//! Writing to the server log only, never to the client.

use pgrx::PgSqlErrorCode;
use pgrx::pg_sys::elog::PgLogLevel;
use pgrx::pg_sys::panic::ErrorReport;

/// One line in the server log, whatever the client's message level.
pub fn record(message: &str) {
    ErrorReport::new(
        PgSqlErrorCode::ERRCODE_SUCCESSFUL_COMPLETION,
        message.to_owned(),
        "",
    )
    .report(PgLogLevel::LOG_SERVER_ONLY);
}

/// A warning; in the server's log if no client is there.
pub fn warn(message: &str) {
    ErrorReport::new(PgSqlErrorCode::ERRCODE_WARNING, message.to_owned(), "")
        .report(PgLogLevel::WARNING);
}
