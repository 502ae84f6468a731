#![forbid(unsafe_code)]
//! Takes the records of a standby from its spool files (written by `spool.rs`).

use super::intake::{self, Record, Taken};
use super::key;
use super::progress::Progress;
use crate::pg::cluster;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;
use ward_audit::{Frame, MacKey};

fn folder() -> PathBuf {
    key::directory().join("spool")
}

/// What is new in the spool files. `is_again` says that a part of it may be in the log already.
pub fn take(
    progress: &mut Progress,
    key: &MacKey,
    boot: &str,
    is_again: bool,
) -> io::Result<Vec<Taken>> {
    let mut taken = Vec::new();
    for name in names(boot) {
        let done = progress.spools.get(&name).copied().unwrap_or_default();
        let bytes = read_from(&name, done)?;
        let mut rest = bytes.as_slice();
        while let Some((record, after)) = split(rest) {
            if !(is_again && is_sealed(progress, key, record)) {
                let record = Record {
                    lsn: 0,
                    is_plain: true,
                    bytes: record,
                };
                taken.extend(intake::take(progress, key, record));
            }
            rest = after;
        }
        let end = done + (bytes.len() - rest.len()) as u64;
        progress.spools.insert(name, end);
    }
    Ok(taken)
}

/// Removes files of processes that are gone, once all they hold is sealed and saved as such.
pub fn remove_finished(progress: &mut Progress, boot: &str) {
    for name in names(boot) {
        let process = name.split(['-', '.']).nth(1).and_then(|id| id.parse().ok());
        let is_written = name.starts_with(boot) && process.is_some_and(cluster::is_alive);
        let path = folder().join(&name);
        let length = fs::metadata(&path).map(|file| file.len());
        let sealed = progress.spools.get(&name).copied();
        if !is_written
            && sealed.is_some()
            && length.ok() == sealed
            && fs::remove_file(&path).is_ok()
        {
            progress.spools.remove(&name);
        }
    }
}

/// The spool files: those of earlier runs of the server first, run by run.
fn names(boot: &str) -> Vec<String> {
    let files = fs::read_dir(folder()).into_iter().flatten().flatten();
    let mut names: Vec<String> = files
        .filter_map(|file| file.file_name().into_string().ok())
        .filter(|name| name.ends_with(".spool"))
        .collect();
    names.sort_by_key(|name| (name.starts_with(boot), name.clone()));
    names
}

fn read_from(name: &str, offset: u64) -> io::Result<Vec<u8>> {
    let mut file = File::open(folder().join(name))?;
    file.seek(SeekFrom::Start(offset))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The first record and what follows it; `None` if it is not whole yet.
fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(u32::from_be_bytes(*length) as usize)
}

fn is_sealed(progress: &Progress, key: &MacKey, record: &[u8]) -> bool {
    Frame::from_record(record, key).is_ok_and(|frame| {
        progress.boot == intake::hexadecimal(&frame.boot)
            && progress
                .sessions
                .get(&frame.session)
                .is_some_and(|session| frame.seq < session.next)
    })
}
