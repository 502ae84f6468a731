#![forbid(unsafe_code)]
//! The projector: copies sealed events of its database into the tables behind `ward.audit`, and notifies
//! whoever listens to `ward_alert`.
//!
//! A step is one transaction: rows, the place of the next entry, notifications. Several projectors of one
//! database, as there may be for a moment, take turns.

use super::alert::{self, Flood};
use super::batch::{self, Batch};
use super::blocks::Blocks;
use super::cursor::Cursor;
use super::folder::{self, Folder};
use super::ledger;
use super::partitions::{self, Table};
use super::projectors::LINGER;
use super::retention;
use super::rows as rows_of;
use super::state::{self, State};
use crate::pg::batch as rows;
use crate::pg::caught::transaction;
use crate::pg::{Oid, background, client, guc, log, notify};
use std::cell::Cell;
use std::collections::HashSet;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use ward_audit::{BlockId, Event, Item};

/// Alerts of events that are older than this are not sent any more: the tables are being made again.
const STALE: i64 = 3_600_000_000;
/// After so long a block without an event is projected all the same.
const PATIENCE: Duration = Duration::from_secs(1);

thread_local! {
    static PROJECTING: Cell<bool> = const { Cell::new(false) };
}

/// Is this process the one that may change the tables behind `ward.audit`?
pub fn is_projecting() -> bool {
    PROJECTING.get()
}

/// Projects until nothing is left to be done for a while.
pub fn run() {
    let Some(state) = state::get() else { return };
    PROJECTING.set(true);
    // Whatever the database sets for its own sessions. The tables can be made again: their commits need
    // not reach the disk at once.
    guc::keep(c"synchronous_commit", "off");
    guc::keep(c"default_transaction_read_only", "off");
    guc::keep(c"default_transaction_isolation", "read committed");
    guc::keep(c"default_table_access_method", "heap");
    // A new day's partition is attached under locks: whoever holds others in the way goes first.
    guc::keep(c"lock_timeout", "300ms");
    // Event triggers are for the statements of others. (Since 17 they can be switched off for good.)
    guc::keep(c"session_replication_role", "replica");
    if guc::current(c"event_triggers").is_some() {
        guc::keep(c"event_triggers", "off");
    }
    let sealers = state.sealers.load(Ordering::Acquire);
    let (mut last, mut day, mut trouble) = (Instant::now(), None, String::new());
    let (mut projector, mut failures) = (None, 0);
    // Another sealer has started its own.
    while last.elapsed() < LINGER && state.sealers.load(Ordering::Acquire) == sealers {
        let today = Some(rows_of::day(client::now()));
        if std::mem::replace(&mut day, today) != today {
            drop_old();
        }
        match step(&mut projector, state, failures > 1) {
            Ok(true) => {
                last = Instant::now();
                trouble.clear();
                failures = 0;
            }
            Ok(false) if projector.is_none() => return,
            Ok(false) if !background::wait(Duration::from_secs(1)) => return,
            Ok(false) => {}
            Err(problem) => {
                failures += 1;
                if problem != trouble {
                    log::warn(&format!(
                        "ward audit: events cannot be projected: {problem}"
                    ));
                    trouble = problem;
                }
                // What it remembers was rolled back. Whoever wakes us now would only see it fail again.
                projector = None;
                std::thread::sleep(Duration::from_secs(1));
            }
        }
    }
}

/// One step of the projector, which is made where there is none; `false` if there was nothing to do.
///
/// `quietly` says that nobody is notified: a full queue must not hold up the record.
fn step(
    projector: &mut Option<Projector>,
    state: &'static State,
    quietly: bool,
) -> Result<bool, String> {
    transaction(|| {
        if projector.is_none() {
            *projector = Projector::new(state);
        }
        if let Some(projector) = projector {
            projector.is_quiet = quietly;
        }
        projector.as_mut().map_or(Ok(false), Projector::step)
    })
}

/// What is too old goes; whatever is in the way, it is tried again tomorrow.
fn drop_old() {
    if let Err(problem) = transaction(|| retention::drop_rows().map_err(|error| error.message)) {
        log::record(&format!("ward audit: old events stay for now: {problem}"));
    }
}

struct Projector {
    state: &'static State,
    database: batch::Database,
    blocks: Blocks,
    flood: Flood,
    /// Blocks that are in the tables, by day.
    present: HashSet<(i64, BlockId)>,
    /// Is nobody notified?
    is_quiet: bool,
    /// Since when the log has ended with a block whose event is not there yet.
    waiting: Option<(u64, Instant)>,
}

