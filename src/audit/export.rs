#![forbid(unsafe_code)]
//! What is taken from a log for somebody else: proofs, checkpoints, the key.

use super::emit::unavailable;
use super::folder::Folder;
use super::key;
use super::ledger::CHECKPOINT;
use super::state;
use crate::errors::{Code, Result, WardError};
use std::fs;
use std::sync::atomic::Ordering;
use ward_audit::{Proof, Verifier};

/// The proof that an entry is in a log; `None` if the log has no such entry.
pub fn proof(log: Option<u32>, index: u64) -> Result<Option<String>> {
    let log = log.map_or_else(current, Ok)?;
    let folder = Folder::of_epoch(log);
    let Some(text) = folder.text(CHECKPOINT) else {
        return Ok(None);
    };
    let verifier = Verifier::parse(key()?.trim()).map_err(|error| unreadable(&error))?;
    let checkpoint = verifier.open(&text).map_err(|error| unreadable(&error))?;
    if index >= checkpoint.size {
        return Ok(None);
    }
    let proof = Proof::make(&folder, index, &text, checkpoint.size);
    proof
        .map(|proof| Some(proof.text()))
        .map_err(|error| unreadable(&error))
}

/// The latest checkpoint.
pub fn checkpoint() -> Result<String> {
    Folder::of_epoch(current()?)
        .text(CHECKPOINT)
        .ok_or_else(unavailable)
}

/// The public key, in one line.
pub fn key() -> Result<String> {
    let text = fs::read_to_string(key::verifier_file()).map_err(|_| unavailable())?;
    Ok(text.trim().to_owned())
}

/// The log that is being written.
fn current() -> Result<u32> {
    match state::get().map_or(0, |state| state.epoch.load(Ordering::Acquire)) {
        0 => Err(unavailable()),
        epoch => Ok(epoch),
    }
}

fn unreadable(error: &dyn std::fmt::Display) -> WardError {
    WardError::new(
        Code::Audit,
        format!("the audit log cannot be read: {error}"),
    )
}
