//! Tiles: the files of a log (c2sp.org/tlog-tiles).
//!
//! A tile holds 256 hashes of one level, a bundle 256 entries; the rightmost ones hold fewer and
//! are called *partial*. Level 0 has the hashes of the entries, each next level the roots of the
//! full tiles below.

use crate::merkle::Hash;
use crate::store::{ReadError, Store};

/// How many hashes or entries a full tile has.
pub const WIDTH: u64 = 256;

/// What a tile holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Entries.
    Entries,
    /// Hashes, each over 256 to this power of entries.
    Hashes(u8),
}

/// The name of a tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tile {
    /// What it holds.
    pub level: Level,
    /// From the left, from 0.
    pub index: u64,
    /// How many; 256 if it is full.
    pub width: u64,
}

/// A file that was found: its path and content.
type Found = (String, Vec<u8>);

/// How many hashes a level has in a tree of this size.
pub fn hashes_at(level: u8, size: u64) -> u64 {
    size.checked_shr(8 * u32::from(level)).unwrap_or(0)
}

impl Tile {
    /// This tile as it is in a tree of this size, if it is in it.
    pub fn within(level: Level, index: u64, size: u64) -> Option<Self> {
        let all = match level {
            Level::Entries => size,
            Level::Hashes(level) => hashes_at(level, size),
        };
        let width = all.checked_sub(index.checked_mul(WIDTH)?)?.min(WIDTH);
        (width > 0).then_some(Self {
            level,
            index,
            width,
        })
    }

    /// The tile that a path names, as [`Tile::path`] writes it.
    pub fn parse(path: &str) -> Option<Self> {
        let (level, rest) = path.strip_prefix("tile/")?.split_once('/')?;
        let level = match level {
            "entries" => Level::Entries,
            number => Level::Hashes(number.parse().ok()?),
        };
        let (number, width) = match rest.split_once(".p/") {
            Some((number, width)) => (number, width.parse().ok()?),
            None => (rest, WIDTH),
        };
        let digits: String = number.chars().filter(char::is_ascii_digit).collect();
        let tile = Self {
            level,
            index: digits.parse().ok()?,
            width,
        };
        // Other spellings name nothing.
        (tile.path() == path).then_some(tile)
    }

    /// The path of the full tile.
    fn full_path(&self) -> String {
        let mut number = format!("{:03}", self.index % 1000);
        let mut rest = self.index / 1000;
        while rest > 0 {
            number = format!("x{:03}/{number}", rest % 1000);
            rest /= 1000;
        }
        match self.level {
            Level::Entries => format!("tile/entries/{number}"),
            Level::Hashes(level) => format!("tile/{level}/{number}"),
        }
    }

    /// The folder of its partial versions, which a full tile makes superfluous.
    pub fn partial_folder(&self) -> String {
        self.full_path() + ".p"
    }

    /// Where it is.
    pub fn path(&self) -> String {
        if self.width == WIDTH {
            self.full_path()
        } else {
            format!("{}/{}", self.partial_folder(), self.width)
        }
    }

    /// Reads the file: this width, or the full tile where it has been filled since.
    pub(crate) fn read<S: Store>(&self, store: &S) -> Result<Option<Found>, ReadError<S::Error>> {
        for path in [self.path(), self.full_path()] {
            if let Some(bytes) = store.read(&path).map_err(ReadError::Store)? {
                return Ok(Some((path, bytes)));
            }
        }
        Ok(None)
    }

    /// Whether a file at this path may hold more than this tile.
    fn is_fuller(&self, path: &str) -> bool {
        self.width < WIDTH && *path == self.full_path()
    }

    /// The hashes of a tile.
    pub fn hashes<S: Store>(&self, store: &S) -> Result<Vec<Hash>, ReadError<S::Error>> {
        let found = self.read(store)?;
        let (path, bytes) = found.ok_or_else(|| ReadError::Missing(self.path()))?;
        let (hashes, rest) = bytes.as_chunks();
        let width = self.width as usize;
        let kept = hashes.get(..width);
        match kept {
            Some(kept) if rest.is_empty() && (hashes.len() == width || self.is_fuller(&path)) => {
                Ok(kept.to_vec())
            }
            _ => Err(ReadError::Damaged(path, "it has the wrong length")),
        }
    }

    /// The entries of a bundle, or nothing where it is not there (any more).
    pub fn entries<S: Store>(
        &self,
        store: &S,
    ) -> Result<Option<Vec<Vec<u8>>>, ReadError<S::Error>> {
        let Some((path, bytes)) = self.read(store)? else {
            return Ok(None);
        };
        let (mut entries, mut rest) = (Vec::with_capacity(256), bytes.as_slice());
        while (entries.len() as u64) < self.width {
            let Some((entry, after)) = split_entry(rest) else {
                return Err(ReadError::Damaged(path, "an entry is cut off"));
            };
            entries.push(entry.to_vec());
            rest = after;
        }
        if !rest.is_empty() && !self.is_fuller(&path) {
            return Err(ReadError::Damaged(path, "something follows the last entry"));
        }
        Ok(Some(entries))
    }
}

fn split_entry(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    rest.split_at_checked(u16::from_be_bytes(*length).into())
}

/// Adds an entry to a bundle. One that is too long is cut to what its length can say; items never
/// are ([`MAX_BODY`](crate::MAX_BODY)).
pub fn push_entry(bundle: &mut Vec<u8>, entry: &[u8]) {
    let length = u16::try_from(entry.len()).unwrap_or(u16::MAX);
    bundle.extend_from_slice(&length.to_be_bytes());
    bundle.extend_from_slice(entry.get(..length.into()).unwrap_or(entry));
}

/// The entries of the `index`th bundle in a log of this size, or nothing where they have been
/// deleted.
pub fn read_bundle<S: Store>(
    store: &S,
    index: u64,
    size: u64,
) -> Result<Option<Vec<Vec<u8>>>, ReadError<S::Error>> {
    let bundle = Tile::within(Level::Entries, index, size).ok_or(ReadError::OutOfRange)?;
    bundle.entries(store)
}

/// One entry of a log of this size.
pub fn read_entry<S: Store>(
    store: &S,
    index: u64,
    size: u64,
) -> Result<Vec<u8>, ReadError<S::Error>> {
    let tile = Tile::within(Level::Entries, index / WIDTH, size).ok_or(ReadError::OutOfRange)?;
    let entries = tile.entries(store)?;
    let mut entries = entries.ok_or_else(|| ReadError::Missing(tile.path()))?;
    let at = (index % WIDTH) as usize;
    if index < size && at < entries.len() {
        Ok(entries.swap_remove(at))
    } else {
        Err(ReadError::OutOfRange)
    }
}
