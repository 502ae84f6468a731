#![forbid(unsafe_code)]
//! Which relations derive from which, and by which columns.

use crate::pg::{Oid, table};
use std::cell::Cell;
use std::collections::HashMap;
use std::rc::Rc;

/// What becomes of derived rows when a source is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnDelete {
    /// They are deleted with it.
    Delete,
    /// The source cannot be deleted.
    Refuse,
    /// They stay, hidden from everybody.
    Quarantine,
}

impl OnDelete {
    /// Reads the argument of `ward.derive`.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "delete" => Some(Self::Delete),
            "refuse" => Some(Self::Refuse),
            "quarantine" => Some(Self::Quarantine),
            _ => None,
        }
    }
}

/// Rows of `child` are made from rows of `parent`. Both are roots, never partitions.
#[derive(Debug)]
pub struct Derivation {
    /// Different for each derivation that this backend has ever loaded.
    pub id: u64,
    pub child: Oid,
    pub parent: Oid,
    /// The columns that name the source; for a recorded derivation, the child's primary key.
    pub child_key: Vec<String>,
    /// The parent's columns that they equal; for a recorded derivation, its primary key.
    pub parent_key: Vec<String>,
    /// Are the sources of a row named with `ward.record_lineage` instead?
    pub recorded: bool,
    pub on_delete: OnDelete,
}

/// All derivations, by child and by parent.
#[derive(Default, Debug)]
pub(super) struct Derivations {
    pub sources: HashMap<Oid, Vec<Rc<Derivation>>>,
    pub derivatives: HashMap<Oid, Vec<Rc<Derivation>>>,
}

thread_local! {
    static LOADED: Cell<u64> = const { Cell::new(0) };
}

pub(super) fn load(derivations: Oid) -> Derivations {
    let mut all = Derivations::default();
    table::scan(derivations, |row| {
        if let (Some(child), Some(parent), Some(child_key), Some(parent_key), Some(on_delete)) = (
            row.oid(1),
            row.oid(2),
            row.texts(3),
            row.texts(4),
            row.text(6),
        ) {
            let derivation = Rc::new(Derivation {
                id: LOADED.replace(LOADED.get() + 1),
                child,
                parent,
                child_key,
                parent_key,
                recorded: row.boolean(5).unwrap_or_default(),
                // What cannot be read must not delete anything.
                on_delete: OnDelete::parse(&on_delete).unwrap_or(OnDelete::Refuse),
            });
            all.sources
                .entry(child)
                .or_default()
                .push(Rc::clone(&derivation));
            all.derivatives.entry(parent).or_default().push(derivation);
        }
    });
    all
}
