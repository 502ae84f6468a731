#![forbid(unsafe_code)]
//! The triggers that tell the audit of changed rows: giving a relation and its children these.

use crate::errors::Result;
use crate::pg::{Oid, catalog, spi};
use crate::registry;
use crate::rows::protect::{in_maintenance, tree};
use crate::rows::triggers::{create, drop, is_partition};

const ROWS: &str = "ward_audit_row";
const TRUNCATED: &str = "ward_audit_truncate";

/// Brings the triggers of a new or former child in step with the registry.
pub fn cover(child: Oid) -> Result<()> {
    if registry::protection(child)?.is_none_or(|p| !p.audit_rows) {
        return Ok(());
    }
    spi::as_owner(|| in_maintenance(|| install(child, true)))
}

/// Gives a relation and its children the triggers, or takes them away.
pub fn install(relation: Oid, wanted: bool) -> Result<()> {
    const CALL: &str = "EXECUTE FUNCTION ward_internal.audit_row()";
    for part in tree(relation) {
        let Some(table) = catalog::qualified_name(part) else {
            continue;
        };
        if !is_partition(part)? {
            drop(&table, ROWS)?;
            if wanted {
                let events = "AFTER INSERT OR UPDATE OR DELETE";
                create(&table, ROWS, events, &format!("ROW {CALL}"))?;
            }
        }
        drop(&table, TRUNCATED)?;
        // Foreign tables have no such triggers before 16.
        if wanted && catalog::relation_kind(part) != Some(b'f') {
            create(
                &table,
                TRUNCATED,
                "AFTER TRUNCATE",
                &format!("STATEMENT {CALL}"),
            )?;
        }
    }
    Ok(())
}
