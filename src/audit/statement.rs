#![forbid(unsafe_code)]
//! Statements over protected relations, from their start to their end.
//!
//! A write has one event, when it has ended and its rows are counted, or has failed. A read has one when it has
//! given out its rows, and another when it ends if it gave them out in portions. Strict reads have one before
//! their first row, and wait until that is durable.

use super::emit::{self, Durability, Encoded, References};
use super::text;
use crate::errors::Result;
use crate::pg::activity::Text;
use crate::pg::xact::Event as Transaction;
use crate::pg::{net, wal};
use std::cell::RefCell;
use std::rc::Rc;
use ward_audit::{Event, Kind, Outcome, Stage};
use ward_core::Label;

/// How sure it must be that a read is recorded, before its rows are seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Recorded when it has ended, durable soon after.
    Async,
    /// Durable before the client is told that its transaction has ended.
    Commit,
    /// Durable before the first row leaves the server.
    Strict,
}

/// What is known of a statement when it starts.
#[derive(Clone)]
pub struct Statement {
    pub kind: Kind,
    /// `select`, `insert`, …
    pub command: &'static str,
    pub references: References,
    pub level: Level,
    /// LIMIT of a vector search.
    pub k: Option<u64>,
    pub policy_version: u64,
    /// Further facts, as JSON.
    pub detail: Option<String>,
}

/// How many bytes of keys an event holds: an entry of the log ends at 65,535.
const MAX_KEYS: usize = 32_768;

struct Open {
    /// The address of its descriptor.
    key: usize,
    /// How deep in savepoints it was started.
    nesting: i32,
    about: Statement,
    rows: u64,
    /// Can its rows be counted?
    is_counted: bool,
    /// Is it fetching, so that an error leaves unknown how many rows it has sent?
    is_running: bool,
    keys: Vec<String>,
    key_bytes: usize,
    labels: Option<Label>,
    /// Its first event: before its first row, or after its first portion of rows.
    start: Option<u64>,
    /// How many rows that event tells of, if it came after some.
    told: Option<u64>,
}

#[derive(Default)]
struct Statements {
    open: Vec<Open>,
    /// Those that give out rows right now, the innermost last: by the address of their descriptors.
    running: Vec<usize>,
    /// What is being planned: a refusal names it.
    planned: Option<(&'static str, Rc<Encoded>)>,
}

impl Statements {
    /// What runs right now.
    fn innermost(&self) -> Option<&Open> {
        let running = self.running.last()?;
        self.open.iter().rfind(|open| open.key == *running)
    }
}

thread_local! {
    static STATEMENTS: RefCell<Statements> = RefCell::default();
}

/// A query over these relations is being planned.
pub fn planning(command: &'static str, relations: Rc<Encoded>) {
    STATEMENTS.with_borrow_mut(|statements| statements.planned = Some((command, relations)));
}

/// A statement starts. Error: WD043 if nothing can be recorded.
pub fn begin(key: usize, about: Statement) -> Result<()> {
    let start = match about.level {
        Level::Strict => {
            let event = Event {
                stage: Some(Stage::Start),
                ..event(&about)
            };
            Some(emit::emit(event, &about.references, Durability::Now)?)
        }
        Level::Async | Level::Commit => None,
    };
    STATEMENTS.with_borrow_mut(|statements| {
        statements.planned = None;
        statements.open.push(Open {
            key,
            nesting: wal::nest_level(),
            about,
            rows: 0,
            is_counted: true,
            is_running: false,
            keys: Vec::new(),
            key_bytes: 0,
            labels: None,
            start,
            told: None,
        });
    });
    Ok(())
}

/// Is any statement open? Asked at the end of each.
#[inline]
pub fn any() -> bool {
    STATEMENTS.with_borrow(|statements| !statements.open.is_empty())
}

/// An open statement begins to give out rows.
pub fn fetching(key: usize) {
    of(key, |open| open.is_running = true);
    STATEMENTS.with_borrow_mut(|statements| statements.running.push(key));
}

/// It has returned or changed rows, under `labels` as far as that is known (the watermark of the transaction,
/// which is never too low). A read is recorded now: who holds a cursor open may never end it.
///
/// Error: WD043 if nothing can be recorded.
pub fn fetched(key: usize, rows: Option<u64>, labels: Option<Label>) -> Result<()> {
    let mut told = None;
    STATEMENTS.with_borrow_mut(|statements| {
        // What lies above it was left by an error that somebody caught.
        if let Some(depth) = statements
            .running
            .iter()
            .rposition(|running| *running == key)
        {
            statements.running.truncate(depth);
        }
    });
    of(key, |open| {
        open.rows += rows.unwrap_or_default();
        open.is_counted &= rows.is_some();
        open.is_running = false;
        open.labels = labels.or(open.labels);
        told = open.first_portion();
    });
    if let Some((event, references, durability)) = told {
        let sequence = emit::emit(event, &references, durability)?;
        of(key, |open| open.start = Some(sequence));
    }
    Ok(())
}

fn of(key: usize, f: impl FnOnce(&mut Open)) {
    STATEMENTS.with_borrow_mut(|statements| {
        if let Some(open) = statements.open.iter_mut().rfind(|open| open.key == key) {
            f(open);
        }
    });
}

/// A search that runs has found the row with this key (a JSON object), under this label.
pub fn add_key(key: String, label: Label) {
    let running = STATEMENTS.with_borrow(|statements| statements.running.last().copied());
    let Some(running) = running else { return };
    of(running, |open| {
        open.labels = Some(open.labels.map_or(label, |labels| labels.join(label)));
        if open.key_bytes < MAX_KEYS {
            open.key_bytes += key.len();
            open.keys.push(key);
        }
    });
}

/// A statement has ended. Error: WD043 if nothing can be recorded.
pub fn end(key: usize) -> Result<()> {
    let open = STATEMENTS.with_borrow_mut(|statements| {
        let at = statements.open.iter().rposition(|open| open.key == key)?;
        Some(statements.open.remove(at))
    });
    match open {
        Some(open) => open.record(Outcome::Allowed),
        None => Ok(()),
    }
}

/// Follows transactions and savepoints: what they end without its own end has failed, or was a cursor that
/// nobody closed.
pub fn on_event(event: Transaction) {
    let from = match event {
        Transaction::Abort => 0,
        Transaction::SavepointAbort => wal::nest_level(),
        Transaction::Commit => {
            STATEMENTS.take();
            return;
        }
        _ => return,
    };
    let failed = STATEMENTS.with_borrow_mut(|statements| {
        statements.planned = None;
        let (failed, open) = std::mem::take(&mut statements.open)
            .into_iter()
            .partition(|open| open.nesting >= from);
        statements.open = open;
        let open = &statements.open;
        statements
            .running
            .retain(|key| open.iter().any(|open| open.key == *key));
        failed
    });
    let failed: Vec<Open> = failed;
    for open in failed {
        // Whoever has no key does not get as far as here.
        let outcome = match net::last_sqlstate() {
            Some(_) => Outcome::Error,
            None => Outcome::Allowed,
        };
        let _ = open.record(outcome);
    }
}

impl Open {
    /// The event of a read that has given out its first rows, if it has no event yet.
    fn first_portion(&mut self) -> Option<(Event, References, Durability)> {
        let is_read = !matches!(self.about.kind, Kind::Write);
        if self.start.is_some() || !is_read {
            return None;
        }
        self.told = Some(self.rows);
        let keys = std::mem::take(&mut self.keys);
        let event = Event {
            keys,
            ..self.event(Outcome::Allowed)
        };
        Some((event, self.about.references.clone(), self.durability()))
    }

