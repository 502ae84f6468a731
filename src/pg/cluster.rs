//! What is true of the whole server: who it is, and how far its log reaches.

use super::wal::Lsn;
use pgrx::pg_sys;
use std::ffi::{CStr, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::ptr::null_mut;

/// The number that the cluster got when it was initialised.
pub fn system_identifier() -> u64 {
    // SAFETY: S1; read from the control file before shared memory is made.
    unsafe { pg_sys::GetSystemIdentifier() }
}

/// The data directory, as an absolute path.
pub fn data_directory() -> PathBuf {
    // SAFETY: S1; set for good when the server starts.
    let path = unsafe { CStr::from_ptr(pg_sys::DataDir) };
    PathBuf::from(OsStr::from_bytes(path.to_bytes()))
}

/// Is the server a standby, or still recovering from a crash?
pub fn in_recovery() -> bool {
    // SAFETY: S1.
    unsafe { pg_sys::RecoveryInProgress() }
}

/// The timeline that the server writes or replays.
pub fn timeline() -> u32 {
    // SAFETY: S1; each is asked only where it has an answer.
    unsafe {
        if in_recovery() {
            let mut timeline = 0;
            pg_sys::GetXLogReplayRecPtr(&mut timeline);
            timeline
        } else {
            pg_sys::GetWALInsertionTimeLine()
        }
    }
}

/// Up to where the log is durable; not on a standby.
pub fn flushed() -> Lsn {
    // SAFETY: S1.
    unsafe { pg_sys::GetFlushRecPtr(null_mut()) }
}

/// Does the server wait for the disk at all (`fsync`)?
pub fn waits_for_disk() -> bool {
    // SAFETY: S1.
    unsafe { pg_sys::enableFsync }
}

/// Is a process of the server with this number alive? The sealer itself is in no list.
pub fn is_alive(process: u32) -> bool {
    if process == std::process::id() {
        return true;
    }
    // SAFETY: S1; only its address is looked at.
    i32::try_from(process).is_ok_and(|id| unsafe { !pg_sys::BackendPidGetProc(id).is_null() })
}

/// Does a database have files?
pub fn has_database(database: u32) -> bool {
    let (data, name) = (data_directory(), database.to_string());
    if data.join("base").join(&name).is_dir() {
        return true;
    }
    // A tablespace holds a folder for each version of the server, and that one for each database.
    let spaces = std::fs::read_dir(data.join("pg_tblspc"))
        .into_iter()
        .flatten()
        .flatten();
    let versions = spaces.filter_map(|space| std::fs::read_dir(space.path()).ok());
    versions
        .flatten()
        .flatten()
        .any(|version| version.path().join(&name).is_dir())
}

/// Where the segments of the log begin that lie after the one of this position, in order.
pub fn segments_after(position: Lsn) -> Vec<Lsn> {
    // SAFETY: S1; fixed at the server's start.
    let size = unsafe { pg_sys::wal_segment_size } as u64;
    let files = std::fs::read_dir(data_directory().join("pg_wal"));
    let names = files.into_iter().flatten().flatten();
    let mut starts: Vec<Lsn> = names
        .filter_map(|file| segment_start(file.file_name().to_str()?, size))
        .filter(|start| start / size > position / size)
        .collect();
    starts.sort_unstable();
    starts.dedup();
    starts
}

/// A segment's name is its timeline, and its number in two parts, of eight digits each.
fn segment_start(name: &str, size: u64) -> Option<Lsn> {
    if name.len() != 24 || !name.is_ascii() {
        return None;
    }
    let number = |range: std::ops::Range<usize>| u64::from_str_radix(&name[range], 16).ok();
    number(8..16)?
        .checked_mul(1 << 32)?
        .checked_add(number(16..24)?.checked_mul(size)?)
}
