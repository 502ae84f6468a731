//! Whatever is done to a log's files is noticed.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{Files, ORIGIN, append_all, entries, entry, event, signer, verifier};
use ward_audit::{Event, Gap, Item, Kind, Log, Part, Report, check_file, verify_log};

fn check(files: &Files) -> Report {
    verify_log(files, &verifier(), 1)
}

#[track_caller]
fn good(files: &Files) -> Report {
    let report = check(files);
    assert_eq!(report.problem, None);
    report
}

#[track_caller]
fn bad(files: &Files) -> (Option<u64>, String) {
    let problem = check(files).problem.unwrap();
    (problem.index, problem.reason)
}

/// A log that was published at several sizes, as a running server leaves it.
fn published(entries: &[Vec<u8>], sizes: &[usize]) -> Files {
    let (mut files, mut log, mut done) = (Files::default(), Log::new(), 0);
    for &size in sizes {
        append_all(&mut log, &entries[done..size]);
        files.add(&mut log);
        done = size;
    }
    files.sign(&log);
    files
}

#[test]
fn an_untouched_log_is_good() {
    for size in [1, 2, 255, 256, 257, 300, 512] {
        let report = good(&Files::of(&entries(size)));
        let checkpoint = report.checkpoint.unwrap();
        assert_eq!(
            (checkpoint.size, checkpoint.origin.as_str()),
            (size, ORIGIN)
        );
        assert_eq!((report.first, report.is_longer), (0, false));
        assert_eq!(report.origin.unwrap().kind, Kind::Origin);
    }
    assert_eq!(good(&Files::of(&[])).size(), 0);
}

#[test]
fn every_changed_byte_of_every_file_is_noticed() {
    let files = published(&entries(300), &[100, 260, 280, 300]);
    good(&files);
    for path in files.0.keys() {
        assert!(check_file(&files, path, 300).is_ok());
    }
    assert!(
        files.0.contains_key("tile/entries/000.p/100"),
        "of a tile that is full now"
    );
    assert!(
        files.0.contains_key("tile/entries/001.p/24"),
        "an older partial bundle"
    );
    for (path, content) in &files.0 {
        for at in 0..content.len() {
            let mut changed = files.clone();
            changed.0.get_mut(path).unwrap()[at] ^= 1;
            let is_noticed = !check(&changed).is_good() || check_file(&changed, path, 300).is_err();
            assert!(is_noticed, "{path}, byte {at}");
        }
    }
}

#[test]
fn every_file_of_a_log_is_known() {
    let files = published(&entries(300), &[100, 260, 300]);
    let part = |path| check_file(&files, path, 260).unwrap();
    for path in [
        "checkpoint",
        "tile/0/000",
        "tile/entries/001.p/4",
        "tile/1/000.p/1",
    ] {
        assert_eq!(part(path), Part::Current, "{path}");
    }
    assert_eq!(part("tile/0/000.p/100"), Part::Older);
    for path in [
        "tile/0/001.p/44",
        "tile/0/001",
        "tile/entries/002.p/1",
        "tile/1/000.p/2",
        "tile/2/000",
    ] {
        assert_eq!(part(path), Part::Unsigned, "{path}");
    }
    for path in [
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/0",
        "tile/0/x000/000",
        "tile/00/000",
        "state",
        "tile/0/000.p/100.tmp",
    ] {
        assert_eq!(part(path), Part::Foreign, "{path}");
    }
}

#[test]
fn the_first_bad_entry_is_named() {
    let files = Files::of(&entries(700));
    let spoil = |path: &str, at: usize| {
        let mut files = files.clone();
        files.0.get_mut(path).unwrap()[at] ^= 1;
        bad(&files).0
    };
    assert_eq!(spoil("tile/0/001", 32 * 7), Some(256 + 7));
    assert_eq!(spoil("tile/1/000.p/2", 32), Some(256));
    let bundle = &files.0["tile/entries/001"];
    let second = 2 + usize::from(u16::from_be_bytes([bundle[0], bundle[1]]));
    assert_eq!(spoil("tile/entries/001", second + 20), Some(257));
    assert_eq!(spoil("tile/entries/001", second - 1), Some(256));
    // Of two, the first.
    let mut twice = files.clone();
    twice.0.get_mut("tile/entries/002.p/188").unwrap()[5] ^= 1;
    twice.0.get_mut("tile/entries/000").unwrap()[5] ^= 1;
    assert_eq!(bad(&twice).0, Some(0));
}

