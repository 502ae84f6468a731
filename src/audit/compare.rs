#![forbid(unsafe_code)]
//! The tables behind `ward.audit` against the sealed log: every row, in both directions.

use super::batch::{Batch, Database};
use super::cursor::Cursor;
use super::partitions::{self, Table};
use super::project::{self, is_present};
use super::retention;
use super::rows;
use super::state;
use super::time;
use crate::errors::Result;
use crate::pg::batch::{Value, find};
use crate::pg::{Oid, table};
use std::collections::{HashMap, HashSet};
use ward_audit::{BlockId, Item};

/// An entry and what is wrong with its row.
pub type Bad = (u64, String);

/// What has been compared so far.
pub struct Comparison {
    /// Entries before its place are in the tables.
    cursor: Cursor,
    rollbacks: Oid,
    /// Days before it may have been dropped.
    first_day: i64,
    /// The events of each log that were found, a bit for each entry.
    found: HashMap<u32, Vec<u64>>,
    /// How far each log was compared.
    whole: HashMap<u32, u64>,
    blocks: HashSet<(i64, BlockId)>,
    /// The rows of rollbacks that were not found in a log yet, with their days.
    rolled_back: HashMap<[i64; 3], i64>,
}

impl Comparison {
    /// `None` where ward is not installed in this database. Error: WD043 without a key.
    pub fn begin() -> Result<Option<Self>> {
        let Some(rollbacks) = partitions::table(c"audit_rollback") else {
            return Ok(None);
        };
        // First: what is in it lies before the cursor.
        let rolled_back = rolled_back(rollbacks);
        let Some(cursor) = Cursor::read()? else {
            return Ok(None);
        };
        Ok(Some(Self {
            cursor,
            rollbacks,
            first_day: retention::first_day().unwrap_or(i64::MIN),
            found: HashMap::new(),
            whole: HashMap::new(),
            blocks: HashSet::new(),
            rolled_back,
        }))
    }

    /// The names of other origins whose events are in the tables: their logs lie elsewhere.
    pub fn others(&self) -> Vec<String> {
        self.cursor.others()
    }

    /// How many entries of a log are in the tables.
    pub fn end(&self, log: u32, entries: u64) -> u64 {
        match log.cmp(&self.cursor.place.0) {
            std::cmp::Ordering::Less => entries,
            std::cmp::Ordering::Equal => entries.min(self.cursor.place.1),
            std::cmp::Ordering::Greater => 0,
        }
    }

    /// Compares a stretch; the first entry whose row is missing or another.
    pub fn check(&mut self, batch: &mut Batch, database: &mut Database) -> Option<Bad> {
        batch.choose(database, is_present);
        let first_day = self.first_day;
        batch
            .ours
            .retain(|one| one.day >= first_day && !one.is_orphan);
        self.check_events(batch)
            .or_else(|| self.check_blocks(batch))
            .or_else(|| self.check_rollbacks(batch))
    }

    fn check_events(&mut self, batch: &Batch) -> Option<Bad> {
        let bits = self.found.entry(batch.log).or_default();
        let source = rows::Source {
            origin: self.cursor.origin,
            log: batch.log,
        };
        for one in &batch.ours {
            let (Item::Event(event), Some(entry)) = (&one.item, one.entry()) else {
                continue;
            };
            let row = rows::event(source, one.index, &entry, event);
            let partition = partitions::find(Table::Event, one.day);
            if let Some(bad) = differs(partition, row.get(..4)?, &row) {
                return Some((one.index, format!("ward.audit {bad}")));
            }
            let word = (one.index / 64) as usize;
            if bits.len() <= word {
                bits.resize(word + 1, 0);
            }
            bits[word] |= 1 << (one.index % 64);
        }
        None
    }

    fn check_blocks(&mut self, batch: &Batch) -> Option<Bad> {
        for one in &batch.ours {
            let Item::Block(block) = &one.item else {
                continue;
            };
            if !self.blocks.insert((one.day, block.id())) {
                continue;
            }
            let row = rows::block(one.day, block);
            let partition = partitions::find(Table::Block, one.day);
            if let Some(bad) = differs(partition, row.get(..2)?, &row) {
                return Some((
                    one.index,
                    format!("what events of ward.audit refer to {bad}"),
                ));
            }
        }
        None
    }

