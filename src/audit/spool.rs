#![forbid(unsafe_code)]
//! Records of a standby, which cannot write to the log that it replays.
//!
//! Each process appends to a file of its own, `spool/<boot>-<process>.spool` in the audit directory:
//! the length of a record (u32, big-endian) and the record. The sealer of the standby reads them.

use super::emit;
use super::key;
use super::state::State;
use crate::errors::Result;
use crate::pg::client;
use std::cell::RefCell;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};

thread_local! {
    static FILE: RefCell<Option<File>> = const { RefCell::new(None) };
}

/// Appends a record. Error: WD043 if the file cannot be written.
pub fn append(state: &State, record: &[u8]) -> Result<()> {
    FILE.with_borrow_mut(|file| {
        let written = match file {
            Some(file) => write(file, record),
            None => open(state).and_then(|opened| write(file.insert(opened), record)),
        };
        written.map_err(|error| {
            emit::unavailable().hint(format!("The spool of a standby cannot be written: {error}"))
        })
    })
}

/// Waits until what was appended is durable. Error: WD043.
pub fn flush() -> Result<()> {
    FILE.with_borrow(|file| match file {
        Some(file) => file.sync_data().map_err(|_| emit::unavailable()),
        None => Ok(()),
    })
}

/// One write, so that a reader never sees half a record with the length of a whole one for long.
fn write(file: &mut File, record: &[u8]) -> io::Result<()> {
    let mut bytes = Vec::with_capacity(record.len() + 4);
    bytes.extend_from_slice(&(record.len() as u32).to_be_bytes());
    bytes.extend_from_slice(record);
    file.write_all(&bytes)
}

fn open(state: &State) -> io::Result<File> {
    let folder = key::directory().join("spool");
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&folder)?;
    let boot: String = state
        .boot
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(folder.join(format!("{boot}-{}.spool", client::process())))
}
