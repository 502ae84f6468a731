//! A growing log writes the same files however it grows.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, digest};
use common::{Files, append_all};
use proptest::prelude::*;
use ward_audit::{Hash, Log, ReadError, empty_root, leaf_hash};

fn sha256(bytes: &[u8]) -> Hash {
    digest(&SHA256, bytes).as_ref().try_into().unwrap()
}

/// RFC 6962 §2.1, word for word.
fn mth(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => sha256(b""),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            sha256(&[&[1][..], &mth(left), &mth(right)].concat())
        }
    }
}

fn small_entries(count: usize) -> Vec<Vec<u8>> {
    (0..count).map(|n| n.to_string().into_bytes()).collect()
}

/// The paths and hashes that the specification asks for, level by level.
fn expected_hashes(leaves: &[Hash]) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let (mut level, mut hashes) = (0, leaves.to_vec());
    while !hashes.is_empty() {
        for (index, tile) in hashes.chunks(256).enumerate() {
            assert!(index < 1000);
            let partial = match tile.len() {
                256 => String::new(),
                width => format!(".p/{width}"),
            };
            files.insert(format!("tile/{level}/{index:03}{partial}"), tile.concat());
        }
        hashes = hashes
            .as_chunks::<256>()
            .0
            .iter()
            .map(|tile| mth(tile))
            .collect();
        level += 1;
    }
    files
}

/// The published vectors of RFC 6962 implementations: eight leaves, every size.
#[test]
fn known_roots() {
    let leaves = [
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    ];
    let roots = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    let mut log = Log::new();
    assert_eq!(log.root(), empty_root());
    assert_eq!(hex(&log.root()), roots[0]);
    for (leaf, root) in leaves.iter().zip(&roots[1..]) {
        log.append(&unhex(leaf));
        assert_eq!(hex(&log.root()), *root);
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2);
    digits
        .map(|d| u8::from_str_radix(std::str::from_utf8(d).unwrap(), 16).unwrap())
        .collect()
}

#[test]
fn tiles_are_those_of_the_specification() {
    for count in [0, 1, 2, 255, 256, 257, 511, 512, 700, 65_536, 66_000] {
        let entries = small_entries(count);
        let leaves: Vec<Hash> = entries.iter().map(|entry| leaf_hash(entry)).collect();
        let mut log = Log::new();
        append_all(&mut log, &entries);
        assert_eq!(log.root(), mth(&leaves), "{count}");
        let mut files: BTreeMap<_, _> = log.files().into_iter().collect();
        for (index, bundle) in entries.chunks(256).enumerate() {
            let partial = match bundle.len() {
                256 => String::new(),
                width => format!(".p/{width}"),
            };
            let content = files.remove(&format!("tile/entries/{index:03}{partial}"));
            let written: Vec<u8> = bundle
                .iter()
                .flat_map(|entry| [&[0, u8::try_from(entry.len()).unwrap()], &entry[..]].concat())
                .collect();
            assert_eq!(content, Some(written), "{count}: bundle {index}");
        }
        assert_eq!(files, expected_hashes(&leaves), "{count}");
    }
}

#[test]
fn long_numbers_are_split_into_folders() {
    let tile = |index| {
        ward_audit::Tile::within(ward_audit::Level::Hashes(2), index, u64::MAX)
            .unwrap()
            .path()
    };
    assert_eq!(tile(7), "tile/2/007");
    assert_eq!(tile(1_067), "tile/2/x001/067");
    assert_eq!(tile(1_234_067), "tile/2/x001/x234/067");
    assert_eq!(tile(1_000_000), "tile/2/x001/x000/000");
}

#[test]
fn a_full_tile_makes_its_partials_superfluous() {
    let (mut files, mut log) = (Files::default(), Log::new());
    for entry in small_entries(255) {
        log.append(&entry);
    }
    files.add(&mut log);
    assert!(log.stale_partials().is_empty());
    assert!(files.0.contains_key("tile/entries/000.p/255"));
    log.append(b"x");
    files.add(&mut log);
    assert_eq!(log.stale_partials(), ["tile/entries/000.p", "tile/0/000.p"]);
    assert!(files.0.contains_key("tile/1/000.p/1"));
    assert!(log.files().is_empty(), "nothing new, nothing to write");
}

#[test]
fn a_log_that_lost_its_edge_is_not_continued() {
    let whole = Files::of(&small_entries(300));
    let load = |spoil: &dyn Fn(&mut Files)| {
        let mut files = whole.clone();
        spoil(&mut files);
        Log::load(&files, 300).map(|log| log.root())
    };
    assert!(load(&|_| {}).is_ok());
    for path in ["tile/entries/001.p/44", "tile/0/001.p/44", "tile/1/000.p/1"] {
        let lost = load(&|files| {
            files.0.remove(path);
        });
        assert_eq!(lost, Err(ReadError::Missing(path.to_owned())));
        let cut = load(&|files| {
            files.0.get_mut(path).unwrap().pop();
        });
        assert!(matches!(cut, Err(ReadError::Damaged(..))), "{path}");
    }
    let changed = load(&|files| files.0.get_mut("tile/entries/001.p/44").unwrap()[3] ^= 1);
    assert!(matches!(changed, Err(ReadError::Damaged(..))));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Batches, restarts and repeated batches change no byte.
    #[test]
    fn growth_in_any_steps_writes_the_same_files(
        steps in prop::collection::vec((1usize..200, any::<bool>(), any::<bool>()), 1..12)
    ) {
        let count = steps.iter().map(|(step, ..)| step).sum();
        let entries = small_entries(count);
        let (mut files, mut log, mut done) = (Files::default(), Log::new(), 0);
        for (step, is_restarted, is_repeated) in steps {
            let (from, to) = (done, done + step);
            if is_repeated {
                // Written, but the state never heard of it.
                let mut lost = log.clone();
                append_all(&mut lost, &entries[from..to]);
                files.add(&mut lost);
            }
            if is_restarted {
                log = Log::load(&files, from as u64).unwrap();
            }
            let before = files.clone();
            append_all(&mut log, &entries[from..to]);
            files.add(&mut log);
            if is_repeated {
                prop_assert_eq!(&before, &files);
            }
            for folder in log.stale_partials() {
                files.0.retain(|path, _| !path.starts_with(&format!("{folder}/")));
            }
            done = to;
        }
        let mut at_once = Log::new();
        append_all(&mut at_once, &entries);
        prop_assert_eq!(log.root(), at_once.root());
        for (path, content) in at_once.files() {
            prop_assert_eq!(files.0.get(&path), Some(&content), "{}", path);
        }
    }
}
