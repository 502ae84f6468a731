#![forbid(unsafe_code)]
//! What is trusted and what is protected, cached per backend.
//!
//! The truth is in the tables of `ward_internal`. Statement triggers on them announce each change
//! through the relation cache, so that every session (and every standby) reads them anew before its
//! next use. They are read by direct scans, never through SPI: a hook must not plan queries.

mod derivation;
mod mask;
pub mod objects;
mod place;
mod protection;
mod trust;
mod version;

pub use derivation::{Derivation, OnDelete};
pub use mask::{Mask, mask_secret};
pub use objects::{Objects, objects};
pub use place::{Content, Place};
pub use protection::{
    AUDIT_ROWS, CARRIED, Dimension, LABEL_DEFAULT, Protection, WATERMARK, any, is_idle,
    needs_watermark, protection,
};
pub use trust::{Trust, category, trust};
pub use version::{version, version_changed};

use crate::pg::xact::{self, Event};
use crate::pg::{Oid, catalog, invalidate};
use std::cell::Cell;

/// A cache that is filled on use and emptied by invalidation messages.
///
/// A message may arrive while it is being filled; the value is then used once and not kept.
struct Cached<T> {
    stale: Cell<bool>,
    value: std::cell::RefCell<Option<T>>,
}

impl<T: Clone> Cached<T> {
    const fn new() -> Self {
        Self {
            stale: Cell::new(true),
            value: std::cell::RefCell::new(None),
        }
    }

    fn forget(&self) {
        self.stale.set(true);
    }

    /// Was it loaded, and has nothing changed since?
    fn is_fresh(&self) -> bool {
        !self.stale.get()
    }

    fn get_or_load<E>(&self, load: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        if !self.stale.get()
            && let Some(value) = self.value.borrow().as_ref()
        {
            return Ok(value.clone());
        }
        self.stale.set(false);
        match load() {
            Ok(value) => {
                *self.value.borrow_mut() = Some(value.clone());
                Ok(value)
            }
            Err(error) => {
                self.stale.set(true);
                Err(error)
            }
        }
    }
}

/// The registry's tables: a plan that was made from them is dropped when one of them changes.
pub fn tables() -> Vec<Oid> {
    match objects() {
        Ok(Some(o)) => vec![
            o.issuer,
            o.revocation,
            o.category,
            o.protection,
            o.mask,
            o.mask_key,
            o.derivation,
        ],
        _ => Vec::new(),
    }
}

/// Is this a table of ward's own?
pub fn is_own_table(table: Oid) -> bool {
    tables().contains(&table)
        || matches!(objects(), Ok(Some(objects))
            if objects.lineage.contains(&table) || objects.policy_version == table)
}

/// Is ward installed in this database, as far as its objects can be read?
pub fn is_installed() -> bool {
    matches!(objects(), Ok(Some(_)))
}

/// Is this one of the tables of what was recorded?
pub fn is_trail(table: Oid) -> bool {
    catalog::is_user_object(table)
        && matches!(objects(), Ok(Some(objects)) if catalog::is_named(table, objects.internal, "audit_"))
}

/// Is this the table that holds the key of masks?
pub fn is_mask_key(table: Option<Oid>) -> bool {
    table.is_some_and(|table| matches!(objects(), Ok(Some(objects)) if objects.mask_key == table))
}

/// Starts listening for changes; once, from `_PG_init`.
pub fn install() {
    invalidate::watch(relation_changed, schema_changed);
    xact::watch(on_event);
}

/// Runs in the middle of catalog accesses: it only sets flags.
fn relation_changed(relation: Option<Oid>) {
    trust::relation_changed(relation);
    protection::relation_changed(relation);
    mask::relation_changed(relation);
    version::relation_changed(relation);
}

/// Until [`end_repair`], an incomplete extension counts as not installed: a newer library than the
/// installed SQL would otherwise refuse the very statement that updates it.
pub fn begin_repair() {
    if objects::set_repairing(true) {
        schema_changed();
    }
}

/// From here on an incomplete extension is an error again.
pub fn end_repair() {
    if objects::set_repairing(false) {
        schema_changed();
    }
}

/// An error leaves a repair without ending it.
fn on_event(event: Event) {
    if matches!(event, Event::Commit | Event::Abort | Event::SavepointAbort) {
        end_repair();
    }
}

fn schema_changed() {
    objects::forget();
    relation_changed(None);
}
