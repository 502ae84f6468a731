//! NOTIFY, without a statement.

use pgrx::pg_sys;
use std::ffi::{CStr, CString, c_char};

unsafe extern "C-unwind" {
    // Not in the bindings.
    fn Async_Notify(channel: *const c_char, payload: *const c_char);
}

/// A notification has less than this.
const LONGEST: usize = 8_000;

/// Notifies listeners when the transaction commits. What is too long is not sent.
pub fn send(channel: &CStr, payload: &str) {
    let Ok(payload) = CString::new(payload) else {
        return;
    };
    if payload.count_bytes() >= LONGEST {
        return;
    }
    // SAFETY: S4 (one guard around a call that may raise); both texts are copied.
    unsafe {
        pg_sys::ffi::pg_guard_ffi_boundary(|| Async_Notify(channel.as_ptr(), payload.as_ptr()));
    }
}
