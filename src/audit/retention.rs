#![forbid(unsafe_code)]
//! What is older than `ward.audit_retention` is removed: partitions by the projector, entries by the sealer.
//! Hashes stay, so that proofs stay valid.

use super::batch;
use super::folder::{self, Folder};
use super::ledger;
use super::partitions::{self, Table};
use super::rows;
use crate::config;
use crate::errors::Result;
use crate::pg::batch as batch_of;
use crate::pg::{client, guc};
use std::io;
use ward_audit::{Level, Tile};

/// The first day, since the Unix epoch, of which everything is kept; `None` if everything is for ever.
pub fn first_day() -> Option<i64> {
    config::audit_retention().map(|days| rows::day(client::now()) - i64::from(days))
}

/// Drops the rows of this database that are too old, by whole days; in a transaction.
pub fn drop_rows() -> Result<()> {
    let Some(first) = first_day() else {
        return Ok(());
    };
    // A reader of them may go on; it is tried again later.
    guc::save(c"lock_timeout", "1s");
    for table in [Table::Event, Table::Block] {
        for day in partitions::days(table)
            .into_iter()
            .filter(|day| *day < first)
        {
            partitions::drop(table, day)?;
        }
    }
    if let Some(rollbacks) = partitions::table(c"audit_rollback") {
        // Not by a statement: those are refused to everybody.
        batch_of::delete(rollbacks, |row| {
            let at = row.eight_bytes(5).unwrap_or_default();
            rows::day(at.saturating_add(POSTGRES_EPOCH)) < first
        });
    }
    Ok(())
}

/// In microseconds since Unix's.
const POSTGRES_EPOCH: i64 = 946_684_800_000_000;

/// Removes bundles of entries that are too old from all logs.
pub fn remove_entries() -> io::Result<()> {
    let Some(first) = first_day() else {
        return Ok(());
    };
    folder::epochs()
        .into_iter()
        .try_for_each(|epoch| prune(epoch, first))
}

/// A bundle goes when the one after it is too old as well: blocks at its end may be of the next day.
fn prune(epoch: u32, first: i64) -> io::Result<()> {
    let (folder, size) = (Folder::of_epoch(epoch), ledger::published(epoch));
    let mut last: Option<u64> = None;
    for bundle in 0..size / WIDTH {
        let Ok(entries) = ward_audit::read_bundle(&folder, bundle, size) else {
            break;
        };
        let Some(entries) = entries else { continue };
        let mut days = entries
            .iter()
            .filter_map(|entry| batch::event_of(entry))
            .map(|event| rows::day(event.at));
        if days.any(|day| day >= first) {
            break;
        }
        if let Some(tile) = last
            .replace(bundle)
            .and_then(|last| Tile::within(Level::Entries, last, size))
        {
            // First what it grew from, which a sealer that was stopped may have left.
            folder.remove(&tile.partial_folder());
            folder.remove_file(&tile.path())?;
        }
    }
    Ok(())
}

/// Entries of a full bundle.
const WIDTH: u64 = 256;
