#![forbid(unsafe_code)]
//! What happens while the sealing of the log lags behind.

use super::emit;
use super::state::{self, State};
use crate::config::{self, OnBacklog};
use crate::errors::{Code, Result, WardError};
use crate::pg::{client, latch, wal};

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

/// A sealer that gets on has so long to read what others write into the same log, in microseconds.
const PATIENCE: i64 = 2_000_000;
/// So many times the limit is too much even for one that gets on.
const BOUND: u64 = 8;

/// Records of before the last start of the server are counted as soon as the sealer has begun.
fn is_full(state: &State) -> bool {
    let (emitted, sealed) = (state.emitted(), state.sealed());
    let limit = config::audit_backlog_limit();
    let waiting = emitted.saturating_sub(sealed.max(state.began()));
    let gets_on = || client::now() - state.moved() < PATIENCE;
    waiting > limit && wal::is_writable() && (waiting > limit.saturating_mul(BOUND) || !gets_on())
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
