#![forbid(unsafe_code)]
//! Waiting until what has happened can be read.

use super::cursor::Cursor;
use super::emit::unavailable;
use super::state::{self, State};
use crate::errors::{Code, Result, WardError};
use crate::pg::{client, cluster, latch};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// How often is looked, in milliseconds.
const LOOK: i64 = 5;

/// Waits until all that was recorded so far, by anybody, is sealed, signed, and in the tables of this
/// database. On a standby, whose tables are the primary's, until it is sealed.
///
/// Error: WD043 if that takes longer than `limit`, or if nothing can be recorded.
pub fn wait(limit: Duration) -> Result<()> {
    let state = state::get().ok_or_else(unavailable)?;
    state.mac_key().ok_or_else(unavailable)?;
    let deadline = Instant::now() + limit;
    if cluster::in_recovery() {
        // A round that has begun before now may have missed what was spooled meanwhile.
        let rounds = state.spooled.load(Ordering::Acquire) + 2;
        return until(deadline, "sealed", state, || {
            state.spooled.load(Ordering::Acquire) >= rounds
        });
    }
    let emitted = state.emitted();
    until(deadline, "sealed", state, || state.sealed() >= emitted)?;
    if Cursor::read()?.is_none() {
        return Ok(());
    }
    let log = state.epoch.load(Ordering::Acquire);
    let size = state.size.load(Ordering::Acquire);
    until(deadline, "projected", state, || {
        if Cursor::read()
            .is_ok_and(|cursor| cursor.is_some_and(|cursor| cursor.place >= (log, size)))
        {
            return true;
        }
        // The sealer starts what is missing; another database may have to wait its turn.
        let _ = state.wanted.compare_exchange(
            0,
            client::database(),
            Ordering::AcqRel,
            Ordering::Acquire,
        );
        false
    })
}

fn until(
    deadline: Instant,
    what: &str,
    state: &State,
    mut is_done: impl FnMut() -> bool,
) -> Result<()> {
    while !is_done() {
        if Instant::now() >= deadline {
            return Err(WardError::new(
                Code::Audit,
                format!("the audit log was not {what} in time"),
            )
            .hint("Look for \"ward audit\" in the server's log, or wait longer: ward.audit_sync(interval)."));
        }
        latch::wake(state.latch.load(Ordering::Acquire));
        latch::wait(LOOK);
    }
    Ok(())
}
