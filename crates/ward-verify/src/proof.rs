//! Checking the proof of one entry.

use crate::arguments::{Arguments, Usage, read_text};
use crate::json::entry_json;
use crate::{Ending, Failure};
use serde_json::{Value, json};
use std::fs;
use std::io::Write;
use std::path::Path;
use ward_audit::{Checkpoint, Proof};

/// `ward-verify proof`
pub fn run(arguments: &Arguments, out: &mut dyn Write) -> Result<Ending, Failure> {
    let [file] = arguments.words(["FILE"])?;
    let keys = arguments.keys()?;
    let text = read_text(Path::new(file))?;
    let result = match Proof::parse(&text) {
        Err(error) => Err(error),
        Ok(proof) => {
            let entry = entry(arguments, &proof)?;
            let checked = proof.check(&entry, keys.signer(&proof.checkpoint));
            checked.map(|checkpoint| (proof.index, entry, checkpoint))
        }
    };
    match result {
        Ok((index, entry, checkpoint)) => {
            print(out, arguments.has("json"), index, &entry, &checkpoint)?;
            Ok(Ending::Good)
        }
        Err(error) => {
            if arguments.has("json") {
                writeln!(
                    out,
                    "{}",
                    json!({"good": false, "reason": error.to_string()})
                )?;
            } else {
                writeln!(out, "BAD. {error}")?;
            }
            Ok(Ending::Bad)
        }
    }
}

fn entry(arguments: &Arguments, proof: &Proof) -> Result<Vec<u8>, Usage> {
    match (arguments.get("entry"), &proof.entry) {
        (Some(path), _) => fs::read(path).map_err(|error| Usage(format!("{path}: {error}"))),
        (None, Some(entry)) => Ok(entry.clone()),
        (None, None) => Err(Usage(
            "the proof does not hold the entry: name its file with --entry".to_owned(),
        )),
    }
}

fn print(
    out: &mut dyn Write,
    is_json: bool,
    index: u64,
    entry: &[u8],
    checkpoint: &Checkpoint,
) -> Result<(), Failure> {
    let shown = entry_json(entry).unwrap_or(Value::Null);
    if is_json {
        let value = json!({
            "good": true, "origin": checkpoint.origin, "size": checkpoint.size, "index": index, "entry": shown,
        });
        writeln!(out, "{value}")?;
    } else {
        writeln!(
            out,
            "good. Entry {index} of {} (size {}, root {}):\n{shown}",
            checkpoint.origin,
            checkpoint.size,
            checkpoint.root_text()
        )?;
    }
    Ok(())
}
