#![forbid(unsafe_code)]
//! Derived rows whose sources are gone.

use super::group::{Rows, label_place, lost, quarantined};
use crate::errors::{Code, Result, WardError};
use crate::lineage::key;
use crate::pg::{catalog, own};
use crate::registry::{Derivation, Protection};
use crate::rows::columns;

/// Refuses that a part of a source has been taken away whose rows others are derived from.
///
/// Error: WD042.
pub fn refuse_orphans(p: &Protection) -> Result<()> {
    let exists = |relation| catalog::relation_kind(relation).is_some();
    for d in &p.derivatives {
        if !exists(d.child) || !exists(d.parent) {
            continue;
        }
        let seen = match label_place(d.child)? {
            Some(place) => format!(
                "AND ({} OPERATOR(ward.@>) {}) IS NOT TRUE",
                columns::label("c", &place),
                quarantined()
            ),
            None => String::new(),
        };
        if !orphans(d, &seen)?.keys.is_empty() {
            return Err(in_use(d));
        }
    }
    Ok(())
}

pub(super) fn in_use(d: &Derivation) -> WardError {
    let name = |relation| catalog::relation_name(relation).unwrap_or_default();
    WardError::new(
        Code::Derived,
        format!(
            "rows of \"{}\" are derived from the row of \"{}\"",
            name(d.child),
            name(d.parent)
        ),
    )
    .hint("Delete them first, or choose another on_delete with ward.derive().")
}

/// TRUNCATE: what becomes of rows whose sources are not there any more.
pub(super) fn emptied(d: &Derivation) -> Result<()> {
    let rows = orphans(d, "")?;
    if rows.keys.is_empty() {
        return Ok(());
    }
    lost(d, &rows, d.on_delete)
}

/// The derived rows that name a row which is not there; `more` are further conditions on them.
fn orphans(d: &Derivation, more: &str) -> Result<Rows> {
    let table = key::table(d.child)?;
    let only = key::only(d.parent);
    let keys = key::texts("c", &d.child_key);
    let sql = if d.recorded {
        format!(
            "SELECT {keys} FROM {table} c JOIN ward_internal.lineage l
             ON l.output = {}::oid AND l.source = {}::oid AND l.output_key = {}
             WHERE NOT EXISTS (SELECT FROM {only} {} p WHERE {} = l.source_key) {more}",
            d.child.to_u32(),
            d.parent.to_u32(),
            key::object("c", &d.child_key),
            key::table(d.parent)?,
            key::object("p", &d.parent_key)
        )
    } else {
        format!(
            "SELECT DISTINCT {keys} FROM {table} c
             WHERE {} AND NOT EXISTS (SELECT FROM {only} {} p WHERE {}) {more}",
            key::named("c", &d.child_key),
            key::table(d.parent)?,
            key::pairs("c", &d.child_key, "p", &d.parent_key)
        )
    };
    own::query(&sql, &[], |found| {
        let keys = (0..found.count as usize).filter_map(|i| found.texts(i, 1));
        Ok(Rows {
            keys: keys.collect(),
        })
    })
}
