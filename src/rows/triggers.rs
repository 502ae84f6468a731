#![forbid(unsafe_code)]
//! Creating ward's own triggers on relations of others.

use crate::errors::Result;
use crate::pg::{Oid, guc, spi};

/// Creates a trigger that fires whatever `session_replication_role` says; `events` begins with BEFORE or
/// AFTER, `body` with ROW or STATEMENT. Name and table are identifiers.
pub fn create(table: &str, name: &str, events: &str, body: &str) -> Result<()> {
    spi::run(
        &format!("CREATE TRIGGER {name} {events} ON {table} FOR EACH {body}"),
        &[],
    )?;
    spi::run(
        &format!("ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}"),
        &[],
    )?;
    Ok(())
}

/// Drops a trigger, if it is there.
pub fn drop(table: &str, name: &str) -> Result<()> {
    let level = guc::nest();
    guc::save(c"client_min_messages", "warning");
    let result = spi::run(&format!("DROP TRIGGER IF EXISTS {name} ON {table}"), &[]);
    guc::unnest(level);
    result.map(|_| ())
}

/// Is it a partition? A row trigger of a partitioned table is cloned to its partitions by core itself.
pub fn is_partition(relation: Oid) -> Result<bool> {
    let sql = "SELECT relispartition FROM pg_class WHERE oid = $1";
    Ok(spi::value::<bool>(sql, &[relation.into()])? == Some(true))
}
