//! The program, over logs in folders.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use ward_audit::{Block, Event, Frame, Item, Kind, Log, Outcome, Proof, Signer, Store, Touched};

/// What a call of the program told.
struct Told {
    code: i32,
    out: String,
    error: String,
}

fn run(arguments: &[&str]) -> Told {
    let output = Command::new(env!("CARGO_BIN_EXE_ward-verify"))
        .args(arguments)
        .output()
        .unwrap();
    Told {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        error: String::from_utf8(output.stderr).unwrap(),
    }
}

/// An audit directory of its own.
struct Audit {
    path: PathBuf,
    signer: Signer,
}

impl Audit {
    fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(path.join("log")).unwrap();
        let signer = Signer::generate_from_seed("ward-7", &[7; 32]).unwrap();
        fs::write(path.join("audit.vkey"), signer.vkey() + "\n").unwrap();
        Self { path, signer }
    }

    fn dir(&self) -> &str {
        self.path.to_str().unwrap()
    }

    fn file(&self, path: &str) -> PathBuf {
        self.path.join(path)
    }

    fn key(&self) -> String {
        self.signer.vkey()
    }

    fn log(&self) -> Told {
        run(&["log", self.dir(), "--key", &self.key()])
    }

    /// Writes a log of so many events, where there is none; its checkpoint.
    fn write(&self, epoch: u32, previous: Option<&str>, events: u64) -> String {
        let _ = fs::remove_dir_all(self.file(&format!("log/{epoch:06}")));
        self.grow(epoch, previous, events)
    }

    /// The same where there may be its beginning.
    fn grow(&self, epoch: u32, previous: Option<&str>, events: u64) -> String {
        let mut log = Log::new();
        for entry in entries(previous, events) {
            log.append(&entry);
        }
        let folder = self.file(&format!("log/{epoch:06}"));
        for (path, content) in log.files() {
            let path = folder.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        let origin = format!("ward-7/{epoch:06}");
        let note = self.signer.checkpoint(&origin, log.size(), &log.root());
        fs::write(folder.join("checkpoint"), &note).unwrap();
        note
    }

    fn spoil(&self, path: &str, at: usize) {
        let mut bytes = fs::read(self.file(path)).unwrap();
        bytes[at] ^= 1;
        fs::write(self.file(path), bytes).unwrap();
    }
}

impl Store for Audit {
    type Error = std::io::Error;

    fn read(&self, path: &str) -> std::io::Result<Option<Vec<u8>>> {
        Ok(fs::read(self.file("log/000001").join(path)).ok())
    }
}

fn entry(boot: u8, session: u64, seq: u64, item: &Item) -> Vec<u8> {
    let body = item.encode();
    let frame = Frame {
        boot: [boot; 8],
        session,
        seq,
        body: &body,
    };
    frame.to_entry(0x1_0000_0000 + seq)
}

/// An origin, a session with its blocks, and its events.
fn entries(previous: Option<&str>, events: u64) -> Vec<Vec<u8>> {
    let origin = Event {
        kind: Kind::Origin,
        detail: Some(json!({ "reason": "test", "previous": previous }).to_string()),
        ..Event::default()
    };
    let text = Block::text("SELECT * FROM hr.salary WHERE id = $1");
    let relations = Block::Relations {
        relations: vec![Touched {
            oid: 24_591,
            name: "hr.salary".to_owned(),
            actions: vec!["select".to_owned()],
            ..Touched::default()
        }],
    };
    let (text_id, relations_id) = (text.id(), relations.id());
    let event = |n: u64| Event {
        at: 1_795_283_820_000_000 + i64::try_from(n).unwrap(),
        kind: Kind::Denial,
        outcome: Outcome::Denied,
        text: Some(text_id),
        relations: Some(relations_id),
        code: Some("WD010".to_owned()),
        rows: Some(n),
        ..Event::default()
    };
    let mut items = vec![Item::Block(text), Item::Block(relations)];
    items.extend((0..events).map(|n| Item::Event(event(n))));
    let items = (0..).zip(&items).map(|(seq, item)| entry(5, 1, seq, item));
    [entry(0, 0, 0, &Item::Event(origin))]
        .into_iter()
        .chain(items)
        .collect()
}

