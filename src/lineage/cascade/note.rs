#![forbid(unsafe_code)]
//! The rows that changed since the statement began, and when they are followed.

use super::group::Group;
use super::orphans::emptied;
use super::{Key, MODE, Mode, mode};
use crate::errors::{Code, Result, WardError};
use crate::lineage::row::stored_label;
use crate::lineage::{record, source};
use crate::pg::trigger::{self, Call, Event, Row};
use crate::pg::xact;
use crate::registry::{self, Derivation};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// A row that changed, and one derivation that it takes part in.
struct Note {
    derivation: Rc<Derivation>,
    /// The key that it had.
    key: Key,
    change: Change,
}

/// What happened to it.
#[derive(PartialEq)]
enum Change {
    /// A source got another label, tenant, owner, acl or key.
    Source,
    /// A source was deleted.
    Deleted,
    /// A recorded output got this key.
    Output(Key),
}

thread_local! {
    static NOTES: RefCell<Vec<Note>> = const { RefCell::new(Vec::new()) };
    /// How many notes there are, for the hook on the path of every statement.
    static COUNT: Cell<usize> = const { Cell::new(0) };
    static SAVEPOINTS: RefCell<Vec<(usize, Option<Mode>)>> = const { RefCell::new(Vec::new()) };
}

/// Where the notes of a statement begin.
#[inline]
pub fn mark() -> usize {
    COUNT.get()
}

/// Follows transactions and savepoints.
pub fn on_event(event: xact::Event) {
    SAVEPOINTS.with_borrow_mut(|savepoints| match event {
        xact::Event::Commit | xact::Event::Abort => {
            savepoints.clear();
            truncate(0);
            MODE.replace(None);
        }
        xact::Event::SavepointStart => savepoints.push((COUNT.get(), mode())),
        xact::Event::SavepointCommit => {
            savepoints.pop();
        }
        xact::Event::SavepointAbort => {
            if let Some((notes, mode)) = savepoints.pop() {
                truncate(notes);
                MODE.replace(mode);
            }
        }
    });
}

fn truncate(length: usize) {
    NOTES.with_borrow_mut(|notes| notes.truncate(length));
    COUNT.set(NOTES.with_borrow(Vec::len));
}

/// The trigger on sources.
pub fn note(call: Call) -> Result<()> {
    let Some(p) = registry::protection(call.relation())? else {
        return Ok(());
    };
    source::forget();
    let event = call.event();
    let start = mark();
    if event == Event::Truncate {
        record::forget_outputs(&p)?;
        return p.derivatives.iter().try_for_each(|d| emptied(d));
    }
    let row = call.row();
    let key_of = |row: Row, names: &[String]| -> Key {
        let columns = names.iter().map(|name| p.key(name));
        columns.map(|column| row.text(column?)).collect()
    };
    if let Some(output) = p.sources.iter().find(|derivation| derivation.recorded) {
        let key = key_of(row, &output.child_key);
        if event == Event::Delete {
            record::forget_output(output, key)?;
        } else {
            let new = key_of(call.new_row(), &output.child_key);
            if new != key {
                push(output, key, Change::Output(new));
            }
        }
    }
    for derivation in &p.derivatives {
        let key = key_of(row, &derivation.parent_key);
        if let (Some(Mode::Lower(lowered)), Some(label)) = (mode(), &p.label) {
            let label = stored_label(label, row);
            lowered
                .0
                .borrow_mut()
                .insert((derivation.id, key.clone()), label);
        }
        let change = match event {
            Event::Delete => Change::Deleted,
            _ => Change::Source,
        };
        push(derivation, key, change);
    }
    // Changes of a subscription are applied without the executor, whose end we otherwise wait for.
    if trigger::in_logical_worker() {
        follow(start)?;
    }
    Ok(())
}

fn push(derivation: &Rc<Derivation>, key: Key, change: Change) {
    NOTES.with_borrow_mut(|notes| {
        notes.push(Note {
            derivation: Rc::clone(derivation),
            key,
            change,
        });
        COUNT.set(notes.len());
    });
}

/// Brings in step what derives from the sources noted since `start`.
pub fn follow(start: usize) -> Result<()> {
    let notes = NOTES.with_borrow_mut(|notes| {
        let start = start.min(notes.len());
        notes.split_off(start)
    });
    COUNT.set(NOTES.with_borrow(Vec::len));
    let mut groups: Vec<Group> = Vec::new();
    let mut moved: Vec<(Rc<Derivation>, Key, Key)> = Vec::new();
    for note in notes {
        let deleted = match note.change {
            Change::Source => false,
            Change::Deleted => true,
            Change::Output(new) => {
                moved.push((note.derivation, note.key, new));
                continue;
            }
        };
        let same = |group: &&mut Group| {
            group.derivation.id == note.derivation.id && group.deleted == deleted
        };
        match groups.iter_mut().find(same) {
            Some(group) => group.keys.push(note.key),
            None => groups.push(Group {
                derivation: note.derivation,
                deleted,
                keys: vec![note.key],
            }),
        }
    }
    record::move_outputs(&moved)?;
    groups.iter().try_for_each(Group::follow)
}

/// Refuses to commit while something has not been followed: a way of running statements that the
/// hooks do not see must not leave derived rows behind.
pub fn refuse_unfinished() -> Result<()> {
    if COUNT.get() == 0 {
        return Ok(());
    }
    Err(WardError::new(
        Code::Registry,
        "the transaction changed sources in a way that derived rows could not follow",
    ))
}
