//! `ExecutorRun` and its hook, which lost an argument in 18.

use pgrx::pg_sys;

/// The type of `ExecutorRun_hook`'s function.
#[cfg(not(feature = "pg18"))]
pub type ExecutorRun =
    unsafe extern "C-unwind" fn(*mut pg_sys::QueryDesc, pg_sys::ScanDirection::Type, u64, bool);
/// The type of `ExecutorRun_hook`'s function.
#[cfg(feature = "pg18")]
pub type ExecutorRun =
    unsafe extern "C-unwind" fn(*mut pg_sys::QueryDesc, pg_sys::ScanDirection::Type, u64);

/// Defines the outer ExecutorRun hook under the signature of this version:
/// `$before(desc)` unless `$idle()`, then the previous hook or core's body, then `$after()`.
#[cfg(not(feature = "pg18"))]
macro_rules! executor_run_hook {
    ($name:ident, $previous:ident, $idle:path, $before:ident, $after:ident) => {
        unsafe extern "C-unwind" fn $name(
            desc: *mut pgrx::pg_sys::QueryDesc,
            direction: pgrx::pg_sys::ScanDirection::Type,
            count: u64,
            once: bool,
        ) {
            unsafe extern "C-unwind" {
                fn standard_ExecutorRun(
                    desc: *mut pgrx::pg_sys::QueryDesc,
                    direction: pgrx::pg_sys::ScanDirection::Type,
                    count: u64,
                    once: bool,
                );
            }
            // SAFETY: S5 (no destructors in this frame; arguments are passed on unchanged).
            unsafe {
                let execution = if $idle() {
                    Default::default()
                } else {
                    $before(desc)
                };
                let mut curtain = $crate::pg::error::Curtain::new();
                if execution.hides_rows() {
                    curtain.draw();
                }
                match $previous.get() {
                    Some(previous) => previous(desc, direction, count, once),
                    None => standard_ExecutorRun(desc, direction, count, once),
                }
                curtain.open();
                if execution.leaves_work() {
                    $after(execution);
                }
            }
        }
    };
}
/// Defines the outer ExecutorRun hook under the signature of this version.
#[cfg(feature = "pg18")]
macro_rules! executor_run_hook {
    ($name:ident, $previous:ident, $idle:path, $before:ident, $after:ident) => {
        unsafe extern "C-unwind" fn $name(
            desc: *mut pgrx::pg_sys::QueryDesc,
            direction: pgrx::pg_sys::ScanDirection::Type,
            count: u64,
        ) {
            unsafe extern "C-unwind" {
                fn standard_ExecutorRun(
                    desc: *mut pgrx::pg_sys::QueryDesc,
                    direction: pgrx::pg_sys::ScanDirection::Type,
                    count: u64,
                );
            }
            // SAFETY: S5 (no destructors in this frame; arguments are passed on unchanged).
            unsafe {
                let execution = if $idle() {
                    Default::default()
                } else {
                    $before(desc)
                };
                let mut curtain = $crate::pg::error::Curtain::new();
                if execution.hides_rows() {
                    curtain.draw();
                }
                match $previous.get() {
                    Some(previous) => previous(desc, direction, count),
                    None => standard_ExecutorRun(desc, direction, count),
                }
                curtain.open();
                if execution.leaves_work() {
                    $after(execution);
                }
            }
        }
    };
}
pub(crate) use executor_run_hook;

/// Runs a started query to its end, through the executor hooks.
///
/// # Safety
/// `desc` was started. Called without a guard: an ERROR passes through untouched (S5).
pub unsafe fn executor_run(desc: *mut pg_sys::QueryDesc) {
    let forward = pg_sys::ScanDirection::ForwardScanDirection;
    #[cfg(not(feature = "pg18"))]
    {
        unsafe extern "C-unwind" {
            fn ExecutorRun(
                desc: *mut pg_sys::QueryDesc,
                direction: pg_sys::ScanDirection::Type,
                count: u64,
                once: bool,
            );
        }
        // SAFETY: by contract.
        unsafe { ExecutorRun(desc, forward, 0, true) }
    }
    #[cfg(feature = "pg18")]
    {
        unsafe extern "C-unwind" {
            fn ExecutorRun(
                desc: *mut pg_sys::QueryDesc,
                direction: pg_sys::ScanDirection::Type,
                count: u64,
            );
        }
        // SAFETY: by contract.
        unsafe { ExecutorRun(desc, forward, 0) }
    }
}