#[test]
fn a_good_directory_is_good() {
    let audit = Audit::new("good");
    let first = audit.write(1, None, 300);
    audit.write(2, Some(&first), 10);
    let told = audit.log();
    assert_eq!((told.code, told.error.as_str()), (0, ""), "{}", told.out);
    assert!(
        told.out
            .contains("log 1: good. 303 entries of ward-7/000001, root "),
        "{}",
        told.out
    );
    assert!(told.out.contains("log 2: good. 13 entries"), "{}", told.out);
    assert!(!told.out.contains("note"), "{}", told.out);
    // The key as a file, one log by itself, the folder of logs, and threads.
    let vkey = audit.file("audit.vkey");
    let vkey = vkey.to_str().unwrap();
    for directory in ["", "log", "log/000002"] {
        let directory = audit.file(directory);
        let told = run(&[
            "log",
            directory.to_str().unwrap(),
            "--key",
            vkey,
            "--threads",
            "1",
        ]);
        assert_eq!(told.code, 0, "{}", told.out);
    }
    let told = run(&["log", audit.dir(), "--key", vkey, "--json"]);
    let value: Value = serde_json::from_str(&told.out).unwrap();
    assert_eq!(value["good"], true);
    assert_eq!(value["logs"][0]["size"], 303);
    assert_eq!(first.lines().nth(2), value["logs"][0]["root"].as_str());
}

#[test]
fn a_changed_file_is_bad_and_the_entry_is_named() {
    let audit = Audit::new("changed");
    audit.write(1, None, 300);
    assert_eq!(audit.log().code, 0);
    audit.spoil("log/000001/tile/0/000", 32 * 9);
    let told = audit.log();
    assert_eq!(told.code, 1);
    assert!(
        told.out.starts_with("log 1: BAD. Entry 9: "),
        "{}",
        told.out
    );
    let told = run(&["log", audit.dir(), "--key", &audit.key(), "--json"]);
    let value: Value = serde_json::from_str(&told.out).unwrap();
    assert_eq!((told.code, &value["good"]), (1, &json!(false)));
    assert_eq!(value["logs"][0]["first_bad"], 9);
}

#[test]
fn a_superfluous_tile_is_looked_at_too() {
    let audit = Audit::new("superfluous");
    audit.write(1, None, 30);
    audit.grow(1, None, 300);
    let told = audit.log();
    assert_eq!(
        (told.code, told.out.contains("note")),
        (0, false),
        "{}",
        told.out
    );
    audit.spoil("log/000001/tile/entries/000.p/33", 7);
    assert_eq!(audit.log().code, 1);
}

#[test]
fn another_key_is_bad() {
    let audit = Audit::new("key");
    audit.write(1, None, 3);
    let other = Signer::generate_from_seed("ward-7", &[8; 32])
        .unwrap()
        .vkey();
    assert_eq!(run(&["log", audit.dir(), "--key", &other]).code, 1);
    assert_eq!(
        run(&["log", audit.dir(), "--key", &other, "--key", &audit.key()]).code,
        0
    );
}

#[test]
fn logs_are_tied_together() {
    let audit = Audit::new("links");
    let first = audit.write(1, None, 20);
    let second = audit.write(2, Some(&first), 20);
    audit.write(3, Some(&second), 20);
    assert_eq!(audit.log().code, 0);
    let told = |what: &str| {
        let told = audit.log();
        assert_eq!(told.code, 1, "{}", told.out);
        assert!(told.out.contains(what), "{}", told.out);
    };
    // Another end of the first log, signed with the same key.
    audit.write(1, None, 10);
    told("log 1: BAD. log 2 says how it ended: it had 23 entries, and has 13 now");
    audit.write(1, None, 30);
    told("it had 23 entries, and went on to 33");
    audit.write(1, Some("x"), 20);
    told("log 1: BAD. log 2 says how it ended: it was another");
    audit.write(1, None, 20);
    assert_eq!(audit.log().code, 0);
    audit.write(2, None, 20);
    told("log 2: BAD. it does not name the log before it");
    audit.write(2, Some("unsigned"), 20);
    told("not signed with a known key");
    fs::remove_dir_all(audit.file("log/000002")).unwrap();
    told("log 3: BAD. log 2, which comes before it, is missing");
    // Logs may be kept elsewhere from the beginning on.
    fs::remove_dir_all(audit.file("log/000001")).unwrap();
    assert_eq!(audit.log().code, 0);
    fs::rename(audit.file("log/000003"), audit.file("log/000004")).unwrap();
    told("it is log 000003, which belongs into another folder");
}

