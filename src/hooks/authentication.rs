//! `ClientAuthentication_hook`: the first point in a session, before the client is told whether it is let in.

use crate::pg::net;
use crate::pg::slot::HookSlot;
use pgrx::pg_sys::Port;
use std::ffi::c_int;

type ClientAuthentication = unsafe extern "C-unwind" fn(*mut Port, c_int);

unsafe extern "C-unwind" {
    // Not in the bindings.
    static mut ClientAuthentication_hook: Option<ClientAuthentication>;
}

static PREVIOUS: HookSlot<ClientAuthentication> = HookSlot::new();

pub fn install() {
    // SAFETY: S1.
    unsafe {
        ClientAuthentication_hook = PREVIOUS.chain(ClientAuthentication_hook, authenticated);
    }
}

/// Core refuses the client after this, if it does.
unsafe extern "C-unwind" fn authenticated(port: *mut Port, status: c_int) {
    net::spread();
    // SAFETY: S5.
    unsafe {
        if let Some(previous) = PREVIOUS.get() {
            previous(port, status);
        }
    }
}
