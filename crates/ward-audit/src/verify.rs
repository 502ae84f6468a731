//! Checking a whole log.

use crate::chunk::{CHUNK, Chunk, check_hashes};
use crate::edge;
use crate::merkle::{Hash, empty_root, fold, perfect_root};
use crate::note::{Checkpoint, Verifier};
use crate::sequence::Sequences;
use crate::store::Store;
use crate::tile::WIDTH;
use crate::{Event, Item};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// The first thing that is wrong with a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The first entry that cannot be relied upon; nothing if it may be any.
    pub index: Option<u64>,
    /// What is wrong.
    pub reason: String,
}

impl Problem {
    pub(crate) fn at(index: u64, reason: String) -> Self {
        Self {
            index: Some(index),
            reason,
        }
    }

    /// Retention deletes the oldest entries only.
    pub(crate) fn hole(index: u64) -> Self {
        Self::at(
            index,
            "it is missing, though older ones are there".to_owned(),
        )
    }

    pub(crate) fn anywhere(reason: impl Into<String>) -> Self {
        Self {
            index: None,
            reason: reason.into(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.index {
            Some(index) => write!(f, "entry {index}: {}", self.reason),
            None => f.write_str(&self.reason),
        }
    }
}

/// What was found out about a log.
#[derive(Clone, Debug)]
pub struct Report {
    /// The signed checkpoint; nothing if it could not be relied upon.
    pub checkpoint: Option<Checkpoint>,
    /// The first entry that is there. Those before it were deleted, which retention does; that they
    /// were there, and what their hashes are, is proven all the same.
    pub first: u64,
    /// There are files for more entries than were signed: the sealer was interrupted, or is at work,
    /// or the checkpoint was replaced by an older one. Only a checkpoint that was kept elsewhere can
    /// tell.
    pub is_longer: bool,
    /// The event with which the log begins, if it is there.
    pub origin: Option<Event>,
    /// What is wrong.
    pub problem: Option<Problem>,
}

impl Report {
    /// Nothing is wrong.
    pub fn is_good(&self) -> bool {
        self.problem.is_none()
    }

    /// How many entries the checkpoint speaks of.
    pub fn size(&self) -> u64 {
        self.checkpoint
            .as_ref()
            .map_or(0, |checkpoint| checkpoint.size)
    }
}

/// Checks everything that a log says: the signature, each tile and entry against it, and that no
/// session's numbering has a gap that the sealer did not report.
///
/// The origin of its checkpoint must be the key's name, or begin with it and `/`. With one thread,
/// none is started.
pub fn verify_log<S: Store + Sync>(store: &S, verifier: &Verifier, threads: usize) -> Report
where
    S::Error: fmt::Display,
{
    let mut report = Report {
        checkpoint: None,
        first: 0,
        is_longer: false,
        origin: None,
        problem: None,
    };
    match open(store, verifier) {
        Err(problem) => report.problem = Some(problem),
        Ok(checkpoint) => {
            report.problem = check(store, &checkpoint, threads, &mut report).err();
            report.checkpoint = Some(checkpoint);
        }
    }
    report
}

fn open<S: Store>(store: &S, verifier: &Verifier) -> Result<Checkpoint, Problem>
where
    S::Error: fmt::Display,
{
    let note = store.read("checkpoint");
    let note = note.map_err(|error| Problem::anywhere(format!("checkpoint: {error}")))?;
    let note = note.ok_or_else(|| Problem::anywhere("checkpoint is missing"))?;
    let note = str::from_utf8(&note).map_err(|_| Problem::anywhere("checkpoint is not text"))?;
    let checkpoint = verifier.open(note);
    let checkpoint =
        checkpoint.map_err(|error| Problem::anywhere(format!("checkpoint: {error}")))?;
    let rest = checkpoint.origin.strip_prefix(verifier.name());
    if rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) {
        Ok(checkpoint)
    } else {
        Err(Problem::anywhere("checkpoint: the origin is not the key's"))
    }
}

fn check<S: Store + Sync>(
    store: &S,
    checkpoint: &Checkpoint,
    threads: usize,
    report: &mut Report,
) -> Result<(), Problem>
where
    S::Error: fmt::Display,
{
    let size = checkpoint.size;
    let chunks = check_chunks(store, size, threads)?;
    let mut whole = Whole {
        first: size,
        ..Whole::default()
    };
    for (number, chunk) in chunks {
        whole.add(number, chunk)?;
    }
    report.first = whole.first;
    report.origin = match whole.item.take() {
        Some(Item::Event(event)) if whole.first == 0 => Some(event),
        _ => None,
    };
    if whole.root(store, size)? != checkpoint.root {
        return Err(Problem::anywhere(
            "the tree's root is not the one that was signed",
        ));
    }
    if size > 0 && report.first >= size {
        return Err(Problem::anywhere(
            "its last entries are gone, which retention never removes",
        ));
    }
    edge::check_older(store, size)?;
    report.is_longer = edge::is_longer(store, size)?;
    Ok(())
}

/// Looks at all chunks, or at those before the first bad one.
fn check_chunks<S: Store + Sync>(
    store: &S,
    size: u64,
    threads: usize,
) -> Result<BTreeMap<u64, Chunk>, Problem>
where
    S::Error: fmt::Display,
{
    let count = size.div_ceil(CHUNK);
    let (next, bad) = (AtomicU64::new(0), AtomicU64::new(u64::MAX));
    let results = Mutex::new(BTreeMap::new());
    let work = || {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count.min(bad.load(Ordering::Relaxed)) {
                break;
            }
            let result = Chunk::check(store, number, size);
            if result.is_err() {
                bad.fetch_min(number, Ordering::Relaxed);
            }
            let mut results = results.lock().unwrap_or_else(PoisonError::into_inner);
            results.insert(number, result);
        }
    };
    let helpers = threads.min(usize::try_from(count).unwrap_or(usize::MAX));
    std::thread::scope(|scope| {
        for _ in 1..helpers {
            scope.spawn(work);
        }
        work();
    });
    let results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    let results = results.into_iter();
    // In order, so that the first error is the one of the first bad entry.
    results
        .map(|(number, result)| result.map(|chunk| (number, chunk)))
        .collect()
}