#[test]
fn a_lost_or_shortened_file_is_noticed() {
    let files = Files::of(&entries(300));
    for path in files.0.keys() {
        let mut cut = files.clone();
        cut.0.get_mut(path).unwrap().pop();
        bad(&cut);
        let mut grown = files.clone();
        grown.0.get_mut(path).unwrap().push(0);
        bad(&grown);
        let mut lost = files.clone();
        lost.0.remove(path);
        // The oldest bundle may be gone: retention.
        assert_eq!(check(&lost).is_good(), path == "tile/entries/000", "{path}");
    }
}

#[test]
fn a_log_that_was_made_anew_has_another_root() {
    let original = Files::of(&entries(300));
    let forge = |change: &dyn Fn(&mut Vec<Vec<u8>>)| {
        let mut forged = entries(300);
        change(&mut forged);
        let mut files = Files::of(&forged);
        files
            .0
            .insert("checkpoint".to_owned(), original.0["checkpoint"].clone());
        files
    };
    good(&forge(&|_| {}));
    // Two entries that may change places as far as their sessions are concerned.
    let swapped = forge(&|entries| entries.swap(100, 101));
    assert_eq!(
        bad(&swapped),
        (
            None,
            "the tree's root is not the one that was signed".to_owned()
        )
    );
    let rewritten =
        forge(&|entries| entries[50] = entry([5; 8], 3, 15, 50, &event(Kind::Write, 1)));
    bad(&rewritten);
    bad(&forge(&|entries| drop(entries.remove(299))));
    bad(&forge(&|entries| drop(entries.pop())));
}

#[test]
fn another_key_or_origin_is_refused() {
    let files = Files::of(&entries(3));
    let with = |note: String| {
        let mut files = files.clone();
        files.0.insert("checkpoint".to_owned(), note.into_bytes());
        files
    };
    let root = good(&files).checkpoint.unwrap().root;
    good(&with(signer().checkpoint(ORIGIN, 3, &root)));
    good(&with(signer().checkpoint("ward-7", 3, &root)));
    bad(&with(signer().checkpoint("ward-77/000001", 3, &root)));
    let other = ward_audit::Signer::generate_from_seed("ward-7", &[8; 32]).unwrap();
    bad(&with(other.checkpoint(ORIGIN, 3, &root)));
    bad(&with(signer().checkpoint(ORIGIN, 4, &root)));
    bad(&with(signer().checkpoint(ORIGIN, 2, &root)));
}

#[test]
fn an_older_checkpoint_leaves_a_trace() {
    let mut files = published(&entries(300), &[200, 300]);
    assert!(!good(&files).is_longer);
    let older = Files::of(&entries(200));
    files
        .0
        .insert("checkpoint".to_owned(), older.0["checkpoint"].clone());
    let report = good(&files);
    assert!(report.is_longer);
    assert_eq!(report.size(), 200);
}

#[test]
fn what_retention_deleted_is_told_and_the_rest_is_checked() {
    let mut files = Files::of(&entries(1_000));
    files.0.remove("tile/entries/000");
    files.0.remove("tile/entries/001");
    let report = good(&files);
    assert_eq!((report.first, report.size()), (512, 1_000));
    assert!(report.origin.is_none());
    let mut hole = files.clone();
    hole.0.insert(
        "tile/entries/000".to_owned(),
        Files::of(&entries(256)).0["tile/entries/000"].clone(),
    );
    assert_eq!(bad(&hole).0, Some(256));
    let mut changed = files.clone();
    changed.0.get_mut("tile/0/000").unwrap()[40] ^= 1;
    assert_eq!(bad(&changed).0, Some(0));
    changed = files.clone();
    changed.0.get_mut("tile/entries/002").unwrap()[40] ^= 1;
    assert_eq!(bad(&changed).0, Some(512));
    files.0.retain(|path, _| !path.starts_with("tile/entries/"));
    assert!(bad(&files).1.contains("last entries"));
}

fn gap(detail: Option<String>) -> Item {
    Item::Event(Event {
        kind: Kind::Gap,
        detail,
        ..Event::default()
    })
}

/// A log of entries (boot, session, seq, item).
fn log(parts: &[(u8, u64, u64, Item)]) -> Files {
    let numbered = (0..).zip(parts);
    let entries: Vec<_> = numbered
        .map(|(n, (boot, session, seq, item))| entry([*boot; 8], *session, *seq, n, item))
        .collect();
    Files::of(&entries)
}

