#![forbid(unsafe_code)]
//! Waiting for the audit log, verifying it, and taking proofs from it.
//!
//! EXECUTE on these belongs to `ward_admin` and `ward_auditor`.

use super::{Result, preloaded};
use crate::audit::{export, sync, verify};
use crate::errors::{Code, WardError};
use pgrx::datum::Interval;
use pgrx::prelude::*;
use std::time::Duration;

/// Waits until everything that happened so far, in any session, is sealed, signed and in `ward.audit`.
///
/// Error: WD043 (55000) if that takes longer than `timeout`.
#[pg_extern(volatile, parallel_unsafe)]
fn audit_sync(timeout: default!(Interval, "'10 s'")) -> Result<()> {
    preloaded()?;
    let micros = u64::try_from(timeout.as_micros()).unwrap_or_default();
    Ok(sync::wait(Duration::from_micros(micros))?)
}

/// Computes every log of this server again from its files, in parallel, and compares `ward.audit` of this
/// database with it, row by row.
///
/// One row per log: `verdict` is `valid` or `invalid`; then `first_bad` is the index of the first entry that
/// is wrong, as far as it is one entry, and `reason` says what is. `pruned` entries were removed by
/// retention: only their hashes are left. A row without a log has the verdict `elsewhere`: a promoted standby
/// and a copy of a database have events whose log is not here. Error: WD043 (55000) if there is no key to verify with.
#[pg_extern(volatile, parallel_unsafe)]
#[expect(clippy::type_complexity, reason = "the shape of the returned table")]
fn verify_audit() -> Result<
    TableIterator<
        'static,
        (
            name!(log, Option<i32>),
            name!(entries, i64),
            name!(pruned, i64),
            name!(root, Option<String>),
            name!(checkpoint, Option<String>),
            name!(verdict, String),
            name!(first_bad, Option<i64>),
            name!(reason, Option<String>),
        ),
    >,
> {
    preloaded()?;
    let verdicts = verify::all()?;
    Ok(TableIterator::new(verdicts.into_iter().map(|log| {
        let word = String::from(log.word());
        (
            Some(log.epoch as i32).filter(|epoch| *epoch != 0),
            log.entries as i64,
            log.pruned as i64,
            log.root,
            log.checkpoint,
            word,
            log.first_bad.map(|index| index as i64),
            log.reason,
        )
    })))
}

/// The proof that an entry is in a log, as c2sp.org/tlog-proof: with the entry itself and the latest
/// checkpoint. `log` is by default the one that is being written.
///
/// Errors: WD036 (22023) if there is no such entry; WD043 (55000) if the log cannot be read.
#[pg_extern(volatile, parallel_unsafe)]
fn audit_proof(index: i64, log: default!(Option<i32>, "NULL")) -> Result<String> {
    preloaded()?;
    let index = u64::try_from(index).map_err(|_| no_entry())?;
    let log = log.map(u32::try_from).transpose().map_err(|_| no_entry())?;
    Ok(export::proof(log, index)?.ok_or_else(no_entry)?)
}

/// The latest signed checkpoint (c2sp.org/tlog-checkpoint). Keep one elsewhere now and then.
///
/// Error: WD043 (55000) if there is none.
#[pg_extern(volatile, parallel_unsafe)]
fn audit_checkpoint() -> Result<String> {
    preloaded()?;
    Ok(export::checkpoint()?)
}

/// The key that checkpoints are verified with (a verifier key of c2sp.org/signed-note).
///
/// Error: WD043 (55000) if there is none.
#[pg_extern(volatile, parallel_unsafe)]
fn audit_key() -> Result<String> {
    preloaded()?;
    Ok(export::key()?)
}

fn no_entry() -> WardError {
    WardError::new(Code::Argument, "the audit log has no such entry")
        .hint("Columns log and index of ward.audit name entries.")
}
