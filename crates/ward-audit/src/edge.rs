//! The right edge of a log: partial tiles of other sizes than that of today.

use crate::store::Store;
use crate::tile::{Level, Tile, WIDTH, hashes_at};
use crate::verify::Problem;
use std::fmt::Display;

fn read<S: Store>(store: &S, tile: Tile) -> Result<Option<Vec<u8>>, Problem>
where
    S::Error: Display,
{
    let path = tile.path();
    let bytes = store.read(&path);
    bytes.map_err(|error| Problem::anywhere(format!("{path}: {error}")))
}

/// Partial tiles of earlier checkpoints, which stay until their tile is full, must be beginnings of
/// the ones of today.
pub fn check_older<S: Store>(store: &S, size: u64) -> Result<(), Problem>
where
    S::Error: Display,
{
    let levels = (0..8).map(|level| (Level::Hashes(level), hashes_at(level, size)));
    let levels = [(Level::Entries, size)].into_iter().chain(levels);
    for (level, all) in levels {
        let today = Tile::within(level, all / WIDTH, size);
        for width in 1..today.map_or(0, |tile| tile.width) {
            let index = all / WIDTH;
            check_beginning(
                store,
                Tile {
                    level,
                    index,
                    width,
                },
                size,
            )?;
        }
    }
    Ok(())
}

/// Whether a tile, if it is there, is the beginning of the same tile of a log of this size.
fn check_beginning<S: Store>(store: &S, older: Tile, size: u64) -> Result<(), Problem>
where
    S::Error: Display,
{
    let Some(found) = read(store, older)? else {
        return Ok(());
    };
    let today = Tile::within(older.level, older.index, size).unwrap_or(older);
    let whole = today.read(store);
    let whole = whole.map_err(|error| Problem::anywhere(format!("{}: {error}", today.path())))?;
    // Retention may have deleted the bundle; every other tile was looked at before.
    let Some((path, whole)) = whole else {
        return Ok(());
    };
    let end = ends(older.level, &whole)
        .get(older.width as usize - 1)
        .copied();
    if end.and_then(|end| whole.get(..end)) == Some(&found) {
        return Ok(());
    }
    let reason = format!("{} is not the beginning of {}", older.path(), path);
    Err(Problem::anywhere(reason))
}

/// What a file is to a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// A part of it, which [`verify_log`](crate::verify_log) looks at.
    Current,
    /// A tile of an earlier size, which is the beginning of that of today.
    Older,
    /// A tile of a greater size, which nobody has signed.
    Unsigned,
    /// None of its files.
    Foreign,
}

/// What the file at this path is to a log of this size. For whoever can list a log's files:
/// [`verify_log`](crate::verify_log) only knows which ones there should be.
pub fn check_file<S: Store>(store: &S, path: &str, size: u64) -> Result<Part, Problem>
where
    S::Error: Display,
{
    if path == "checkpoint" {
        return Ok(Part::Current);
    }
    let Some(tile) = Tile::parse(path).filter(|tile| (1..=WIDTH).contains(&tile.width)) else {
        return Ok(Part::Foreign);
    };
    match Tile::within(tile.level, tile.index, size) {
        Some(today) if today.width == tile.width => Ok(Part::Current),
        Some(today) if today.width > tile.width => {
            check_beginning(store, tile, size)?;
            Ok(Part::Older)
        }
        _ => Ok(Part::Unsigned),
    }
}

/// Where each hash or entry of a tile ends.
fn ends(level: Level, bytes: &[u8]) -> Vec<usize> {
    let length = |at: usize| match level {
        Level::Hashes(_) => 32,
        Level::Entries => {
            let length = bytes.get(at..).and_then(<[u8]>::first_chunk);
            2 + usize::from(length.map_or(0, |length| u16::from_be_bytes(*length)))
        }
    };
    let next = |at: &usize| Some(at + length(*at)).filter(|end| *end <= bytes.len());
    std::iter::successors(next(&0), next).collect()
}

/// Whether there are entries beyond this size.
pub fn is_longer<S: Store>(store: &S, size: u64) -> Result<bool, Problem>
where
    S::Error: Display,
{
    let width = size % WIDTH;
    for width in width + 1..=WIDTH {
        let tile = Tile {
            level: Level::Hashes(0),
            index: size / WIDTH,
            width,
        };
        if read(store, tile)?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}