#[test]
fn what_is_worth_knowing_is_noted() {
    let audit = Audit::new("notes");
    let older = audit.write(1, None, 200);
    audit.grow(1, None, 300);
    fs::write(audit.file("log/000001/lost.tmp"), "").unwrap();
    fs::remove_file(audit.file("log/000001/tile/entries/000")).unwrap();
    fs::remove_file(audit.file("log/000001/tile/entries/000.p/203")).unwrap();
    let told = audit.log();
    assert_eq!(told.code, 0, "{}", told.out);
    assert!(
        told.out.contains("note: not part of the log: lost.tmp"),
        "{}",
        told.out
    );
    assert!(
        told.out
            .contains("note: 256 entries are no longer there (0 to 255)"),
        "{}",
        told.out
    );
    audit.grow(1, None, 300);
    fs::write(audit.file("log/000001/checkpoint"), older).unwrap();
    let told = audit.log();
    assert_eq!(told.code, 0, "{}", told.out);
    assert!(
        told.out.contains("replaced by an older one"),
        "{}",
        told.out
    );
}

#[test]
fn a_log_begins_with_what_it_was() {
    let audit = Audit::new("consistency");
    let older = audit.write(1, None, 200);
    let newer = audit.grow(1, None, 300);
    let kept = audit.file("kept");
    let check = |checkpoint: &str| {
        fs::write(&kept, checkpoint).unwrap();
        run(&[
            "consistency",
            audit.dir(),
            kept.to_str().unwrap(),
            "--key",
            &audit.key(),
        ])
    };
    let told = check(&older);
    assert_eq!(told.code, 0, "{}", told.out);
    assert!(
        told.out
            .contains("begins with the 203 entries of that checkpoint; it has 303 now")
    );
    assert_eq!(check(&newer).code, 0);
    assert_eq!(check(&older.replace("203", "204")).code, 1);
    // The end cut off, with a fitting old checkpoint.
    audit.write(1, None, 200);
    assert_eq!(audit.log().code, 0);
    let told = check(&newer);
    assert_eq!(told.code, 1);
    assert!(told.out.contains("its end was cut off"), "{}", told.out);
    // Made anew with the stolen key: good by itself, but not what it was.
    audit.write(1, Some("x"), 300);
    assert_eq!(audit.log().code, 0);
    assert!(
        check(&older)
            .out
            .contains("BAD. ward-7/000001 does not begin with")
    );
    fs::remove_dir_all(audit.file("log/000001")).unwrap();
    audit.write(2, None, 3);
    assert!(check(&older).out.contains("there is no log ward-7/000001"));
}

