#![forbid(unsafe_code)]
//! What is recorded, and how it comes to be trusted.
//!
//! - [`emit`]: records in the write-ahead log, which survive aborts, crashes and read-only transactions;
//! - [`who`], [`text`], [`statement`], [`denial`], [`rollback`], [`digest`]: what they say;
//! - [`state`]: what the server's processes share;
//! - [`spool`]: records of a standby.
//!
//! docs/audit.md tells the whole way of an event, ARCHITECTURE.md the reasons.

mod alert;
mod backlog;
mod batch;
mod blocks;
mod compare;
mod cursor;
pub mod denial;
pub mod digest;
pub mod emit;
pub mod export;
mod folder;
mod intake;
pub mod kept;
pub mod key;
mod ledger;
mod leftover;
mod origin;
mod partitions;
mod progress;
pub mod project;
mod projectors;
mod retention;
mod rollback;
mod rows;
pub mod seal;
mod spool;
mod spooled;
pub mod state;
pub mod statement;
pub mod sync;
pub mod text;
mod time;
pub mod verify;
pub mod who;

pub use backlog::admit;
pub use emit::{Durability, Encoded, References, emit};
pub use who::{Actor, act_as};

use crate::pg::{invalidate, net, shmem, xact};

/// Reserves shared memory and spreads the net; once, from `_PG_init`.
pub fn install() {
    shmem::install::<state::State>();
    net::watch(denial::raised);
    invalidate::watch_roles(who::forget_roles);
    xact::watch(statement::on_event);
    xact::watch(rollback::on_event);
    xact::watch(denial::on_event);
    xact::watch(emit::on_event);
}