    fn record(mut self, outcome: Outcome) -> Result<()> {
        if outcome == Outcome::Allowed && self.told == Some(self.rows) && self.keys.is_empty() {
            return Ok(());
        }
        let keys = std::mem::take(&mut self.keys);
        let event = Event {
            stage: self.start.map(|_| Stage::End),
            first_seq: self.start,
            keys,
            ..self.event(outcome)
        };
        emit::emit(event, &self.about.references, self.durability()).map(|_| ())
    }

    fn durability(&self) -> Durability {
        match self.about.level {
            Level::Async => Durability::Soon,
            Level::Commit | Level::Strict => Durability::AtCommit,
        }
    }

    fn event(&self, outcome: Outcome) -> Event {
        Event {
            outcome,
            sqlstate: match outcome {
                Outcome::Error => net::last_sqlstate(),
                _ => None,
            },
            rows: (self.is_counted && !self.is_running).then_some(self.rows),
            labels: self.labels.map(Label::to_bits),
            ..event(&self.about)
        }
    }
}

fn event(about: &Statement) -> Event {
    Event {
        kind: about.kind,
        statement: Some(about.command.to_owned()),
        k: about.k,
        policy_version: Some(about.policy_version),
        detail: about.detail.clone(),
        ..Event::default()
    }
}

/// The text that the client sent, while one is being processed.
pub fn client_text() -> Option<Rc<Encoded>> {
    Text::current().map(|text| text::block(text.bytes()))
}

/// What kind of statement is being planned or run.
pub fn current_kind() -> Option<String> {
    STATEMENTS.with_borrow(|statements| {
        let planned = statements.planned.as_ref().map(|(command, _)| *command);
        let running = statements.innermost().map(|open| open.about.command);
        planned.or(running).map(str::to_owned)
    })
}

/// The relations of the statement that is being planned or run.
pub fn current_relations() -> Option<Rc<Encoded>> {
    STATEMENTS.with_borrow(|statements| {
        let planned = statements
            .planned
            .as_ref()
            .map(|(_, relations)| Rc::clone(relations));
        planned.or_else(|| statements.innermost()?.about.references.relations.clone())
    })
}
