#![forbid(unsafe_code)]
//! The tables and views behind `ward.audit`, which nobody changes.

use crate::errors::{Code, WardError};
use crate::pg::{Oid, catalog};

/// The name of a relation of the audit; `None` for any other.
pub fn name(relation: Oid) -> Option<String> {
    if !catalog::is_user_object(relation) {
        return None;
    }
    let name = catalog::qualified_name(relation)?;
    let is_own = name.starts_with("ward_internal.audit_") || name.starts_with("ward.audit");
    is_own.then_some(name)
}

/// The refusal to change something of the audit (WD032).
pub fn refusal(name: &str) -> WardError {
    WardError::new(
        Code::Guarded,
        format!("{name} belongs to the audit, which nobody changes"),
    )
    .hint("DROP EXTENSION ward takes the tables away; the sealed log stays.")
}
