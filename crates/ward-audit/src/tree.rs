//! Any hash of a tree, from its tiles.

use crate::merkle::{Hash, node_hash, perfect_root};
use crate::store::{ReadError, Store};
use crate::tile::{Level, Tile, WIDTH};
use std::cell::RefCell;
use std::collections::HashMap;

/// The tree of a log of one size. Tiles are read once.
pub struct Tree<'a, S> {
    store: &'a S,
    size: u64,
    tiles: RefCell<HashMap<(u8, u64), Vec<Hash>>>,
}

impl<'a, S: Store> Tree<'a, S> {
    /// The tree that a log had at this size.
    pub fn new(store: &'a S, size: u64) -> Self {
        Self {
            store,
            size,
            tiles: RefCell::default(),
        }
    }

    /// MTH of the entries from `start` to before `end` (RFC 6962 §2.1), which must be one of its
    /// subtrees, or a beginning of it.
    pub fn hash(&self, start: u64, end: u64) -> Result<Hash, ReadError<S::Error>> {
        let length = end.saturating_sub(start);
        if length.is_power_of_two() {
            return self.perfect(length.trailing_zeros(), start);
        }
        let middle = start + split(length);
        Ok(node_hash(
            &self.hash(start, middle)?,
            &self.hash(middle, end)?,
        ))
    }

    /// The root over the two to the power of `height` entries from `start` on.
    fn perfect(&self, height: u32, start: u64) -> Result<Hash, ReadError<S::Error>> {
        let (level, inner) = (height / 8, height % 8);
        let first = start >> (8 * level);
        let count = 1_usize << inner;
        let level = u8::try_from(level).map_err(|_| ReadError::OutOfRange)?;
        let key = (level, first / WIDTH);
        if !self.tiles.borrow().contains_key(&key) {
            let tile = Tile::within(Level::Hashes(level), key.1, self.size);
            let hashes = tile.ok_or(ReadError::OutOfRange)?.hashes(self.store)?;
            self.tiles.borrow_mut().insert(key, hashes);
        }
        let from = (first % WIDTH) as usize;
        let tiles = self.tiles.borrow();
        let hashes = tiles
            .get(&key)
            .and_then(|tile| tile.get(from..from + count));
        Ok(perfect_root(hashes.ok_or(ReadError::OutOfRange)?))
    }
}

/// How many entries the left subtree has: the largest power of two that is less than all.
pub fn split(length: u64) -> u64 {
    1 << (length - 1).ilog2()
}
