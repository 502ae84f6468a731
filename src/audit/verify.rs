#![forbid(unsafe_code)]
//! Verifying this server's logs, and the tables of this database against them.

use super::batch::{self, Batch, Database};
use super::compare::{Bad, Comparison};
use super::export;
use super::folder::{self, Folder};
use super::ledger::CHECKPOINT;
use super::state;
use crate::errors::{Code, Result, WardError};
use crate::pg::{cluster, latch, threads};
use serde_json::Value;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use ward_audit::{Report, Store, Verifier, verify_log};

/// What was found out about one log.
pub struct Verdict {
    /// Its number; 0 for what is verified elsewhere.
    pub epoch: u32,
    /// How many entries are signed.
    pub entries: u64,
    /// How many of them were removed by retention.
    pub pruned: u64,
    /// The root of the tree, in base64.
    pub root: Option<String>,
    /// The signed checkpoint.
    pub checkpoint: Option<String>,
    /// The first entry that is wrong.
    pub first_bad: Option<u64>,
    /// What is wrong; `None`: nothing.
    pub reason: Option<String>,
}

static CANCELLED: AtomicBool = AtomicBool::new(false);

/// Verifies every log, and this database's tables. Error: WD043 without a key.
pub fn all() -> Result<Vec<Verdict>> {
    let key = export::key()?;
    // Before the logs are read: they only grow, and what is in the tables by now is in them.
    let comparison = if cluster::in_recovery() {
        None
    } else {
        Comparison::begin()?
    };
    let (current, size) = state::get().map_or((0, 0), |state| {
        (
            state.epoch.load(Ordering::Acquire),
            state.size.load(Ordering::Acquire),
        )
    });
    let logs = folder::epochs()
        .into_iter()
        .map(|epoch| (epoch, Watched(Folder::of_epoch(epoch))))
        .collect();
    let reports = threads::beside(&CANCELLED, move || reports(&key, logs)).flatten();
    let reports = reports.ok_or_else(|| {
        WardError::new(Code::Audit, "the audit log cannot be verified")
            .hint("The file audit.vkey in the audit directory does not hold a key, or no thread could be started.")
    })?;
    let mut verdicts: Vec<Verdict> = reports
        .into_iter()
        .map(|(epoch, report)| verdict(epoch, &report))
        .collect();
    check_links(&mut verdicts);
    if let Some(last) = verdicts.iter_mut().find(|verdict| verdict.epoch == current)
        && last.entries < size
    {
        last.fail(
            None,
            format!(
                "its checkpoint covers {} entries, but {size} were sealed",
                last.entries
            ),
        );
    }
    if let Some(comparison) = comparison {
        let elsewhere = compare(&mut verdicts, comparison);
        verdicts.extend(elsewhere.into_iter().map(Verdict::elsewhere));
    }
    Ok(verdicts)
}

impl Verdict {
    /// Events of another origin, which a promoted standby and a copy of a database have.
    fn elsewhere(name: String) -> Self {
        Self {
            epoch: 0,
            entries: 0,
            pruned: 0,
            root: None,
            checkpoint: None,
            first_bad: None,
            reason: Some(format!(
                "ward.audit has events of {name} as well: verify them where their log lies"
            )),
        }
    }

    /// In one word.
    pub fn word(&self) -> &'static str {
        match (self.epoch, &self.reason) {
            (0, _) => "elsewhere",
            (_, None) => "valid",
            (_, Some(_)) => "invalid",
        }
    }

    fn fail(&mut self, index: Option<u64>, reason: String) {
        if self.reason.is_none() {
            (self.first_bad, self.reason) = (index, Some(reason));
        }
    }
}

/// Files that are not read any more once the statement was cancelled.
struct Watched(Folder);

impl Store for Watched {
    type Error = io::Error;

    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        if CANCELLED.load(Ordering::Relaxed) {
            return Err(io::Error::other("cancelled"));
        }
        self.0.read(path)
    }
}

