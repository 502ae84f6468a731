#![forbid(unsafe_code)]
//! What is under way: a small state that follows statements, errors and savepoints.

use crate::pg::statement::Names;
use crate::pg::xact::Event;
use std::cell::{Cell, RefCell};

/// The statements around the current one that matter to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Level {
    /// EXPLAIN.
    pub explain: bool,
    /// CREATE TABLE AS, SELECT INTO or a materialised view.
    pub create_table_as: bool,
    /// The address of a CREATE TABLE AS statement's text while its query is not planned yet; 0 otherwise.
    pub new_table: usize,
    /// The names that its columns get.
    pub new_names: Names,
    /// REASSIGN OWNED.
    pub reassign: bool,
    /// ALTER TABLE.
    pub alter_table: bool,
    /// DDL of ward's own.
    pub ward: bool,
    /// DROP EXTENSION ward.
    pub drops_ward: bool,
}

thread_local! {
    static LEVEL: Cell<Level> = const { Cell::new(Level {
        explain: false,
        create_table_as: false,
        new_table: 0,
        new_names: Names::NONE,
        reassign: false,
        alter_table: false,
        ward: false,
        drops_ward: false,
    }) };
    static SAVEPOINTS: RefCell<Vec<Level>> = const { RefCell::new(Vec::new()) };
}

/// The level of the current statement.
pub fn current() -> Level {
    LEVEL.get()
}

/// Enters `level`; the one to go back to with [`set`].
pub fn enter(level: Level) -> Level {
    LEVEL.replace(level)
}

/// Goes back to a level.
pub fn set(level: Level) {
    LEVEL.set(level);
}

/// Is an EXPLAIN under way?
pub fn in_explain() -> bool {
    LEVEL.get().explain
}

/// Is CREATE TABLE AS, SELECT INTO or a materialised view under way?
pub fn in_create_table_as() -> bool {
    LEVEL.get().create_table_as
}

/// Is the query of this text, about to be planned, what a new table will hold? True once.
pub fn take_new_table(text: usize) -> bool {
    let level = LEVEL.get();
    let is_it = level.new_table != 0 && level.new_table == text;
    if is_it {
        LEVEL.set(Level {
            new_table: 0,
            ..level
        });
    }
    is_it
}

/// Is ALTER TABLE under way?
pub fn in_alter_table() -> bool {
    LEVEL.get().alter_table
}

/// An error leaves levels without going back; the end of its (sub)transaction does it instead.
pub fn on_event(event: Event) {
    SAVEPOINTS.with_borrow_mut(|savepoints| match event {
        Event::Commit | Event::Abort => {
            savepoints.clear();
            LEVEL.set(Level::default());
        }
        Event::SavepointStart => savepoints.push(LEVEL.get()),
        Event::SavepointCommit => {
            savepoints.pop();
        }
        Event::SavepointAbort => {
            if let Some(level) = savepoints.pop() {
                LEVEL.set(level);
            }
        }
    });
}
