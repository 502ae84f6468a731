#![forbid(unsafe_code)]
//! The log that is being written: entries go in, signed checkpoints come out.

use super::folder::{self, Folder};
use super::{key, leftover};
use std::collections::VecDeque;
use std::io;
use std::time::{Duration, Instant};
use ward_audit::{Log, Signer, Verifier};

/// The file of the latest checkpoint.
pub const CHECKPOINT: &str = "checkpoint";

/// The log of one epoch.
pub struct Ledger {
    folder: Folder,
    log: Log,
    signer: Signer,
    origin: String,
    /// Partial tiles that others have taken the place of, and since when.
    stale: VecDeque<(Instant, String)>,
}

/// For so long they stay.
const READERS: Duration = Duration::from_secs(10);

impl Ledger {
    /// Goes on with a log, at its checkpoint. Error: why it cannot be continued.
    pub fn resume(epoch: u32, size: u64) -> Result<Self, String> {
        let mut ledger = Self::new(epoch)?;
        let (origin, published, root) = checkpoint(&ledger.folder, &ledger.signer)?;
        if origin != ledger.origin {
            return Err(String::from("its checkpoint belongs to another log"));
        }
        if published < size {
            return Err(String::from(
                "its checkpoint is older than what was signed last",
            ));
        }
        leftover::remove(ledger.folder.root(), published);
        ledger.log = Log::load(&ledger.folder, published)
            .map_err(|error| format!("its files cannot be read: {error}"))?;
        if ledger.log.root() != root {
            return Err(String::from("its files do not agree with its checkpoint"));
        }
        Ok(ledger)
    }

    /// Begins a log after all that exist. Error: what is wrong with the key.
    pub fn begin() -> Result<(Self, u32), String> {
        let epoch = folder::epochs().last().map_or(1, |last| last + 1);
        Ok((Self::new(epoch)?, epoch))
    }

    fn new(epoch: u32) -> Result<Self, String> {
        let signer = key::signer()?;
        Ok(Self {
            folder: Folder::of_epoch(epoch),
            log: Log::new(),
            origin: origin(&signer, epoch),
            signer,
            stale: VecDeque::new(),
        })
    }

    /// Adds an entry; its index.
    pub fn append(&mut self, entry: &[u8]) -> u64 {
        self.log.append(entry)
    }

    /// How many entries it has.
    pub fn size(&self) -> u64 {
        self.log.size()
    }

    /// The entries of a bundle of 256, the last of which may be shorter; `None` if retention has removed it.
    pub fn bundle(&self, bundle: u64) -> Result<Option<Vec<Vec<u8>>>, String> {
        let read = ward_audit::read_bundle(&self.folder, bundle, self.log.size());
        read.map_err(|error| error.to_string())
    }

    /// Makes what was added durable, and signs it.
    pub fn publish(&mut self) -> io::Result<()> {
        self.folder.write(&self.log.files())?;
        let checkpoint = self
            .signer
            .checkpoint(&self.origin, self.log.size(), &self.log.root());
        self.folder.replace(CHECKPOINT, checkpoint.as_bytes())?;
        // Whoever has just read the last checkpoint still looks for its partial tiles.
        let now = Instant::now();
        let stale = self.log.stale_partials().into_iter();
        self.stale.extend(stale.map(|path| (now, path)));
        while let Some((since, path)) = self.stale.pop_front() {
            if since.elapsed() < READERS {
                self.stale.push_front((since, path));
                break;
            }
            self.folder.remove(&path);
        }
        Ok(())
    }
}

/// The first line of an epoch's checkpoints.
pub fn origin(signer: &Signer, epoch: u32) -> String {
    format!("{}/{epoch:06}", signer.name())
}

/// How many entries of a log its checkpoint covers; 0 if it has none. The signature is not looked at.
pub fn published(epoch: u32) -> u64 {
    let text = Folder::of_epoch(epoch).text(CHECKPOINT).unwrap_or_default();
    text.lines()
        .nth(1)
        .and_then(|size| size.parse().ok())
        .unwrap_or_default()
}

/// Origin, size and root of the published checkpoint.
fn checkpoint(folder: &Folder, signer: &Signer) -> Result<(String, u64, [u8; 32]), String> {
    let text = folder.text(CHECKPOINT).ok_or("its checkpoint is gone")?;
    let verifier = Verifier::parse(&signer.vkey()).map_err(|_| "its key is not usable")?;
    let checkpoint = verifier
        .open(&text)
        .map_err(|_| "its checkpoint is not signed by its key")?;
    Ok((checkpoint.origin, checkpoint.size, checkpoint.root))
}