/// On threads: nothing of PostgreSQL's is touched here.
fn reports(key: &str, logs: Vec<(u32, Watched)>) -> Option<Vec<(u32, Report)>> {
    let verifier = Verifier::parse(key).ok()?;
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let logs = logs.into_iter();
    Some(
        logs.map(|(epoch, folder)| (epoch, verify_log(&folder, &verifier, threads)))
            .collect(),
    )
}

fn verdict(epoch: u32, report: &Report) -> Verdict {
    let text = Folder::of_epoch(epoch).text(CHECKPOINT);
    let mut verdict = Verdict {
        epoch,
        entries: report.size(),
        pruned: report.first,
        root: text
            .as_deref()
            .and_then(|text| text.lines().nth(2))
            .map(str::to_owned),
        checkpoint: text,
        first_bad: None,
        reason: None,
    };
    if let Some(problem) = &report.problem {
        verdict.fail(problem.index, problem.reason.clone());
    }
    verdict
}

/// A log names the last checkpoint of the one before it: that one may not have changed since.
fn check_links(verdicts: &mut [Verdict]) {
    let previous: Vec<Option<String>> = verdicts
        .iter()
        .map(|verdict| named_before(verdict.epoch))
        .collect();
    for at in 1..verdicts.len() {
        if let Some(named) = &previous[at]
            && verdicts[at - 1].checkpoint.as_ref() != Some(named)
        {
            let reason = format!(
                "it is not the log that log {} names as the one before it",
                verdicts[at].epoch
            );
            verdicts[at - 1].fail(None, reason);
        }
    }
}

fn named_before(epoch: u32) -> Option<String> {
    let folder = Folder::of_epoch(epoch);
    let first = ward_audit::read_entry(&folder, 0, super::ledger::published(epoch)).ok()?;
    let event = batch::event_of(&first)?;
    let detail: Value = serde_json::from_str(event.detail.as_deref()?).ok()?;
    Some(detail.get("previous")?.as_str()?.to_owned())
}

/// Compares the tables with all logs that are good. Returns the names of other origins of events.
fn compare(verdicts: &mut [Verdict], mut comparison: Comparison) -> Vec<String> {
    let mut database = Database::current();
    for verdict in verdicts
        .iter_mut()
        .filter(|verdict| verdict.reason.is_none())
    {
        match compare_log(
            verdict.epoch,
            verdict.entries,
            &mut comparison,
            &mut database,
        ) {
            Ok(None) => {
                let end = comparison.end(verdict.epoch, verdict.entries);
                comparison.finish(verdict.epoch, end);
            }
            Ok(Some((index, reason))) => verdict.fail(Some(index), reason),
            Err(problem) => verdict.fail(None, problem),
        }
    }
    let surplus = comparison.surplus();
    let claimed = surplus.and_then(|(log, _)| verdicts.iter().position(|one| one.epoch == log));
    if let Some(verdict) = verdicts.get_mut(claimed.unwrap_or_default()) {
        if let Some((_, index)) = surplus {
            verdict.fail(Some(index), String::from(SURPLUS));
        }
        if comparison.has_surplus_rollback() {
            verdict.fail(None, String::from(SURPLUS_ROLLBACK));
        }
    }
    comparison.others()
}

const SURPLUS: &str = "ward.audit has a row that is not in the log";
const SURPLUS_ROLLBACK: &str =
    "ward.audit says of changes that they were rolled back, and the log does not";

/// The first entry of a log whose rows are not as they should be.
fn compare_log(
    log: u32,
    entries: u64,
    comparison: &mut Comparison,
    database: &mut Database,
) -> std::result::Result<Option<Bad>, String> {
    let (folder, end) = (Folder::of_epoch(log), comparison.end(log, entries));
    let mut next = 0;
    while next < end {
        latch::allow_cancel();
        let mut batch = Batch::read(&folder, log, next..end, entries, false)?;
        if let Some(bad) = comparison.check(&mut batch, database) {
            return Ok(Some(bad));
        }
        next = batch.end;
    }
    Ok(None)
}