    fn check_rollbacks(&mut self, batch: &Batch) -> Option<Bad> {
        for row in batch.rollbacks() {
            let key = row.get(..3)?;
            if let Some(bad) = differs(Some(self.rollbacks), key, &row) {
                return Some((0, format!("the rolled-back changes of ward.audit {bad}")));
            }
            self.rolled_back
                .remove(&[big(&row, 0), big(&row, 1), big(&row, 2)]);
        }
        None
    }

    /// Notes that a log was compared up to here.
    pub fn finish(&mut self, log: u32, end: u64) {
        self.whole.insert(log, end);
    }

    /// A row that is not in the log: the log and index that it claims.
    pub fn surplus(&mut self) -> Option<(u32, u64)> {
        let state = state::get();
        let end = |log| state.map_or(0, |state| project::end(state, log));
        let mut surplus = None;
        let (first_day, origin) = (self.first_day, self.cursor.origin);
        let days = partitions::days(Table::Event)
            .into_iter()
            .filter(|day| *day >= first_day);
        for partition in days.filter_map(|day| partitions::find(Table::Event, day)) {
            table::scan(partition, |row| {
                let log = row.integer(3).unwrap_or_default() as u32;
                let index = row.eight_bytes(4).unwrap_or_default() as u64;
                // What was projected meanwhile has not been compared, but it has been sealed.
                let is_new = self
                    .whole
                    .get(&log)
                    .is_none_or(|compared| index >= *compared)
                    && index < end(log);
                if row.integer(2) == Some(origin) && !is_new && !self.takes(log, index) {
                    surplus = surplus.or(Some((log, index)));
                }
            });
        }
        surplus
    }

    /// Is it the one row of an entry? `true` as well where the log was not compared.
    fn takes(&mut self, log: u32, index: u64) -> bool {
        let is_compared = self.whole.contains_key(&log);
        let word = self
            .found
            .get_mut(&log)
            .and_then(|bits| bits.get_mut((index / 64) as usize));
        let bit = 1 << (index % 64);
        let was_found = word.is_some_and(|word| {
            let was_found = *word & bit != 0;
            *word &= !bit;
            was_found
        });
        was_found || (!is_compared && self.found.contains_key(&log))
    }

    /// Does the table of rollbacks say more than the logs, all of which were compared?
    pub fn has_surplus_rollback(&self) -> bool {
        let is_kept = |day: &i64| *day >= self.first_day;
        self.others().is_empty()
            && self.found.keys().all(|log| self.whole.contains_key(log))
            && self.rolled_back.values().any(is_kept)
    }
}

/// The keys of all rows of rollbacks, and their days.
fn rolled_back(table: Oid) -> HashMap<[i64; 3], i64> {
    let mut found = HashMap::new();
    table::scan(table, |row| {
        let key = [1, 2, 3].map(|column| row.eight_bytes(column).unwrap_or_default());
        let at = row.eight_bytes(5).unwrap_or_default().saturating_add(EPOCH);
        found.insert(key, at.div_euclid(time::DAY));
    });
    found
}

/// PostgreSQL's epoch, in microseconds since Unix's.
const EPOCH: i64 = 946_684_800_000_000;

/// What is wrong with the row of this key, if it does not hold these values.
fn differs(table: Option<Oid>, key: &[Value], row: &[Value]) -> Option<&'static str> {
    let mut bad = Some("has no row for it");
    if let Some(table) = table {
        find(table, key, |stored| {
            let is_same = (1..)
                .zip(row)
                .all(|(column, value)| value.is_in(stored, column));
            bad = (!is_same).then_some("has other values than were sealed");
        });
    }
    bad
}

fn big(row: &[Value], column: usize) -> i64 {
    match row.get(column) {
        Some(Value::Big(value)) => *value as i64,
        _ => 0,
    }
}
