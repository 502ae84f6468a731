#![forbid(unsafe_code)]
//! Which state of the policy decides: a number that grows with each change of the registry.

use super::{Cached, objects};
use crate::pg::{Oid, invalidate, table};
use std::cell::Cell;

thread_local! {
    static VERSION: Cached<u64> = const { Cached::new() };
    static TABLE: Cell<Oid> = const { Cell::new(Oid::INVALID) };
}

/// The version in force; 0 where the extension is not installed.
pub fn version() -> u64 {
    VERSION
        .with(|version| version.get_or_load(load))
        .unwrap_or_default()
}

/// Announces that this transaction has changed it.
pub fn version_changed() {
    VERSION.with(Cached::forget);
    if let Ok(Some(objects)) = objects() {
        invalidate::announce_relation(objects.policy_version);
    }
}

pub(super) fn relation_changed(relation: Option<Oid>) {
    if relation.is_none_or(|relation| relation == TABLE.get()) {
        VERSION.with(Cached::forget);
    }
}

fn load() -> crate::errors::Result<u64> {
    let Some(objects) = objects()? else {
        return Ok(0);
    };
    TABLE.set(objects.policy_version);
    let mut version = 0;
    table::scan(objects.policy_version, |row| {
        version += row.eight_bytes(1).unwrap_or_default()
    });
    Ok(u64::try_from(version).unwrap_or_default())
}
