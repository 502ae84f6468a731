#![forbid(unsafe_code)]
//! Children of protected relations: new ones come under the protection, former ones keep it.
//!
//! The statement itself only notes who joins and who leaves; the protection is settled when it has
//! run, with the relations that really exist then.

use super::{is_administrator, reserved};
use crate::errors::{Code, Result, WardError};
use crate::lineage::{backfill, cascade, define as derivations, new_table, triggers};
use crate::pg::xact::{self, Event};
use crate::pg::{Oid, catalog};
use crate::registry::{self, Protection};
use crate::rows::{changes, protect};
use crate::session::level::{self, Level};
use std::cell::RefCell;
use std::rc::Rc;

enum Change {
    /// What is created next may run code of its author.
    Risky,
    Created(Oid),
    Joined(Oid),
    Left(Oid, Rc<Protection>),
    /// A part of a source of derived rows is gone.
    Dropped(Rc<Protection>),
}

thread_local! {
    /// Changes of the statements under way, inner ones last. What an aborted savepoint leaves here
    /// is looked up like the rest, and not found.
    static CHANGES: RefCell<Vec<Change>> = const { RefCell::new(Vec::new()) };
}

/// Where the changes of one statement begin.
#[derive(Clone, Copy)]
pub struct Mark(usize);

/// The place from which [`settle`] will settle.
pub fn mark() -> Mark {
    Mark(CHANGES.with_borrow(Vec::len))
}

/// Notes that the statement under way is CREATE TABLE with constraints, defaults or a kind of table
/// that only administrators may give a child of a protected relation.
pub fn risky() {
    CHANGES.with_borrow_mut(|changes| changes.push(Change::Risky));
}

/// Notes that the statement under way created a relation.
pub fn created(relation: Oid) {
    CHANGES.with_borrow_mut(|changes| changes.push(Change::Created(relation)));
}

/// Notes that the statement under way will make this relation a child of a protected one.
pub fn joined(child: Oid) {
    CHANGES.with_borrow_mut(|changes| changes.push(Change::Joined(child)));
}

/// Notes that it will take this relation from its protected parent.
pub fn left(child: Oid, before: Rc<Protection>) {
    CHANGES.with_borrow_mut(|changes| changes.push(Change::Left(child, before)));
}

/// Notes that it drops a part of this source.
pub fn dropped(before: Rc<Protection>) {
    CHANGES.with_borrow_mut(|changes| changes.push(Change::Dropped(before)));
}

/// Forgets the changes of statements that failed.
///
/// Not at commit: DETACH PARTITION CONCURRENTLY commits in the middle, and is settled afterwards.
pub fn on_event(event: Event) {
    if event == Event::Abort {
        CHANGES.with_borrow_mut(Vec::clear);
    }
}

/// Protects the table that the statement of this text has just made of protected rows, if any.
pub fn cover_new_table(mark: Mark, text: usize) -> Result<()> {
    if !new_table::is_coming(text) {
        return Ok(());
    }
    let created = CHANGES.with_borrow(|changes| {
        let created = changes
            .iter()
            .skip(mark.0)
            .filter_map(|change| match change {
                Change::Created(relation) => Some(*relation),
                _ => None,
            });
        created.collect::<Vec<_>>()
    });
    by_ward(|| new_table::finish(text, created.into_iter()))
}

/// Settles the protection of what changed since `mark`.
pub fn settle(mark: Mark) -> Result<()> {
    let changes = CHANGES.with_borrow_mut(|changes| {
        let from = mark.0.min(changes.len());
        changes.split_off(from)
    });
    if changes.is_empty() || super::is_ward() || !registry::any()? {
        return Ok(());
    }
    xact::make_changes_visible();
    let risky = changes.iter().any(|change| matches!(change, Change::Risky));
    changes.into_iter().try_for_each(|change| match change {
        Change::Created(child) => settle_created(child, risky),
        Change::Joined(child) => {
            cover(child)?;
            by_ward(|| backfill::joined(child))
        }
        Change::Left(child, before) if registry::protection(child)?.is_none() => by_ward(|| {
            protect::keep_detached(child, &before)?;
            derivations::keep_detached(child, &before)?;
            changes::cover(child)?;
            cascade::refuse_orphans(&before)
        }),
        Change::Dropped(before) => cascade::refuse_orphans(&before),
        Change::Left(..) | Change::Risky => Ok(()),
    })
}

fn settle_created(child: Oid, risky: bool) -> Result<()> {
    let parents = catalog::parents(child);
    if parents.is_empty() || !is_table(child) {
        return Ok(());
    }
    let Some(p) = registry::protection(child)? else {
        return Ok(());
    };
    for parent in parents {
        if registry::protection(parent)?.is_none() {
            return Err(WardError::new(
                Code::Guarded,
                format!(
                    "\"{}\" would inherit from a protected and from an unprotected relation",
                    p.name
                ),
            )
            .hint("Protect both parents with ward.protect() first, or inherit from one."));
        }
    }
    if risky && !is_administrator() {
        return Err(reserved(
            "a foreign child, or one with constraints or computed columns, of",
            &p,
        ));
    }
    cover(child)
}

/// Brings a new child under its parent's protection, and its rows under its parent's derivations.
fn cover(child: Oid) -> Result<()> {
    by_ward(|| {
        protect::cover_child(child)?;
        triggers::cover_child(child)?;
        changes::cover(child)
    })
}

fn is_table(relation: Oid) -> bool {
    matches!(catalog::relation_kind(relation), Some(b'r' | b'p' | b'f'))
}

/// Runs ward's own statements past the guard.
fn by_ward<T>(f: impl FnOnce() -> T) -> T {
    let before = level::enter(Level {
        ward: true,
        ..level::current()
    });
    let result = f();
    level::set(before);
    result
}
