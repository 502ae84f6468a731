#![forbid(unsafe_code)]
//! Changes that were recorded and then rolled back.
//!
//! Records survive the rollback of what they tell of. So a rollback of changes is an event, too: it names
//! the first record of this session that no longer holds; all from there up to itself are meant.

use super::emit::{self, Durability, References};
use crate::pg::xact::Event as Transaction;
use std::cell::RefCell;
use ward_audit::{Event, Kind, Outcome};

#[derive(Default)]
struct Changes {
    /// The first and the last record of a change in this transaction.
    span: Option<(u64, u64)>,
    /// The number of the next record when each savepoint began.
    savepoints: Vec<u64>,
}

thread_local! {
    static CHANGES: RefCell<Changes> = RefCell::default();
}

/// A record was written. A statement that failed has changed nothing.
pub fn note(event: &Event, sequence: u64) {
    if event.outcome != Outcome::Allowed {
        return;
    }
    let changes = [
        Kind::Write,
        Kind::Row,
        Kind::Policy,
        Kind::Definition,
        Kind::Privilege,
    ];
    let in_maintenance =
        event.kind == Kind::Maintenance && event.statement.as_deref() != Some("select");
    if in_maintenance || changes.contains(&event.kind) {
        CHANGES.with_borrow_mut(|changes| {
            let first = changes.span.map_or(sequence, |(first, _)| first);
            changes.span = Some((first, sequence));
        });
    }
}

/// Follows transactions and savepoints.
pub fn on_event(event: Transaction) {
    let undone = CHANGES.with_borrow_mut(|changes| match event {
        Transaction::Commit => {
            *changes = Changes::default();
            None
        }
        Transaction::Abort => std::mem::take(changes).span.map(|(first, _)| first),
        Transaction::SavepointStart => {
            changes.savepoints.push(emit::next_sequence());
            None
        }
        Transaction::SavepointCommit => {
            changes.savepoints.pop();
            None
        }
        Transaction::SavepointAbort => {
            let from = changes.savepoints.pop()?;
            let (first, last) = changes.span?;
            if last < from {
                return None;
            }
            // What is left lies before the savepoint.
            changes.span = (first < from).then(|| (first, from - 1));
            Some(first.max(from))
        }
    });
    if let Some(first) = undone {
        let event = Event {
            kind: Kind::Rollback,
            first_seq: Some(first),
            ..Event::default()
        };
        // It was possible to record the change, with the same key.
        let _ = emit::emit(event, &References::default(), Durability::Soon);
    }
}