/// The log, as put together from its chunks.
#[derive(Default)]
struct Whole {
    leaves: Vec<Hash>,
    /// Roots of the tiles of level 1, the last of which may not be full.
    roots: Vec<Hash>,
    /// Roots of its full tiles.
    chunks: Vec<Hash>,
    first: u64,
    item: Option<Item>,
    sequences: Sequences,
}

impl Whole {
    fn add(&mut self, number: u64, chunk: Chunk) -> Result<(), Problem> {
        let start = number * CHUNK;
        let is_begun = self.first < start;
        if is_begun && !chunk.is_whole {
            return Err(Problem::hole(start));
        }
        if let (false, Some(first)) = (is_begun, chunk.first) {
            self.first = first;
            self.item = chunk.item;
        }
        let joined = self.sequences.join(chunk.sequences);
        joined.map_err(|(index, reason)| Problem::at(index, reason))?;
        if chunk.roots.len() as u64 == WIDTH {
            self.chunks.push(perfect_root(&chunk.roots));
        } else {
            self.roots = chunk.roots;
        }
        self.leaves = chunk.leaves;
        Ok(())
    }

    /// Compares the tiles of the upper levels, and computes the root.
    fn root<S: Store>(self, store: &S, size: u64) -> Result<Hash, Problem>
    where
        S::Error: fmt::Display,
    {
        let mut root = fold(&self.roots, fold(&self.leaves, None));
        let (mut level, mut hashes) = (2, self.chunks);
        while !hashes.is_empty() {
            for (index, tile) in (0..).zip(hashes.chunks(256)) {
                check_hashes(store, level, index, tile, size)?;
            }
            let (full, rest) = hashes.as_chunks::<256>();
            root = fold(rest, root);
            hashes = full.iter().map(|tile| perfect_root(tile)).collect();
            level += 1;
        }
        Ok(root.unwrap_or_else(empty_root))
    }
}
