#![forbid(unsafe_code)]
//! A stretch of a sealed log, as rows: which entries are of this database, and of which day.

use super::folder::Folder;
use super::rows;
use crate::pg::batch::Value;
use crate::pg::client;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;
use ward_audit::{Block, BlockId, Entry, Event, Item};

/// So many bundles of 256 entries are read at once.
const BUNDLES: u64 = 16;
/// Of long ones, fewer.
const WEIGHT: usize = 16 << 20;
/// Entries of a full bundle.
const BUNDLE: u64 = 256;

/// An entry with its content.
pub struct One {
    /// Its index in the log.
    pub index: u64,
    /// The day of the event, or of the event that first refers to the block.
    pub day: i64,
    /// Is it a block without an event of its session after it?
    pub is_orphan: bool,
    /// What it says.
    pub item: Item,
    bytes: Vec<u8>,
    writer: Writer,
}

/// Who wrote it: the server's run and the session.
type Writer = ([u8; 8], u64);

/// Which entries are of a database.
pub struct Database {
    oid: u32,
    name: String,
    writers: HashMap<Writer, bool>,
}

impl Database {
    /// The database of this process.
    pub fn current() -> Self {
        Self {
            oid: client::database(),
            name: client::database_name(),
            writers: HashMap::new(),
        }
    }

    /// Is a session of this database, or of none: what concerns all of them?
    fn has(&self, oid: u32, name: &str) -> bool {
        oid == self.oid || oid == 0 && (name.is_empty() || name == self.name)
    }
}

/// A stretch of a log.
pub struct Batch {
    /// The log.
    pub log: u32,
    /// The index after its last entry.
    pub end: u64,
    /// Its entries of this database.
    pub ours: Vec<One>,
}

impl Batch {
    /// Reads the first of these entries, of a log of `size` entries. A block at their end whose event is not
    /// there yet is left for later by the `patient`.
    pub fn read(
        folder: &Folder,
        log: u32,
        range: Range<u64>,
        size: u64,
        patient: bool,
    ) -> Result<Self, String> {
        let mut all = Vec::new();
        let mut end = range.start;
        let mut weight = 0;
        while end < range.end && end < (range.start / BUNDLE + BUNDLES) * BUNDLE && weight < WEIGHT
        {
            let bundle = ward_audit::read_bundle(folder, end / BUNDLE, size)
                .map_err(|error| format!("log {log:06}: {error}"))?;
            let following = ((end / BUNDLE + 1) * BUNDLE).min(range.end);
            // None is there where retention has removed it.
            for (index, bytes) in (end / BUNDLE * BUNDLE..).zip(bundle.unwrap_or_default()) {
                weight += bytes.len();
                if (end..following).contains(&index) {
                    all.extend(One::new(index, bytes));
                }
            }
            end = following;
        }
        let mut stop = date(&mut all, end, patient || end < range.end);
        if stop == range.start && end < range.end {
            // Its event is so far away that it has none.
            stop = date(&mut all, end, false);
        }
        all.retain(|one| one.index < stop);
        Ok(Self {
            log,
            end: stop,
            ours: all,
        })
    }

    /// Keeps what is of this database. `is_stored` says whether a block was projected for a day.
    pub fn choose(&mut self, database: &mut Database, is_stored: impl Fn(i64, BlockId) -> bool) {
        for one in &self.ours {
            if let Item::Block(Block::Session {
                database_oid,
                database: name,
                ..
            }) = &one.item
            {
                let is_ours = database.has(*database_oid, name);
                database.writers.insert(one.writer, is_ours);
            }
        }
        for one in &self.ours {
            // Its session's block lies before this batch.
            if let Item::Event(event) = &one.item
                && !database.writers.contains_key(&one.writer)
            {
                let is_ours = event.session.is_none_or(|id| is_stored(one.day, id));
                database.writers.insert(one.writer, is_ours);
            }
        }
        self.ours
            .retain(|one| database.writers.get(&one.writer) == Some(&true));
        if database.writers.len() > 100_000 {
            database.writers.clear();
        }
    }

