#![forbid(unsafe_code)]
//! Rows from before a derivation: the trigger looks at each of them once.

use super::cascade::{self, Mode};
use super::key;
use crate::errors::{Code, Result, WardError};
use crate::pg::{Oid, own, spi};
use crate::registry;
use crate::rows::protect::{in_maintenance, tree};

/// Looks at all rows at once.
pub fn all(child: Oid) -> Result<()> {
    touch(child, &key::table(child)?, "")
}

/// Looks at the rows that a new partition or child brought along.
///
/// Error: WD041 if one names a source that does not exist.
pub fn joined(child: Oid) -> Result<()> {
    touch(child, &key::table(child)?, "")
}

/// Notes which pages are to be looked at by [`step`].
pub fn plan(child: Oid) -> Result<()> {
    spi::run(
        "DELETE FROM ward_internal.backfill WHERE child = $1",
        &[child.into()],
    )?;
    for part in tree(child) {
        spi::run(
            "INSERT INTO ward_internal.backfill
             SELECT $1, c.oid, 0, pg_relation_size(c.oid) / current_setting('block_size')::bigint
             FROM pg_class c WHERE c.oid = $2 AND c.relkind = 'r'",
            &[child.into(), part.into()],
        )?;
    }
    Ok(())
}

/// Looks at the next `pages` pages; false when all are done.
///
/// Errors: WD036 for less than one page; WD035 if nothing is to be done for this table.
pub fn step(child: Oid, pages: i32) -> Result<bool> {
    if pages < 1 {
        return Err(WardError::new(
            Code::Argument,
            "ward.backfill needs at least one page per batch",
        ));
    }
    let pending = spi::value::<bool>(
        "SELECT bool_or(pending) FROM ward_internal.derivation WHERE child = $1",
        &[child.into()],
    )?;
    match pending {
        Some(true) => {}
        Some(false) => return Ok(false),
        None => {
            let table = key::table(child)?;
            return Err(WardError::new(
                Code::Definition,
                format!("table {table} derives from no other"),
            ));
        }
    }
    let next = spi::row::<Oid, i64, i64>(
        "SELECT part::oid, next_page, pages FROM ward_internal.backfill
         WHERE child = $1 AND next_page <= pages ORDER BY part LIMIT 1 FOR UPDATE",
        &[child.into()],
    )?;
    let Some((part, from, _)) = next else {
        return in_maintenance(|| {
            spi::run(
                "UPDATE ward_internal.derivation SET pending = false WHERE child = $1",
                &[child.into()],
            )?;
            spi::run(
                "DELETE FROM ward_internal.backfill WHERE child = $1",
                &[child.into()],
            )?;
            Ok(false)
        });
    };
    let to = from + i64::from(pages);
    let table = key::table(part)?;
    touch(
        child,
        &format!("ONLY {table}"),
        &format!(
            "AND c.ctid OPERATOR(pg_catalog.>=) '({from},0)'::pg_catalog.tid
             AND c.ctid OPERATOR(pg_catalog.<) '({to},0)'::pg_catalog.tid"
        ),
    )?;
    spi::run(
        "UPDATE ward_internal.backfill SET next_page = $3 WHERE child = $1 AND part = $2",
        &[child.into(), part.into(), to.into()],
    )?;
    Ok(true)
}

fn touch(child: Oid, table: &str, range: &str) -> Result<()> {
    let Some(p) = registry::protection(child)? else {
        return Ok(());
    };
    let Some(column) = p.columns().next() else {
        return Ok(());
    };
    let column = spi::identifier(&column.name);
    let declared = p.sources.iter().filter(|derivation| !derivation.recorded);
    let named: Vec<String> = declared
        .map(|derivation| format!("({})", key::named("c", &derivation.child_key)))
        .collect();
    if named.is_empty() {
        return Ok(());
    }
    let sql = format!(
        "UPDATE {table} c SET {column} = c.{column} WHERE ({}) {range}",
        named.join(" OR ")
    );
    // In maintenance, so that triggers of the application do not run for what it did not write.
    in_maintenance(|| {
        cascade::in_mode(Mode::Raise, || own::change(child, &sql, &[]).map(|_| ())).map(|_| ())
    })
}
