#![forbid(unsafe_code)]
//! The audit directory, and the key that signs the log.
//!
//! The key is an Ed25519 seed in the form that Go's `golang.org/x/mod/sumdb/note` gives to signers, in a
//! file of mode 0600, made at the first start. Its public half lies beside it as `audit.vkey`.

use super::folder;
use crate::config;
use crate::pg::{self, cluster, log};
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use ward_audit::{MacKey, Signer};

/// Where the audit log, its key and its state lie.
pub fn directory() -> PathBuf {
    config::audit_directory().unwrap_or_else(|| {
        let mut beside = cluster::data_directory().into_os_string();
        beside.push(".ward");
        beside.into()
    })
}

fn key_file() -> PathBuf {
    config::audit_key_file().unwrap_or_else(|| directory().join("audit.key"))
}

/// The file of the public key.
pub fn verifier_file() -> PathBuf {
    directory().join("audit.vkey")
}

/// The key that authenticates records, made with the signing key if there is none yet; called by the
/// postmaster. `None`, and a warning in the server's log, where there can be none.
pub fn load() -> Option<[u8; 32]> {
    match load_or_make(&directory(), &key_file()) {
        Ok(signer) => Some(*MacKey::derive(signer.seed()).bytes()),
        Err(problem) => {
            log::warn(&format!(
                "ward audit: {problem}; what must be audited will be refused"
            ));
            None
        }
    }
}

/// The signing key; read by the sealer alone. Error: what is wrong with its file.
pub fn signer() -> Result<Signer, String> {
    read(&key_file())?.ok_or_else(|| String::from("the key file is gone"))
}

/// Reads the key, or makes it, and the directory, at the first start.
fn load_or_make(directory: &Path, file: &Path) -> Result<Signer, String> {
    let data = cluster::data_directory();
    for path in [directory, file] {
        // A base backup would carry it away.
        if path.starts_with(&data) {
            return Err(format!("{} lies in the data directory", path.display()));
        }
    }
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .map_err(|error| format!("directory {} cannot be made: {error}", directory.display()))?;
    let signer = match read(file)? {
        Some(signer) => signer,
        None => make(file)?,
    };
    let public = verifier_file();
    let text = signer.vkey() + "\n";
    if fs::read_to_string(&public).ok().as_deref() != Some(&text) {
        folder::replace(&public, text.as_bytes()).map_err(|error| about(&public, &error))?;
    }
    Ok(signer)
}

fn read(file: &Path) -> Result<Option<Signer>, String> {
    let text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(about(file, &error)),
    };
    let mode = fs::metadata(file)
        .map_err(|error| about(file, &error))?
        .permissions()
        .mode();
    if mode & 0o007 != 0 {
        return Err(format!("key file {} is open to everybody", file.display()));
    }
    let signer = Signer::parse(text.trim());
    signer
        .map(Some)
        .map_err(|_| format!("key file {} is not readable as a key", file.display()))
}

fn make(file: &Path) -> Result<Signer, String> {
    let seed = pg::strong_random::<32>().ok_or("the server has no source of random numbers")?;
    let cluster = format!("ward-{}", cluster::system_identifier());
    let named =
        |name: &str| Signer::generate_from_seed(name, &seed).map_err(|problem| problem.to_string());
    // A standby is of the same cluster, and its log another: the name tells their keys apart.
    let verifier = named(&cluster)?.vkey();
    let digits = verifier.split('+').nth(1).unwrap_or_default();
    let signer = named(&format!("{cluster}-{digits}"))?;
    let text = signer.skey() + "\n";
    folder::replace(file, text.as_bytes()).map_err(|error| about(file, &error))?;
    Ok(signer)
}

fn about(file: &Path, error: &io::Error) -> String {
    format!("file {}: {error}", file.display())
}