    /// Rows of blocks by day, without those that are there already.
    pub fn blocks(
        &self,
        present: &mut HashSet<(i64, BlockId)>,
        is_stored: impl Fn(i64, BlockId) -> bool,
    ) -> BTreeMap<i64, Vec<Vec<Value>>> {
        let mut found: BTreeMap<i64, Vec<Vec<Value>>> = BTreeMap::new();
        for one in &self.ours {
            let Item::Block(block) = &one.item else {
                continue;
            };
            if present.insert((one.day, block.id())) && !is_stored(one.day, block.id()) {
                found
                    .entry(one.day)
                    .or_default()
                    .push(rows::block(one.day, block));
            }
        }
        found
    }

    /// Rows of events by day.
    pub fn events(&self, origin: i32) -> BTreeMap<i64, Vec<Vec<Value>>> {
        let source = rows::Source {
            origin,
            log: self.log,
        };
        let mut found: BTreeMap<i64, Vec<Vec<Value>>> = BTreeMap::new();
        for one in &self.ours {
            let (Item::Event(event), Some(entry)) = (&one.item, one.entry()) else {
                continue;
            };
            found
                .entry(one.day)
                .or_default()
                .push(rows::event(source, one.index, &entry, event));
        }
        found
    }

    /// Rows of rollbacks.
    pub fn rollbacks(&self) -> Vec<Vec<Value>> {
        let rows = self.ours.iter().filter_map(|one| match &one.item {
            Item::Event(event) if event.kind == ward_audit::Kind::Rollback => {
                Some(rows::rollback(&one.entry()?, event, event.first_seq?))
            }
            _ => None,
        });
        rows.collect()
    }
}

impl One {
    /// `None` for an entry without readable content: it is sealed, and verified, but says nothing.
    fn new(index: u64, bytes: Vec<u8>) -> Option<Self> {
        let entry = Entry::decode(&bytes).ok()?;
        let item = Item::decode(entry.frame.body).ok()?;
        let day = match &item {
            Item::Event(event) => rows::day(event.at),
            Item::Block(_) => i64::MIN,
        };
        let writer = (entry.frame.boot, entry.frame.session);
        Some(Self {
            index,
            day,
            is_orphan: false,
            item,
            bytes,
            writer,
        })
    }

    /// The entry.
    pub fn entry(&self) -> Option<Entry<'_>> {
        Entry::decode(&self.bytes).ok()
    }
}

/// Gives blocks the day of the next event of their session. Returns where the stretch ends: before the
/// first block that has none yet, if one may wait for it.
fn date(all: &mut [One], end: u64, may_wait: bool) -> u64 {
    let mut days: HashMap<Writer, i64> = HashMap::new();
    let mut any = None;
    let mut stop = end;
    for one in all.iter_mut().rev() {
        if let Item::Event(_) = one.item {
            days.insert(one.writer, one.day);
            any = Some(one.day);
        } else if let Some(day) = days.get(&one.writer) {
            one.day = *day;
        } else if may_wait {
            stop = one.index;
        } else {
            one.is_orphan = true;
            one.day = any.unwrap_or_else(|| rows::day(client::now()));
        }
    }
    stop
}

/// The event of an entry, if it is one.
pub fn event_of(entry: &[u8]) -> Option<Event> {
    match Item::decode(Entry::decode(entry).ok()?.frame.body).ok()? {
        Item::Event(event) => Some(event),
        Item::Block(_) => None,
    }
}

/// The key of a row of `audit_block`.
pub fn block_key(day: i64, id: BlockId) -> [Value; 2] {
    [
        Value::Date(i32::try_from(day).unwrap_or(i32::MAX)),
        Value::Uuid(id.0),
    ]
}
