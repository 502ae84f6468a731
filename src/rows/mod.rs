#![forbid(unsafe_code)]
//! Which rows a statement sees and may write.
//!
//! - [`pass`]: the one pass over each query, from the planner hook;
//! - [`predicate`]: a protection and an identity become plain conditions with constants;
//! - [`write`]: filling and checking written rows;
//! - [`fold`]: context functions become constants;
//! - [`run`]: what is checked again when a plan starts and each time it is fetched from;
//! - [`marker`]: the functions in the catalog policies, for paths that the pass never sees.

pub mod copy;
mod fold;
pub mod marker;
mod pass;
mod predicate;
pub mod protect;
pub mod run;
mod write;

pub use pass::{Pass, enforce, folded_for};

use crate::pg::{foreign_key, xact};

/// Listens to transactions; once, from `_PG_init`.
pub fn install() {
    xact::watch(foreign_key::on_event);
}
