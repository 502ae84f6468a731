//! A log that grows.

use crate::merkle::{Hash, empty_root, fold, leaf_hash, perfect_root};
use crate::store::{ReadError, Store};
use crate::tile::{Level, Tile, WIDTH, hashes_at, push_entry};

/// The right edge of a tree, which is all that appending needs.
///
/// The files are a function of the entries alone: however they are split into batches, and however
/// often a batch is repeated after a crash, the same path always gets the same bytes.
#[derive(Clone, Debug, Default)]
pub struct Log {
    size: u64,
    /// The partial tile of each level, possibly empty.
    edge: Vec<Vec<Hash>>,
    /// The partial bundle.
    bundle: Vec<u8>,
    /// Full tiles that nobody has fetched.
    full: Vec<(Tile, Vec<u8>)>,
    /// The size when files were last fetched.
    fetched: u64,
    /// Folders of partial tiles that those files made superfluous.
    stale: Vec<String>,
}

impl Log {
    /// An empty log.
    pub fn new() -> Self {
        Self::default()
    }

    /// Goes on with a log that has files for this size. They may have files for more: those are
    /// written again.
    pub fn load<S: Store>(store: &S, size: u64) -> Result<Self, ReadError<S::Error>> {
        let mut log = Self {
            size,
            fetched: size,
            ..Self::default()
        };
        for level in 0.. {
            let all = hashes_at(level, size);
            if all == 0 {
                break;
            }
            let tile = Tile::within(Level::Hashes(level), all / WIDTH, size);
            let hashes = tile.map_or(Ok(Vec::new()), |tile| tile.hashes(store))?;
            log.edge.push(hashes);
        }
        if let Some(tile) = Tile::within(Level::Entries, size / WIDTH, size) {
            let entries = tile.entries(store)?;
            let entries = entries.ok_or_else(|| ReadError::Missing(tile.path()))?;
            let leaves = entries.iter().map(|entry| leaf_hash(entry));
            if !leaves.eq(log.edge.first().into_iter().flatten().copied()) {
                return Err(ReadError::Damaged(
                    tile.path(),
                    "its hashes are not those of the tile",
                ));
            }
            for entry in &entries {
                push_entry(&mut log.bundle, entry);
            }
        }
        Ok(log)
    }

    /// Adds an entry of at most 65,535 bytes and tells its index.
    pub fn append(&mut self, entry: &[u8]) -> u64 {
        let index = self.size;
        let entry = entry.get(..usize::from(u16::MAX)).unwrap_or(entry);
        push_entry(&mut self.bundle, entry);
        self.size += 1;
        if self.size.is_multiple_of(WIDTH) {
            let tile = Tile {
                level: Level::Entries,
                index: index / WIDTH,
                width: WIDTH,
            };
            self.full.push((tile, std::mem::take(&mut self.bundle)));
        }
        self.push(0, leaf_hash(entry));
        index
    }

    /// Adds a hash to a level; a tile that it fills becomes one of the next.
    fn push(&mut self, level: u8, hash: Hash) {
        if self.edge.len() <= usize::from(level) {
            self.edge.push(Vec::with_capacity(256));
        }
        let Some(edge) = self.edge.get_mut(usize::from(level)) else {
            return;
        };
        edge.push(hash);
        if edge.len() as u64 == WIDTH {
            let hashes = std::mem::take(edge);
            let tile = Tile {
                level: Level::Hashes(level),
                index: hashes_at(level, self.size) / WIDTH - 1,
                width: WIDTH,
            };
            self.full.push((tile, hashes.concat()));
            self.push(level + 1, perfect_root(&hashes));
        }
    }

    /// How many entries there are.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The tree's root.
    pub fn root(&self) -> Hash {
        let levels = self.edge.iter();
        let root = levels.fold(None, |right, hashes| fold(hashes, right));
        root.unwrap_or_else(empty_root)
    }

    /// The files to be written since the last call, as path and content: full tiles and bundles,
    /// and the partial ones of now.
    pub fn files(&mut self) -> Vec<(String, Vec<u8>)> {
        let full = std::mem::take(&mut self.full);
        self.stale = full.iter().map(|(tile, _)| tile.partial_folder()).collect();
        let mut files: Vec<_> = full.into_iter().collect();
        if self.fetched < self.size {
            files.extend(self.partials());
        }
        self.fetched = self.size;
        let named = files.into_iter();
        named.map(|(tile, bytes)| (tile.path(), bytes)).collect()
    }

    fn partials(&self) -> impl Iterator<Item = (Tile, Vec<u8>)> {
        let bundle = Tile::within(Level::Entries, self.size / WIDTH, self.size);
        let bundle = bundle.map(|tile| (tile, self.bundle.clone()));
        let hashes = (0..).zip(&self.edge).filter_map(|(level, hashes)| {
            let index = hashes_at(level, self.size) / WIDTH;
            // A level that did not grow has its file already.
            let grew = hashes_at(level, self.size) > hashes_at(level, self.fetched);
            let tile = Tile::within(Level::Hashes(level), index, self.size);
            tile.filter(|_| grew).map(|tile| (tile, hashes.concat()))
        });
        bundle.into_iter().chain(hashes)
    }

    /// Folders of partial tiles that the files of the last call of [`Log::files`] make superfluous:
    /// they may be deleted once a checkpoint over those files has been published.
    pub fn stale_partials(&self) -> Vec<String> {
        self.stale.clone()
    }
}
