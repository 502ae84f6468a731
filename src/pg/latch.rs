//! Waking another process, and waiting a moment.

use pgrx::pg_sys;

/// Wakes the process with this latch (an address in shared memory); 0 is nobody.
pub fn wake(latch: usize) {
    let latch = latch as *mut pg_sys::Latch;
    if !latch.is_null() {
        // SAFETY: S7; latches in shared memory stay valid, whoever owns them by now.
        unsafe { pg_sys::SetLatch(latch) };
    }
}

/// Lets the statement be cancelled here.
pub fn allow_cancel() {
    pgrx::check_for_interrupts!();
}

/// Waits for a tenth of a second, unless the statement is cancelled.
pub fn pause() {
    wait(100);
}

/// Waits for so many milliseconds, unless the process is woken or the statement is cancelled.
pub fn wait(milliseconds: i64) {
    // SAFETY: S1, S4.
    unsafe {
        let events = pg_sys::WL_LATCH_SET | pg_sys::WL_TIMEOUT | pg_sys::WL_EXIT_ON_PM_DEATH;
        pg_sys::WaitLatch(
            pg_sys::MyLatch,
            events as i32,
            milliseconds,
            pg_sys::PG_WAIT_EXTENSION,
        );
        pg_sys::ResetLatch(pg_sys::MyLatch);
    }
    pgrx::check_for_interrupts!();
}
