#![forbid(unsafe_code)]
//! What follows when a source is relabelled, moved to another tenant or owner, or deleted.
//!
//! A row trigger on the source notes the keys of the rows that changed. When the statement is
//! through, all their derived rows are brought in step by one statement per derivation; what that
//! changes is noted and followed in the same way, level by level.

mod group;
mod note;
mod orphans;

pub use group::{arguments, hide, quarantined};
pub use note::{follow, mark, note, on_event, refuse_unfinished};
pub use orphans::refuse_orphans;

use super::source;
use crate::errors::Result;
use crate::pg::Oid;
use crate::registry::Derivation;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use ward_core::Label;

/// How rows are brought in step by a statement of ward's own.
#[derive(Clone)]
pub enum Mode {
    /// Their labels rise to those of their sources.
    Raise,
    /// They leave quarantine, unless a source of theirs is in it, or they were put there themselves.
    Release(Rc<Kept>),
    /// Those that carry exactly what their sources carried follow them down.
    Lower(Rc<Lowered>),
}

/// The texts of a row's key columns.
pub type Key = Vec<Option<String>>;

/// Rows in quarantine on their own account: relation, and the texts of key columns.
pub type Kept = Vec<(Oid, Vec<(String, String)>)>;

/// The labels that sources had before they were lowered.
#[derive(Default)]
pub struct Lowered(RefCell<HashMap<(u64, Key), Option<Label>>>);

impl Lowered {
    /// The label that a source had before: the one it has, if it was not lowered.
    pub fn before(&self, d: &Derivation, source: &source::Source) -> Option<Label> {
        let known = self.0.borrow();
        match known.get(&(d.id, source.key.clone())) {
            Some(label) => *label,
            None => source.label,
        }
    }
}

thread_local! {
    static MODE: RefCell<Option<Mode>> = const { RefCell::new(None) };
    /// How many rows the current administrative call has brought in step.
    static CHANGED: Cell<u64> = const { Cell::new(0) };
}

/// How ward's own statement under way treats rows; `None` in any other.
pub fn mode() -> Option<Mode> {
    MODE.with_borrow(Clone::clone)
}

/// Runs `f` in a mode; how many rows were brought in step.
pub fn in_mode(mode: Mode, f: impl FnOnce() -> Result<()>) -> Result<u64> {
    let before = MODE.replace(Some(mode));
    let count = CHANGED.replace(0);
    let result = f();
    MODE.replace(before);
    let changed = CHANGED.replace(count);
    result.map(|()| changed)
}
