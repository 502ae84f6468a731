//! Checking logs.

use crate::arguments::{Arguments, Keys};
use crate::folder::{Folder, logs};
use crate::links::check_links;
use crate::{Ending, Failure};
use serde_json::{Value, json};
use std::io::Write;
use ward_audit::{Checkpoint, Part, Report, check_file, verify_log};

/// One log, checked.
pub struct Checked {
    /// Where it is.
    pub folder: Folder,
    /// What was found out by itself.
    pub report: Report,
    /// What is wrong, first of all: the entry, and the reason.
    pub problem: Option<(Option<u64>, String)>,
    /// What is worth knowing, and not wrong.
    pub notes: Vec<String>,
}

/// `ward-verify log`
pub fn run(arguments: &Arguments, out: &mut dyn Write) -> Result<Ending, Failure> {
    let [directory] = arguments.words(["DIR"])?;
    let keys = arguments.keys()?;
    let all = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = arguments.number("threads")?;
    let threads = threads.map_or(all, |n| usize::try_from(n).unwrap_or(all));
    let checked = logs(directory)?.into_iter();
    let mut checked: Vec<Checked> = checked
        .map(|folder| check(folder, &keys, threads))
        .collect();
    check_links(&mut checked, &keys);
    let is_good = checked.iter().all(|log| log.problem.is_none());
    if arguments.has("json") {
        let logs: Vec<Value> = checked.iter().map(Checked::json).collect();
        writeln!(out, "{}", json!({ "good": is_good, "logs": logs }))?;
    } else {
        for log in &checked {
            log.print(out)?;
        }
    }
    Ok(if is_good { Ending::Good } else { Ending::Bad })
}

fn check(folder: Folder, keys: &Keys, threads: usize) -> Checked {
    let note = folder.checkpoint().unwrap_or_default();
    let report = verify_log(&folder, keys.signer(&note), threads);
    let problem = report.problem.as_ref();
    let problem = problem.map(|problem| (problem.index, problem.reason.clone()));
    let mut checked = Checked {
        folder,
        report,
        problem,
        notes: Vec::new(),
    };
    if checked.problem.is_none() {
        checked.check_origin();
        checked.check_files();
    }
    checked
}

impl Checked {
    /// Something is wrong with it.
    pub fn fail(&mut self, reason: String) {
        if self.problem.is_none() {
            self.problem = Some((None, reason));
        }
    }

    /// A log must lie in the folder that it was written in: another one in its place is not it.
    fn check_origin(&mut self) {
        let checkpoint = self.report.checkpoint.as_ref();
        let number = checkpoint.and_then(|c| c.origin.rsplit_once('/'));
        if let (Some(epoch), Some((_, number))) = (self.folder.epoch, number)
            && number != format!("{epoch:06}")
        {
            self.fail(format!(
                "it is log {number}, which belongs into another folder"
            ));
        }
    }

    fn check_files(&mut self) {
        let size = self.report.size();
        let files = match self.folder.files() {
            Ok(files) => files,
            Err(error) => return self.fail(format!("its files cannot be listed: {error}")),
        };
        let (mut unsigned, mut foreign) = (0_u64, Vec::new());
        for path in files {
            match check_file(&self.folder, &path, size) {
                Ok(Part::Current | Part::Older) => {}
                Ok(Part::Unsigned) => unsigned += 1,
                Ok(Part::Foreign) => foreign.push(path),
                Err(problem) => self.fail(problem.reason),
            }
        }
        if unsigned > 0 || self.report.is_longer {
            self.notes.push(
                "there are files of entries that no checkpoint covers: the server is running or was \
                 interrupted, or the checkpoint was replaced by an older one (a checkpoint kept \
                 elsewhere tells: ward-verify consistency)"
                    .to_owned(),
            );
        }
        if !foreign.is_empty() {
            self.notes
                .push(format!("not part of the log: {}", foreign.join(", ")));
        }
        if self.report.first > 0 {
            self.notes.push(format!(
                "{} entries are no longer there (0 to {}); their hashes are, and fit",
                self.report.first,
                self.report.first - 1
            ));
        }
    }

    fn json(&self) -> Value {
        let checkpoint = self.report.checkpoint.as_ref();
        json!({
            "log": self.folder.epoch,
            "good": self.problem.is_none(),
            "origin": checkpoint.map(|c| c.origin.as_str()),
            "size": checkpoint.map(|c| c.size),
            "root": checkpoint.map(Checkpoint::root_text),
            "first": self.report.first,
            "first_bad": self.problem.as_ref().and_then(|(index, _)| *index),
            "reason": self.problem.as_ref().map(|(_, reason)| reason),
            "notes": self.notes,
        })
    }

    fn print(&self, out: &mut dyn Write) -> Result<(), Failure> {
        let name = self.folder.name();
        match (&self.problem, &self.report.checkpoint) {
            (None, Some(checkpoint)) => writeln!(
                out,
                "{name}: good. {} entries of {}, root {}",
                checkpoint.size,
                checkpoint.origin,
                checkpoint.root_text()
            )?,
            (Some((Some(index), reason)), _) => {
                writeln!(out, "{name}: BAD. Entry {index}: {reason}")?
            }
            (Some((None, reason)), _) => writeln!(out, "{name}: BAD. {reason}")?,
            (None, None) => {}
        }
        for note in &self.notes {
            writeln!(out, "  note: {note}")?;
        }
        Ok(())
    }
}
