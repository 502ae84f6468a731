//! Work beside the server's one thread: on other threads, which touch nothing of the server's.

use super::latch;
use std::ffi::c_int;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// glibc's and musl's `sigset_t` have 128 bytes.
#[repr(C, align(8))]
struct SignalSet([u8; 128]);

unsafe extern "C" {
    fn pthread_sigmask(how: c_int, set: *const SignalSet, old: *mut SignalSet) -> c_int;
}

const SIG_SETMASK: c_int = 2;

/// Runs `work` on another thread, and waits for it. `work` may start threads of its own; none of them may
/// call anything of PostgreSQL, and all see every signal blocked, so that the server's handlers run on its
/// own thread only. When the statement is cancelled, `is_cancelled` is set and the work left to end.
///
/// `None` if it panicked, or could not be started.
pub fn beside<T: Send + 'static>(
    is_cancelled: &'static AtomicBool,
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    is_cancelled.store(false, Ordering::Relaxed);
    let mut before = SignalSet([0; 128]);
    let all = SignalSet([0xff; 128]);
    // SAFETY: S1; both sets are as large as the C library's. A thread inherits the mask it is born under.
    let worker = unsafe {
        pthread_sigmask(SIG_SETMASK, &all, &mut before);
        let worker = thread::Builder::new().spawn(work);
        pthread_sigmask(SIG_SETMASK, &before, std::ptr::null_mut());
        worker.ok()?
    };
    let watch = Watch(is_cancelled);
    while !worker.is_finished() {
        // An error, such as the cancelling of the statement, drops the watch on its way.
        latch::wait(10);
    }
    std::mem::forget(watch);
    worker.join().ok()
}

struct Watch(&'static AtomicBool);

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
