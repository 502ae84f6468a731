#![forbid(unsafe_code)]
//! Labels follow the data: what is made from a row is protected like the row.
//!
//! - [`define`]: which relations derive from which (`ward.derive`);
//! - [`triggers`]: what fires when a derived row or a source is written;
//! - [`row`]: the trigger that gives each derived row what its sources have, found by [`source`];
//! - [`cascade`]: what follows when a source is relabelled, moved or deleted;
//! - [`backfill`]: rows from before the derivation;
//! - [`steward`]: `ward.declassify`, `ward.quarantine` and `ward.release`;
//! - [`record`]: sources that are named row by row;
//! - [`trace`]: what was made from a row, what it is made of, and what may still be cited;
//! - [`carry`]: what the rows that a row comes from bring along, through a query;
//! - [`flow`]: rows that a statement writes get the labels of the rows that they came from;
//! - [`new_table`]: CREATE TABLE AS makes tables that are protected on the spot;
//! - [`stored`]: materialised views, which cannot be followed;
//! - [`watermark`]: what a transaction was given to see, and what it may write after that.
//!
//! The idea is that of information flow: a result carries the least upper bound of the labels of
//! everything it was made from (Denning, "A lattice model of secure information flow", 1976).

pub mod backfill;
mod cargo;
pub mod carry;
pub mod cascade;
pub mod define;
pub mod flow;
mod key;
pub mod new_table;
pub mod record;
pub mod row;
mod source;
pub mod steward;
pub mod stored;
pub mod trace;
pub mod triggers;
pub mod watermark;

use crate::pg::xact;

/// Listens to transactions; once, from `_PG_init`.
pub fn install() {
    xact::watch(cascade::on_event);
    xact::watch(source::on_event);
    xact::watch(new_table::on_event);
    xact::watch(watermark::on_event);
}
