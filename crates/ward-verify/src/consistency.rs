//! Did a log only grow?

use crate::arguments::{Arguments, Keys, Usage, read_text};
use crate::folder::{Folder, logs};
use crate::{Ending, Failure};
use serde_json::json;
use std::io::Write;
use std::path::Path;
use ward_audit::{Checkpoint, check_consistency, consistency_proof};

/// `ward-verify consistency`
pub fn run(arguments: &Arguments, out: &mut dyn Write) -> Result<Ending, Failure> {
    let [directory, file] = arguments.words(["DIR", "CHECKPOINT"])?;
    let keys = arguments.keys()?;
    let note = read_text(Path::new(file))?;
    let old = keys.open(&note);
    let result = match old {
        None => Err(format!("{file} is not a checkpoint that this key signed")),
        Some(old) => grown(directory, &keys, &old)?.map(|new| (old, new)),
    };
    if arguments.has("json") {
        let value = match &result {
            Ok((old, new)) => {
                json!({"good": true, "origin": new.origin, "old": old.size, "new": new.size})
            }
            Err(reason) => json!({"good": false, "reason": reason}),
        };
        writeln!(out, "{value}")?;
    } else {
        match &result {
            Ok((old, new)) => writeln!(
                out,
                "good. {} begins with the {} entries of that checkpoint; it has {} now",
                new.origin, old.size, new.size
            )?,
            Err(reason) => writeln!(out, "BAD. {reason}")?,
        }
    }
    Ok(if result.is_ok() {
        Ending::Good
    } else {
        Ending::Bad
    })
}

/// Today's checkpoint of the log that an old one speaks of, if that was its beginning.
fn grown(
    directory: &str,
    keys: &Keys,
    old: &Checkpoint,
) -> Result<Result<Checkpoint, String>, Usage> {
    let logs = logs(directory)?;
    let opened = logs.iter().filter_map(|folder| {
        let note = folder.checkpoint()?;
        Some((folder, keys.open(&note)?))
    });
    let mut same = opened.filter(|(_, new)| new.origin == old.origin);
    Ok(match same.next() {
        None => Err(format!(
            "there is no log {} with a checkpoint of this key",
            old.origin
        )),
        Some((folder, new)) => begins_with(folder, old, new),
    })
}

fn begins_with(folder: &Folder, old: &Checkpoint, new: Checkpoint) -> Result<Checkpoint, String> {
    if old.size > new.size {
        return Err(format!(
            "{} had {} entries when that checkpoint was signed, and has {} now: its end was cut off",
            new.origin, old.size, new.size
        ));
    }
    let proof = consistency_proof(folder, old.size, new.size);
    let proof = proof.map_err(|error| format!("{}: {error}", new.origin))?;
    if check_consistency((old.size, &old.root), (new.size, &new.root), &proof) {
        Ok(new)
    } else {
        Err(format!(
            "{} does not begin with the {} entries of that checkpoint: it was made anew or its tiles were changed",
            new.origin, old.size
        ))
    }
}
