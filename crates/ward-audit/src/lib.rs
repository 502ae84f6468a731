//! The audit log of ward without a database.
//!
//! A *record* is what a backend writes into the write-ahead log ([`Frame`]); an *entry* is the same
//! sealed in the log ([`Entry`]); both carry one [`Item`]: an [`Event`], or a [`Block`] that events
//! refer to. The log is a Merkle tree (RFC 6962) in tiles (c2sp.org/tlog-tiles) under signed
//! checkpoints (c2sp.org/tlog-checkpoint); whoever has the public key can check it, one entry of it
//! ([`check_inclusion`]) or all ([`verify_log`]).
//!
//! No clock, no randomness, no files: the caller passes keys and a [`Store`].
//!
//! Start reading at [`Item`] and [`Log`].
#![forbid(unsafe_code)]
#![deny(clippy::indexing_slicing)]
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        reason = "a test fails by panicking"
    )
)]

mod block;
mod cbor;
mod chunk;
mod edge;
mod error;
mod event;
mod item;
mod log;
mod merkle;
mod note;
mod proof;
mod record;
mod sequence;
mod shorten;
mod store;
mod text;
mod tile;
mod tlog_proof;
mod tree;
mod verify;

pub use block::{Block, BlockId, Touched};
pub use edge::{Part, check_file};
pub use error::{Forged, Malformed};
pub use event::{Change, Event, Kind, Outcome, Stage};
pub use item::Item;
pub use log::Log;
pub use merkle::{Hash, empty_root, leaf_hash};
pub use note::{Checkpoint, Signer, Verifier};
pub use proof::{check_consistency, check_inclusion, consistency_proof, inclusion_proof, root_at};
pub use record::{Entry, Frame, MAX_BODY, MacKey};
pub use sequence::Gap;
pub use store::{ReadError, Store};
pub use text::normalise;
pub use tile::{Level, Tile, read_bundle, read_entry};
pub use tlog_proof::Proof;
pub use verify::{Problem, Report, verify_log};
