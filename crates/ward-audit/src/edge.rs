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
        let Some(tile) = Tile::within(level, all / WIDTH, size) else {
            continue;
        };
        let Some(today) = read(store, tile)? else {
            continue;
        };
        let ends = ends(level, &today);
        for (width, end) in (1..tile.width).zip(ends) {
            let older = Tile { width, ..tile };
            let found = read(store, older)?;
            if found.is_some_and(|found| today.get(..end) != Some(&found)) {
                let reason = format!("{} is not the beginning of {}", older.path(), tile.path());
                return Err(Problem::anywhere(reason));
            }
        }
    }
    Ok(())
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