impl Projector {
    /// `None` where ward is not installed in this database.
    fn new(state: &'static State) -> Option<Self> {
        partitions::table(c"audit_cursor")?;
        Some(Self {
            state,
            database: batch::Database::current(),
            blocks: Blocks::default(),
            flood: Flood::default(),
            present: HashSet::new(),
            waiting: None,
            is_quiet: false,
        })
    }

    /// Projects one batch; `false` if there was nothing to project.
    fn step(&mut self) -> Result<bool, String> {
        Cursor::lock();
        let counts = self.flood.counts(client::now());
        self.send(counts);
        let Some(cursor) = Cursor::read().map_err(|error| error.message)? else {
            return Ok(false);
        };
        let (log, next) = cursor.place;
        let end = end(self.state, log);
        if next < end {
            let end = self.project(&cursor, end)?;
            return Ok(end > next);
        }
        match folder::epochs().into_iter().find(|epoch| *epoch > log) {
            Some(following) if log < self.state.epoch.load(Ordering::Acquire) => {
                cursor.advance(following, 0);
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    fn project(&mut self, cursor: &Cursor, size: u64) -> Result<u64, String> {
        let (log, next) = cursor.place;
        let patient = self
            .waiting
            .is_none_or(|(at, since)| at != next || since.elapsed() < PATIENCE);
        let probe =
            |day: i64, id: BlockId| self.present.contains(&(day, id)) || is_present(day, id);
        let mut batch = Batch::read(&Folder::of_epoch(log), log, next..size, size, patient)?;
        batch.choose(&mut self.database, probe);
        self.waiting = (batch.end == next).then(|| {
            self.waiting
                .filter(|w| w.0 == next)
                .unwrap_or((next, Instant::now()))
        });
        self.store(cursor.origin, &batch)?;
        self.alert(&batch);
        cursor.advance(log, batch.end);
        Ok(batch.end)
    }

    fn store(&mut self, origin: i32, batch: &Batch) -> Result<(), String> {
        for (day, rows) in batch.blocks(&mut self.present, is_present) {
            rows::insert(partition(Table::Block, day)?, &rows);
        }
        for (day, rows) in batch.events(origin) {
            rows::insert(partition(Table::Event, day)?, &rows);
        }
        let rollbacks = batch.rollbacks();
        if !rollbacks.is_empty() {
            let table = partitions::table(c"audit_rollback").ok_or("a table is gone")?;
            rows::insert(table, &rollbacks);
        }
        Ok(())
    }

    fn alert(&mut self, batch: &Batch) {
        let now = client::now();
        for one in &batch.ours {
            match &one.item {
                Item::Block(block) => self.blocks.add(block),
                Item::Event(event) if alert::is_due(event) && now - event.at < STALE => {
                    self.learn(one.day, event);
                    let alert = self.flood.alert(batch.log, one.index, event, &self.blocks);
                    self.send(alert);
                }
                Item::Event(_) => {}
            }
        }
    }

    /// Looks up blocks that an earlier projector has stored.
    fn learn(&mut self, day: i64, event: &Event) {
        let unknown: Vec<BlockId> = self.blocks.unknown(event).collect();
        for id in unknown {
            let Some(partition) = partitions::find(Table::Block, day) else {
                continue;
            };
            rows::find(partition, &batch::block_key(day, id), |row| {
                let (kind, body) = (row.text(3), row.json(4));
                if let (Some(kind), Some(body)) = (kind, body) {
                    self.blocks.add_projected(id, &kind, &body);
                }
            });
        }
    }

    fn send(&self, alerts: impl IntoIterator<Item = String>) {
        if self.is_quiet {
            return;
        }
        alerts
            .into_iter()
            .for_each(|alert| notify::send(c"ward_alert", &alert));
    }
}

/// How many entries of a log are signed.
pub fn end(state: &State, log: u32) -> u64 {
    if log == state.epoch.load(Ordering::Acquire) {
        return state.size.load(Ordering::Acquire);
    }
    ledger::published(log)
}

/// Was a block projected for a day?
pub fn is_present(day: i64, id: BlockId) -> bool {
    let mut found = false;
    if let Some(partition) = partitions::find(Table::Block, day) {
        rows::find(partition, &batch::block_key(day, id), |_| found = true);
    }
    found
}

fn partition(table: Table, day: i64) -> Result<Oid, String> {
    if let Some(partition) = partitions::find(table, day) {
        return Ok(partition);
    }
    partitions::make(table, day).map_err(|error| error.message)?;
    partitions::find(table, day).ok_or_else(|| String::from("a partition could not be made"))
}
