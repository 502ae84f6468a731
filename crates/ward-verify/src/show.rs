//! Printing entries.

use crate::arguments::Arguments;
use crate::folder::{Folder, logs};
use crate::json::{Blocks, event_json, frame_json};
use crate::{Ending, Failure};
use serde_json::{Value, json};
use std::io::Write;
use ward_audit::{Entry, Item, Store, read_bundle};

/// `ward-verify show`
pub fn run(arguments: &Arguments, out: &mut dyn Write) -> Result<Ending, Failure> {
    let [directory] = arguments.words(["DIR"])?;
    let only = arguments.number("log")?;
    let from = arguments.number("from")?.unwrap_or(0);
    let to = arguments.number("to")?.unwrap_or(u64::MAX);
    let wanted = |folder: &&Folder| only.is_none() || only == folder.epoch.map(u64::from);
    let mut ending = Ending::Good;
    for folder in logs(directory)?.iter().filter(wanted) {
        if let Err(reason) = show(folder, from, to, out)? {
            out.flush()?;
            eprintln!("ward-verify: {}: {reason}", folder.name());
            ending = Ending::Bad;
        }
    }
    Ok(ending)
}

/// Prints a log's entries. The blocks that they refer to stand before them, so that all are read.
fn show(
    folder: &Folder,
    from: u64,
    to: u64,
    out: &mut dyn Write,
) -> Result<Result<(), String>, Failure> {
    let Some(size) = size(folder) else {
        return Ok(Err(
            "there is no checkpoint that says how long it is".to_owned()
        ));
    };
    let mut blocks = Blocks::default();
    for bundle in 0..size.div_ceil(256).min(to / 256 + 1) {
        let entries = match read_bundle(folder, bundle, size) {
            Ok(entries) => entries.unwrap_or_default(),
            Err(error) => return Ok(Err(error.to_string())),
        };
        for (index, bytes) in (bundle * 256..).zip(entries) {
            let shown = line(&bytes, &mut blocks);
            if (from..=to).contains(&index)
                && let Some(mut shown) = shown
            {
                shown["index"] = json!(index);
                if let Some(epoch) = folder.epoch {
                    shown["log"] = json!(epoch);
                }
                writeln!(out, "{shown}")?;
            }
        }
    }
    Ok(Ok(()))
}

/// Read without checking the signature.
fn size(folder: &impl Store) -> Option<u64> {
    let note = String::from_utf8(folder.read("checkpoint").ok()??).ok()?;
    note.lines().nth(1)?.parse().ok()
}

/// An event, or an entry that cannot be read; blocks are kept.
fn line(bytes: &[u8], blocks: &mut Blocks) -> Option<Value> {
    let broken = |error: &dyn std::fmt::Display| Some(json!({"error": error.to_string()}));
    let entry = match Entry::decode(bytes) {
        Ok(entry) => entry,
        Err(error) => return broken(&error),
    };
    match Item::decode(entry.frame.body) {
        Ok(Item::Block(block)) => {
            blocks.add(&block);
            None
        }
        Ok(Item::Event(event)) => {
            let mut shown = event_json(&event, blocks);
            frame_json(&entry, &mut shown);
            Some(shown)
        }
        Err(error) => broken(&error),
    }
}