#[test]
fn a_gap_must_have_been_reported() {
    let read = || event(Kind::Read, 0);
    let of = |session, from, to| {
        let boot = [5; 8];
        gap(Some(
            Gap {
                boot,
                session,
                from,
                to,
            }
            .detail(),
        ))
    };
    good(&log(&[
        (5, 1, 0, read()),
        (5, 2, 0, read()),
        (5, 1, 1, read()),
        (6, 1, 0, read()),
    ]));
    // Sessions may be older than the log.
    good(&log(&[(5, 1, 7, read()), (5, 1, 8, read())]));
    let hidden = log(&[(5, 1, 0, read()), (5, 2, 0, read()), (5, 1, 2, read())]);
    assert_eq!(bad(&hidden).0, Some(2));
    assert_eq!(
        bad(&log(&[(5, 1, 0, read()), (5, 1, 0, read())])).0,
        Some(1)
    );
    assert_eq!(
        bad(&log(&[(5, 1, 1, read()), (5, 1, 0, read())])).0,
        Some(1)
    );
    good(&log(&[
        (5, 1, 0, read()),
        (0, 0, 0, of(1, 1, 1)),
        (5, 1, 2, read()),
    ]));
    // The wrong session, too few, too many, said by somebody else.
    bad(&log(&[
        (5, 1, 0, read()),
        (0, 0, 0, of(2, 1, 1)),
        (5, 1, 2, read()),
    ]));
    bad(&log(&[
        (5, 1, 0, read()),
        (0, 0, 0, of(1, 1, 1)),
        (5, 1, 3, read()),
    ]));
    bad(&log(&[
        (5, 1, 0, read()),
        (0, 0, 0, of(1, 1, 2)),
        (5, 1, 2, read()),
    ]));
    bad(&log(&[
        (5, 1, 0, read()),
        (5, 3, 0, of(1, 1, 1)),
        (5, 1, 2, read()),
    ]));
    // Write-ahead log that could not be read: anybody may have lost something.
    let unread = gap(Some("{\"from_lsn\":\"0/1\",\"to_lsn\":\"0/2\"}".to_owned()));
    good(&log(&[
        (5, 1, 0, read()),
        (0, 0, 0, unread.clone()),
        (5, 1, 9, read()),
    ]));
    bad(&log(&[
        (0, 0, 0, read()),
        (0, 0, 1, unread),
        (0, 0, 3, read()),
    ]));
}

#[test]
fn an_entry_that_cannot_be_read_is_bad() {
    let mut all = entries(5);
    all.push(b"\x01short".to_vec());
    assert_eq!(bad(&Files::of(&all)).0, Some(5));
    let mut all = entries(5);
    all[4].push(0);
    assert_eq!(bad(&Files::of(&all)).0, Some(4));
    let mut all = entries(5);
    all[3][0] = 2;
    assert_eq!(bad(&Files::of(&all)).0, Some(3));
}

/// Several chunks, checked by several threads.
#[test]
fn a_long_log_is_checked_in_parts() {
    const SIZE: u64 = 65_536 * 2 + 300;
    let mut entries = entries(SIZE);
    let files = Files::of(&entries);
    assert!(files.0.contains_key("tile/2/000.p/2"));
    let check = |files: &Files, threads| verify_log(files, &verifier(), threads);
    for threads in [1, 2, 7] {
        assert_eq!(check(&files, threads).problem, None, "{threads} threads");
    }
    let spoiled = |path: &str| {
        let mut files = files.clone();
        files.0.get_mut(path).unwrap()[40] ^= 1;
        let problems = [1, 2, 7].map(|threads| check(&files, threads).problem.unwrap());
        assert!(problems.iter().all(|problem| *problem == problems[0]));
        problems[0].index
    };
    assert_eq!(spoiled("tile/entries/256"), Some(65_536));
    assert_eq!(spoiled("tile/0/300"), Some(76_801));
    assert_eq!(spoiled("tile/1/001"), Some(65_536 + 256));
    assert_eq!(spoiled("tile/2/000.p/2"), Some(65_536));
    // A whole chunk deleted, with older ones there.
    let mut hole = files.clone();
    hole.0.remove("tile/entries/256");
    assert_eq!(check(&hole, 2).problem.unwrap().index, Some(65_536));
    let mut pruned = files;
    for bundle in 0..300 {
        pruned.0.remove(&format!("tile/entries/{bundle:03}"));
    }
    assert_eq!(check(&pruned, 2).first, 76_800);
    // A session that breaks off between two chunks.
    entries.remove(65_530);
    let broken = check(&Files::of(&entries), 2).problem.unwrap();
    assert_eq!(broken.index, Some(65_532));
}
