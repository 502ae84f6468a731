//! The part of a log under one tile of level 1: 65,536 entries, looked at by one thread.

use crate::merkle::{Hash, leaf_hash, perfect_root};
use crate::sequence::Sequences;
use crate::store::Store;
use crate::tile::{Level, Tile, WIDTH};
use crate::verify::Problem;
use crate::{Entry, Item};
use std::fmt::Display;

/// How many entries a chunk has.
pub const CHUNK: u64 = WIDTH * WIDTH;

/// What was found in a chunk.
#[derive(Debug, Default)]
pub struct Chunk {
    /// Hashes of a last tile that is not full.
    pub leaves: Vec<Hash>,
    /// Roots of full tiles.
    pub roots: Vec<Hash>,
    /// The first entry that is there.
    pub first: Option<u64>,
    /// The first item.
    pub item: Option<Item>,
    /// Whether its first bundle is there.
    pub is_whole: bool,
    /// Its sessions.
    pub sequences: Sequences,
}

impl Chunk {
    /// Looks at the `number`th chunk of a log of this size.
    pub fn check<S: Store>(store: &S, number: u64, size: u64) -> Result<Self, Problem>
    where
        S::Error: Display,
    {
        let mut chunk = Self::default();
        let first = number * WIDTH;
        for index in first..first + WIDTH {
            let Some(tile) = Tile::within(Level::Hashes(0), index, size) else {
                break;
            };
            chunk.check_tile(store, tile, size)?;
        }
        chunk.is_whole = chunk.first == Some(number * CHUNK);
        chunk.check_roots(store, number, size)?;
        Ok(chunk)
    }

    fn check_tile<S: Store>(&mut self, store: &S, tile: Tile, size: u64) -> Result<(), Problem>
    where
        S::Error: Display,
    {
        let first = tile.index * WIDTH;
        let at = |error: &dyn Display| Problem::at(first, error.to_string());
        let hashes = tile.hashes(store).map_err(|error| at(&error))?;
        let bundle = Tile::within(Level::Entries, tile.index, size).unwrap_or(tile);
        match bundle.entries(store).map_err(|error| at(&error))? {
            Some(entries) => {
                for ((index, entry), hash) in (first..).zip(&entries).zip(&hashes) {
                    if leaf_hash(entry) != *hash {
                        let reason =
                            format!("it is not the entry whose hash is in {}", tile.path());
                        return Err(Problem::at(index, reason));
                    }
                    self.check_entry(index, entry)?;
                }
            }
            None if self.first.is_some() => return Err(Problem::hole(first)),
            None => {}
        }
        if tile.width == WIDTH {
            self.roots.push(perfect_root(&hashes));
        } else {
            self.leaves = hashes;
        }
        Ok(())
    }

    fn check_entry(&mut self, index: u64, bytes: &[u8]) -> Result<(), Problem> {
        let malformed = |error| Problem::at(index, format!("it cannot be read: {error}"));
        let frame = Entry::decode(bytes).map_err(malformed)?.frame;
        let item = Item::decode(frame.body).map_err(malformed)?;
        let sequences = &mut self.sequences;
        let added = sequences.add(index, &frame, &item);
        added.map_err(|(index, reason)| Problem::at(index, reason))?;
        if self.first.is_none() {
            self.first = Some(index);
            self.item = Some(item);
        }
        Ok(())
    }

    /// The tile of level 1 over these.
    fn check_roots<S: Store>(&self, store: &S, number: u64, size: u64) -> Result<(), Problem>
    where
        S::Error: Display,
    {
        check_hashes(store, 1, number, &self.roots, size)
    }
}

/// Compares a tile with what the tiles below it say.
pub fn check_hashes<S: Store>(
    store: &S,
    level: u8,
    index: u64,
    expected: &[Hash],
    size: u64,
) -> Result<(), Problem>
where
    S::Error: Display,
{
    let Some(tile) = Tile::within(Level::Hashes(level), index, size) else {
        return Ok(());
    };
    // The first entry under the `n`th hash of the tile.
    let under = |n: u64| (index * WIDTH + n) << (8 * u32::from(level));
    let hashes = tile.hashes(store);
    let hashes = hashes.map_err(|error| Problem::at(under(0), error.to_string()))?;
    let same = hashes
        .iter()
        .zip(expected)
        .take_while(|(a, b)| a == b)
        .count();
    if same == hashes.len() && same == expected.len() {
        return Ok(());
    }
    let reason = format!(
        "from here on, {} does not fit the tiles below it",
        tile.path()
    );
    Err(Problem::at(under(same as u64), reason))
}
