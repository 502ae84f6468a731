//! Raising an error that no caller could have avoided, and hiding rows in those of core.

use pgrx::PgSqlErrorCode;
use pgrx::pg_sys;
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

/// Takes the row out of the DETAIL of constraint errors while it is drawn.
///
/// Core leaves the row out by itself for roles that row security binds. For the others (superusers,
/// BYPASSRLS) it prints columns that the session may see masked only, and keys of other tenants'
/// rows. Callbacks of the error context run before anybody can catch the error.
///
/// It lives in a hook's frame and is plain data: an ERROR that passes through unwinds core's stack of
/// callbacks by itself.
pub struct Curtain {
    entry: pg_sys::ErrorContextCallback,
    drawn: bool,
}

impl Curtain {
    /// Not drawn.
    pub const fn new() -> Self {
        Self {
            entry: pg_sys::ErrorContextCallback {
                previous: std::ptr::null_mut(),
                callback: Some(hide_row),
                arg: std::ptr::null_mut(),
            },
            drawn: false,
        }
    }

    /// Draws it.
    ///
    /// # Safety
    /// It stays where it is until it is opened, in a frame that an ERROR may jump over.
    pub unsafe fn draw(&mut self) {
        // SAFETY: S1; by contract the entry outlives its place on core's stack.
        unsafe {
            self.entry.previous = pg_sys::error_context_stack;
            pg_sys::error_context_stack = &raw mut self.entry;
        }
        self.drawn = true;
    }

    /// Opens it, if it is drawn.
    ///
    /// # Safety
    /// In the frame that drew it.
    pub unsafe fn open(&mut self) {
        if self.drawn {
            // SAFETY: S1; whoever pushed later has popped by now.
            unsafe { pg_sys::error_context_stack = self.entry.previous };
        }
    }
}

unsafe extern "C-unwind" fn hide_row(_: *mut std::ffi::c_void) {
    unsafe extern "C-unwind" {
        fn geterrcode() -> std::ffi::c_int;
        fn errdetail_internal(format: *const std::ffi::c_char, ...) -> std::ffi::c_int;
    }
    use PgSqlErrorCode::*;
    const WITH_ROWS: [PgSqlErrorCode; 6] = [
        ERRCODE_NOT_NULL_VIOLATION,
        ERRCODE_FOREIGN_KEY_VIOLATION,
        ERRCODE_UNIQUE_VIOLATION,
        ERRCODE_CHECK_VIOLATION,
        ERRCODE_EXCLUSION_VIOLATION,
        ERRCODE_WITH_CHECK_OPTION_VIOLATION,
    ];
    // SAFETY: core calls this while it builds an error, which is what both functions are for.
    unsafe {
        let code = geterrcode();
        if WITH_ROWS.iter().any(|with_row| *with_row as i32 == code) {
            errdetail_internal(c"The row is not shown to this session.".as_ptr());
        }
    }
}