#[test]
fn a_proof_stands_alone() {
    let audit = Audit::new("proof");
    let note = audit.write(1, None, 300);
    let file = audit.file("proof");
    let check = |text: &str, more: &[&str]| {
        fs::write(&file, text).unwrap();
        let key = audit.key();
        run(&[&["proof", file.to_str().unwrap(), "--key", &key], more].concat())
    };
    let mut proof = Proof::make(&audit, 42, &note, 303).unwrap();
    let told = check(&proof.text(), &[]);
    assert_eq!(told.code, 0, "{}", told.out);
    assert!(
        told.out
            .starts_with("good. Entry 42 of ward-7/000001 (size 303, root "),
        "{}",
        told.out
    );
    assert!(told.out.contains("\"code\":\"WD010\""), "{}", told.out);
    let told = check(&proof.text(), &["--json"]);
    let value: Value = serde_json::from_str(&told.out).unwrap();
    assert_eq!(
        (&value["index"], &value["entry"]["rows"]),
        (&json!(42), &json!(39))
    );
    let entry = audit.file("entry");
    fs::write(&entry, proof.entry.take().unwrap()).unwrap();
    assert_eq!(check(&proof.text(), &[]).code, 2);
    assert_eq!(
        check(&proof.text(), &["--entry", entry.to_str().unwrap()]).code,
        0
    );
    proof.entry = Some(b"another".to_vec());
    let told = check(&proof.text(), &[]);
    assert_eq!(
        (told.code, told.out.as_str()),
        (1, "BAD. the entry is not in the log, or not there\n")
    );
    assert_eq!(check("nothing", &[]).code, 1);
}

#[test]
fn entries_are_shown_with_what_they_refer_to() {
    let audit = Audit::new("show");
    let first = audit.write(1, None, 300);
    audit.write(2, Some(&first), 3);
    let told = run(&[
        "show",
        audit.dir(),
        "--log",
        "1",
        "--from",
        "259",
        "--to",
        "260",
    ]);
    assert_eq!((told.code, told.error.as_str()), (0, ""));
    let lines: Vec<Value> = told
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(
        lines[0],
        json!({
            "log": 1, "index": 259, "lsn": "1/102", "boot": "0505050505050505", "backend": 1, "seq": 258,
            "at": "2026-11-21T17:57:00.000256Z", "kind": "denial", "outcome": "denied", "code": "WD010", "rows": 256,
            "query": {
                "text": "SELECT * FROM hr.salary WHERE id = $1",
                "sha256": lines[0]["query"]["sha256"],
            },
            "relations": [{"oid": 24591, "name": "hr.salary", "actions": ["select"]}],
        })
    );
    assert_eq!((lines.len(), &lines[1]["index"]), (2, &json!(260)));
    let all = run(&["show", audit.dir()]).out;
    assert_eq!(all.lines().count(), 301 + 4);
    fs::remove_file(audit.file("log/000002/checkpoint")).unwrap();
    assert_eq!(run(&["show", audit.dir()]).code, 1);
}

#[test]
fn wrong_calls_say_so() {
    let audit = Audit::new("calls");
    audit.write(1, None, 3);
    let (dir, key) = (audit.dir(), audit.key());
    for (arguments, what) in [
        (&[][..], "ward-verify log DIR"),
        (&["frobnicate"], "unknown command frobnicate"),
        (&["log"], "DIR is needed"),
        (&["log", dir], "--key is needed"),
        (&["log", dir, "--key"], "--key needs a value"),
        (&["log", dir, "--key", "/nowhere"], "/nowhere: No such file"),
        (&["log", dir, "--key", "ward-7+00+AA"], "No such file"),
        (&["log", dir, "--keys", &key], "unknown argument --keys"),
        (
            &["log", dir, "more", "--key", &key],
            "unknown argument more",
        ),
        (
            &["log", dir, "--key", &key, "--threads", "many"],
            "not a number",
        ),
        (
            &["log", "/nowhere", "--key", &key],
            "/nowhere: No such file",
        ),
        (
            &["log", env!("CARGO_MANIFEST_DIR"), "--key", &key],
            "there is no log",
        ),
        (
            &["consistency", dir, "--key", &key],
            "DIR CHECKPOINT is needed",
        ),
        (
            &["proof", "/nowhere", "--key", &key],
            "/nowhere: No such file",
        ),
        (&["show"], "DIR is needed"),
    ] {
        let told = run(arguments);
        assert_eq!((told.code, told.out.as_str()), (2, ""), "{arguments:?}");
        assert!(told.error.contains(what), "{arguments:?}: {}", told.error);
    }
    for arguments in [&["--help"][..], &["help"], &["log", "--help"]] {
        let told = run(arguments);
        assert_eq!(told.code, 0);
        assert!(told.out.contains("ward-verify consistency DIR CHECKPOINT"));
    }
}
