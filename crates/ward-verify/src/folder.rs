//! Logs as folders.

use crate::arguments::Usage;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use ward_audit::Store;

/// The files of one log.
pub struct Folder {
    path: PathBuf,
    /// Its number, where the folder's name is one.
    pub epoch: Option<u32>,
}

impl Store for Folder {
    type Error = io::Error;

    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        match fs::read(self.path.join(path)) {
            Ok(bytes) => Ok(Some(bytes)),
            // A part of the path may be a file where others have a folder.
            Err(error)
                if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) =>
            {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

impl Folder {
    fn new(path: PathBuf) -> Self {
        let name = path.file_name().and_then(|name| name.to_str());
        let epoch = name
            .filter(|name| name.len() == 6)
            .and_then(|name| name.parse().ok());
        Self { path, epoch }
    }

    /// How it is called in messages.
    pub fn name(&self) -> String {
        match self.epoch {
            Some(epoch) => format!("log {epoch}"),
            None => self.path.display().to_string(),
        }
    }

    /// The text of its checkpoint, if there is one that is text.
    pub fn checkpoint(&self) -> Option<String> {
        let bytes = self.read("checkpoint").ok()??;
        String::from_utf8(bytes).ok()
    }

    /// The paths of all its files, as in [`Store::read`].
    pub fn files(&self) -> io::Result<Vec<String>> {
        let mut files = Vec::new();
        list(&self.path, "", &mut files)?;
        files.sort();
        Ok(files)
    }
}

fn list(folder: &Path, prefix: &str, into: &mut Vec<String>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            list(&entry.path(), &format!("{path}/"), into)?;
        } else {
            into.push(path);
        }
    }
    Ok(())
}

/// The logs in a directory: an audit directory, its folder `log`, or one log; in order.
pub fn logs(directory: &str) -> Result<Vec<Folder>, Usage> {
    let path = Path::new(directory);
    let path = fs::canonicalize(path).map_err(|error| Usage(format!("{directory}: {error}")))?;
    if path.join("checkpoint").exists() || path.join("tile").exists() {
        return Ok(vec![Folder::new(path)]);
    }
    let inner = path.join("log");
    let parent = if inner.is_dir() { inner } else { path };
    let entries = fs::read_dir(&parent);
    let entries = entries.map_err(|error| Usage(format!("{}: {error}", parent.display())))?;
    let folders = entries.filter_map(|entry| Some(Folder::new(entry.ok()?.path())));
    let mut logs: Vec<Folder> = folders.filter(|folder| folder.epoch.is_some()).collect();
    logs.sort_by_key(|folder| folder.epoch);
    if logs.is_empty() {
        return Err(Usage(format!("{directory}: there is no log")));
    }
    Ok(logs)
}
