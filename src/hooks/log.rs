//! `emit_log_hook`: the last point at which a message can be masked.

use crate::audit::denial;
use crate::pg::activity::Message;
use crate::pg::net::{self, Raised};
use crate::pg::slot::HookSlot;
use crate::session::disclosure;
use pgrx::pg_sys::{self, ErrorData};

type EmitLog = unsafe extern "C-unwind" fn(*mut ErrorData);

static PREVIOUS: HookSlot<EmitLog> = HookSlot::new();

pub fn install() {
    // SAFETY: S1.
    unsafe { pg_sys::emit_log_hook = PREVIOUS.chain(pg_sys::emit_log_hook, emit_log) };
}

/// Without a guard: it runs while an error is being reported. Refusals that the net has missed are recorded.
unsafe extern "C-unwind" fn emit_log(data: *mut ErrorData) {
    // SAFETY: S5.
    unsafe {
        disclosure::hide_in_message(Message::new(data));
        if let Some(error) = net::of_message(&Message::new(data)) {
            note(error);
        }
        if let Some(previous) = PREVIOUS.get() {
            previous(data);
        }
    }
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn note(error: Raised) {
    denial::logged(error);
}
