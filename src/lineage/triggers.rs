#![forbid(unsafe_code)]
//! The triggers that keep derived rows in step: which a relation must have, and giving it these.

use super::key;
use crate::errors::Result;
use crate::pg::{Oid, spi};
use crate::registry::{self, Place, Protection};
use crate::rows::protect::{in_maintenance, tree};
use crate::rows::triggers::{create, drop, is_partition};

/// Brings the triggers of a new or former child in step with the registry.
pub fn cover_child(child: Oid) -> Result<()> {
    if registry::protection(child)?.is_none() {
        return Ok(());
    }
    spi::as_owner(|| in_maintenance(|| install(child)))
}

/// The names of ward's triggers. The first must fire after all other BEFORE triggers, and triggers
/// fire in the order of their names.
const DERIVE: &str = "\"~ward_derive\"";
const UPDATED: &str = "ward_source_update";
const DELETED: &str = "ward_source_delete";
const TRUNCATED: &str = "ward_source_truncate";

/// Gives a relation and its children the triggers that the registry asks for, and no others.
pub fn install(relation: Oid) -> Result<()> {
    let Some(p) = registry::protection(relation)? else {
        return Ok(());
    };
    for part in tree(relation) {
        // A row trigger of a partitioned table is cloned to its partitions by core itself.
        let cloned = is_partition(part)?;
        let table = key::table(part)?;
        if !cloned {
            drop(&table, DERIVE)?;
            drop(&table, UPDATED)?;
            drop(&table, DELETED)?;
            if !p.sources.is_empty() {
                create(
                    &table,
                    DERIVE,
                    "BEFORE INSERT OR UPDATE",
                    "ROW EXECUTE FUNCTION ward_internal.derive_row()",
                )?;
            }
            if !p.derivatives.is_empty() || p.is_recorded() {
                let when = format!(
                    "ROW WHEN ({}) EXECUTE FUNCTION ward_internal.derive_source()",
                    changes(&p)
                );
                create(&table, UPDATED, "AFTER UPDATE", &when)?;
                create(
                    &table,
                    DELETED,
                    "AFTER DELETE",
                    "ROW EXECUTE FUNCTION ward_internal.derive_source()",
                )?;
            }
        }
        drop(&table, TRUNCATED)?;
        if !p.derivatives.is_empty() || p.is_recorded() {
            create(
                &table,
                TRUNCATED,
                "AFTER TRUNCATE",
                "STATEMENT EXECUTE FUNCTION ward_internal.derive_source()",
            )?;
        }
    }
    Ok(())
}

/// Has anything changed that derived rows take over, or find their source by?
///
/// A dump restores this where only pg_catalog's operators have no schema: a label's is named.
fn changes(p: &Protection) -> String {
    let mut terms: Vec<String> = Vec::new();
    for column in p.columns().chain(p.keys.iter().map(|key| &key.column)) {
        let name = Place::from(column).name();
        let [old, new] = ["OLD", "NEW"].map(|row| key::reference(row, &name));
        let is_label = p.label.as_ref() == Some(column) && column.carrier.is_none();
        let term = if is_label {
            format!(
                "({old} OPERATOR(ward.=) {new}) IS NOT TRUE AND NOT ({old} IS NULL AND {new} IS NULL)"
            )
        } else {
            format!("{old} IS DISTINCT FROM {new}")
        };
        if !terms.contains(&term) {
            terms.push(term);
        }
    }
    terms.join(" OR ")
}
