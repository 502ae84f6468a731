#![forbid(unsafe_code)]
//! Partial tiles that a sealer which was killed has left behind: written, perhaps in part, but signed by nobody.

use std::fs;
use std::path::Path;

/// Removes partial tiles of a log beyond its signed size. Its other files are written anew, the same as before.
pub fn remove(log: &Path, size: u64) {
    for folder in children(&log.join("tile")) {
        // `entries` are tiles of level 0, like the hashes of entries.
        let level = folder.1.parse().unwrap_or(0u32);
        let signed = size.checked_shr(8 * level).unwrap_or(0);
        remove_in(&folder.0, 0, signed);
    }
}

/// Tiles are named by three digits of their index at a time, all but the last after an `x`
/// (c2sp.org/tlog-tiles); partial ones lie in a folder of that name and `.p`, by how much they hold.
fn remove_in(folder: &Path, above: u64, signed: u64) {
    for (path, name) in children(folder) {
        let digits = name.trim_start_matches('x').trim_end_matches(".p");
        let Ok(digits) = digits.parse::<u64>() else {
            continue;
        };
        let index = above * 1000 + digits;
        if !name.ends_with(".p") {
            remove_in(&path, index, signed);
            continue;
        }
        for (file, width) in children(&path) {
            let holds = width.parse().unwrap_or(u64::MAX);
            if index.saturating_mul(256).saturating_add(holds) > signed {
                // One that stays does no harm but to whoever looks at it.
                let _ = fs::remove_file(file);
            }
        }
    }
}

fn children(folder: &Path) -> Vec<(std::path::PathBuf, String)> {
    let files = fs::read_dir(folder).into_iter().flatten().flatten();
    files
        .filter_map(|file| Some((file.path(), file.file_name().into_string().ok()?)))
        .collect()
}
