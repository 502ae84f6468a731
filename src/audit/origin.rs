#![forbid(unsafe_code)]
//! Where a log begins, and whether the last one may be continued.
//!
//! A log is continued only by the cluster that wrote it, on the same timeline, and from files that agree
//! with their signed checkpoint. In every other case (a restored backup, a promoted standby, files that
//! are gone) a new log begins, and says why in its first entry.

use super::emit::{self, Durability, References};
use super::folder;
use super::intake;
use super::ledger::{CHECKPOINT, Ledger};
use super::progress::Progress;
use super::seal::Sealer;
use super::state::State;
use crate::errors;
use crate::pg::{client, cluster, wal};
use serde_json::json;
use ward_audit::{Entry, Event, Item, Kind, Outcome};

/// Entries of a full bundle.
const BUNDLE: u64 = 256;
/// So many bundles are read again when the sealer starts.
const RECALLED: u64 = 16;

/// Records that the server has started.
pub fn emit_boot() -> errors::Result<()> {
    let event = Event {
        kind: Kind::Boot,
        outcome: Outcome::Allowed,
        message: Some(String::from("the server has started")),
        detail: Some(json!({"ward": env!("CARGO_PKG_VERSION")}).to_string()),
        ..Event::default()
    };
    emit::emit(event, &References::default(), Durability::Now).map(|_| ())
}

/// Goes on with the last log, or begins a new one.
pub(super) fn open(state: &State) -> Result<Sealer, String> {
    let last = Progress::load();
    let reason = match &last {
        None if folder::epochs().is_empty() => String::from("the first start"),
        None => String::from("the sealer's state was gone"),
        Some(progress) => match resume(progress) {
            Ok(sealer) => return Ok(sealer),
            Err(reason) => reason,
        },
    };
    begin(state, last, &reason)
}

fn resume(progress: &Progress) -> Result<Sealer, String> {
    let standby = cluster::in_recovery();
    if progress.system != cluster::system_identifier() {
        return Err(String::from("the state was another cluster's"));
    }
    if progress.standby != standby {
        let became = if standby {
            "became a standby"
        } else {
            "was promoted"
        };
        return Err(format!("the server {became}"));
    }
    if !standby && progress.timeline != cluster::timeline() {
        return Err(String::from("the server is on another timeline"));
    }
    if !standby && progress.position > cluster::flushed() {
        return Err(String::from(
            "the write-ahead log ends before what was sealed last",
        ));
    }
    let ledger = Ledger::resume(progress.epoch, progress.size)?;
    let mut sealer = sealer(ledger, progress.clone());
    recall(&mut sealer)?;
    Ok(sealer)
}

/// Reads the end of the log: blocks that alerts may need, and what was signed, but not noted in the state
/// any more.
fn recall(sealer: &mut Sealer) -> Result<(), String> {
    let noted = sealer.progress.size;
    let first = (noted / BUNDLE).saturating_sub(RECALLED);
    for bundle in first..sealer.ledger.size().div_ceil(BUNDLE) {
        let entries = sealer.ledger.bundle(bundle)?.unwrap_or_default();
        for (index, bytes) in (bundle * BUNDLE..).zip(entries) {
            let entry =
                Entry::decode(&bytes).map_err(|_| format!("entry {index} is not readable"))?;
            if let Ok(Item::Block(block)) = Item::decode(entry.frame.body) {
                sealer.blocks.add(&block);
            }
            if index >= noted {
                intake::recall(&mut sealer.progress, &entry.frame);
                sealer.sealed_before = sealer.sealed_before.max(entry.lsn);
            }
        }
    }
    sealer.progress.size = sealer.ledger.size();
    Ok(())
}

fn begin(state: &State, last: Option<Progress>, reason: &str) -> Result<Sealer, String> {
    let previous = folder::epochs()
        .last()
        .map(|epoch| folder::Folder::of_epoch(*epoch));
    let previous = previous.and_then(|folder| folder.text(CHECKPOINT));
    let standby = cluster::in_recovery();
    let start = if standby { 0 } else { start(state) };
    let (mut ledger, epoch) = Ledger::begin()?;
    let mut progress = Progress {
        system: cluster::system_identifier(),
        timeline: cluster::timeline(),
        standby,
        epoch,
        position: start,
        // Nothing was read before it, and it is never made again.
        clock: client::now(),
        ..Progress::default()
    };
    if let Some(last) = last.filter(|last| last.boot == intake::hexadecimal(&state.boot)) {
        // Its sessions go on: their next records are no gap.
        progress.boot = last.boot;
        progress.sessions = last.sessions;
        progress.spools = last.spools;
        progress.databases = last.databases;
    }
    let event = Event {
        kind: Kind::Origin,
        outcome: Outcome::Allowed,
        message: Some(format!("a new log begins: {reason}")),
        detail: Some(
            json!({
                "system_identifier": progress.system.to_string(), "timeline": progress.timeline, "standby": standby,
                "start_lsn": intake::text(start), "reason": reason, "previous": previous,
            })
            .to_string(),
        ),
        ..Event::default()
    };
    let first = intake::own(&mut progress, start, event);
    ledger.append(&first.entry);
    ledger
        .publish()
        .map_err(|error| format!("the audit directory: {error}"))?;
    progress.size = ledger.size();
    let mut sealer = sealer(ledger, progress);
    sealer
        .save()
        .map_err(|error| format!("the audit directory: {error}"))?;
    Ok(sealer)
}

/// No record of this run of the server lies before it.
fn start(state: &State) -> wal::Lsn {
    state.begin(wal::end);
    state.began()
}

fn sealer(ledger: Ledger, progress: Progress) -> Sealer {
    Sealer {
        saved: progress.position,
        ledger,
        progress,
        reader: None,
        sealed_before: 0,
        tidied: None,
        is_resumed: true,
        projectors: Default::default(),
        ended: Default::default(),
        looked: None,
        flood: Default::default(),
        blocks: Default::default(),
    }
}
