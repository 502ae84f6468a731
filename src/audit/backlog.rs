#![forbid(unsafe_code)]
//! What happens while the sealing of the log lags behind.

use super::emit;
use super::state::{self, State};
use crate::config::{self, OnBacklog};
use crate::errors::{Code, Result, WardError};
use crate::pg::{latch, wal};

/// May a statement over protected relations run now? Waits for it where `ward.audit_on_backlog` is
/// `block`. Error: WD043.
pub fn admit() -> Result<()> {
    let state = state::get().ok_or_else(emit::unavailable)?;
    if state.key.is_none() {
        return Err(emit::unavailable());
    }
    while is_full(state) {
        match config::on_audit_backlog() {
            OnBacklog::Continue => break,
            OnBacklog::Refuse => return Err(refused()),
            OnBacklog::Block => latch::pause(),
        }
    }
    Ok(())
}

/// Records of before the last start of the server are counted as soon as the sealer has begun.
fn is_full(state: &State) -> bool {
    let (emitted, sealed) = (state.emitted(), state.sealed());
    emitted > sealed
        && wal::is_writable()
        && emitted.saturating_sub(sealed.max(state.began())) > config::audit_backlog_limit()
}

fn refused() -> WardError {
    WardError::new(
        Code::Audit,
        "too much of the audit log waits to be sealed",
    )
    .hint(
        "See the server's log for what keeps the process \"ward sealer\". Settings: ward.audit_backlog_limit, \
         ward.audit_on_backlog.",
    )
}
