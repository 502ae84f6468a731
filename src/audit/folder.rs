#![forbid(unsafe_code)]
//! Files of the log: written whole, durable when it matters, never half replaced.

use crate::pg::cluster;
use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use ward_audit::Store;

/// The folder of one log.
#[derive(Clone)]
pub struct Folder {
    root: PathBuf,
}

impl Folder {
    /// The log of an epoch.
    pub fn of_epoch(epoch: u32) -> Self {
        let root = logs().join(format!("{epoch:06}"));
        Self { root }
    }

    /// Where it lies.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A text in it, such as `checkpoint`; `None` if it is not there.
    pub fn text(&self, path: &str) -> Option<String> {
        fs::read_to_string(self.root.join(path)).ok()
    }

    /// Writes files, and waits until they and their folders are on disk. What is there already is not
    /// touched: somebody may be reading it.
    pub fn write(&self, files: &[(String, Vec<u8>)]) -> io::Result<()> {
        let mut folders = BTreeSet::new();
        for (path, bytes) in files {
            let path = self.root.join(path);
            if fs::read(&path).is_ok_and(|present| present == *bytes) {
                continue;
            }
            let folder = path.parent().unwrap_or(&self.root);
            if !folder.is_dir() {
                make(folder)?;
                folders.extend(
                    folder
                        .ancestors()
                        .take_while(|f| f.starts_with(&self.root))
                        .map(Path::to_owned),
                );
                folders.extend(self.root.parent().map(Path::to_owned));
            }
            folders.insert(folder.to_owned());
            write(&path, bytes)?;
        }
        folders
            .iter()
            .try_for_each(|folder| sync(&File::open(folder)?))
    }

    /// Replaces a file in one step.
    pub fn replace(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        replace(&self.root.join(path), bytes)
    }

    /// Removes a file.
    pub fn remove_file(&self, path: &str) -> io::Result<()> {
        fs::remove_file(self.root.join(path))
    }

    /// Removes a folder with partial tiles, if it is there.
    pub fn remove(&self, path: &str) {
        // One that stays does no harm.
        let _ = fs::remove_dir_all(self.root.join(path));
    }
}

impl Store for Folder {
    type Error = io::Error;

    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        match fs::read(self.root.join(path)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn logs() -> PathBuf {
    super::key::directory().join("log")
}

/// The epochs that have a log, in order.
pub fn epochs() -> Vec<u32> {
    let files = fs::read_dir(logs()).into_iter().flatten().flatten();
    let mut epochs: Vec<u32> = files
        .filter_map(|file| file.file_name().to_str()?.parse().ok())
        .collect();
    epochs.sort_unstable();
    epochs
}

/// Replaces a file in one step, and waits until the new one is on disk.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    if !folder.is_dir() {
        make(folder)?;
    }
    let mut draft = path.to_owned().into_os_string();
    draft.push(".new");
    let draft = PathBuf::from(draft);
    write(&draft, bytes)?;
    fs::rename(&draft, path)?;
    sync(&File::open(folder)?)
}

fn make(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(bytes)?;
    sync(&file)
}

/// Waits for the disk, as the server itself does or does not.
fn sync(file: &File) -> io::Result<()> {
    if cluster::waits_for_disk() {
        file.sync_all()
    } else {
        Ok(())
    }
}
