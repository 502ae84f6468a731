#![forbid(unsafe_code)]
//! Materialised views: stored rows whose labels and tenants nobody knows any more.

use crate::errors::{Code, Result, WardError};
use crate::pg::catalog;
use crate::pg::node::{Query, Rte};
use crate::pg::{Oid, view};
use crate::registry;

/// Does this entry stand for a materialised view that was made of protected rows?
pub fn is_opaque(rte: Rte) -> Result<bool> {
    match rte.table() {
        Some(relation) if rte.is_materialised() => holds_protected(relation, &mut Vec::new()),
        _ => Ok(false),
    }
}

/// The refusal of one to a session with a token (WD021).
pub fn refused(relation: &str) -> WardError {
    WardError::new(
        Code::DefaultDeny,
        format!("materialised view \"{relation}\" holds rows of protected relations"),
    )
    .hint(
        "It cannot be filtered. Read the protected relations, or a protected table that is filled by \
         INSERT … SELECT.",
    )
}

/// Does the definition of this view read a protected relation, through other views as well?
fn holds_protected(relation: Oid, seen: &mut Vec<Oid>) -> Result<bool> {
    if seen.contains(&relation) {
        return Ok(false);
    }
    seen.push(relation);
    let Some(query) = view::definition(relation) else {
        return Ok(false);
    };
    let mut relations = Vec::new();
    query.visit(&mut |level: Query| {
        relations.extend(level.rtes().filter_map(|(_, rte)| rte.relation()));
        Ok::<_, WardError>(())
    })?;
    for relation in relations {
        let found = match catalog::relation_kind(relation) {
            Some(b'v' | b'm') => holds_protected(relation, seen)?,
            _ => registry::protection(relation)?.is_some(),
        };
        if found {
            return Ok(true);
        }
    }
    Ok(false)
}
