#![forbid(unsafe_code)]
//! Which rows a statement sees and may write.
//!
//! - [`level`]: conditions and checks of one query level, called by the pass;
//! - [`predicate`]: a protection and an identity become plain conditions with constants;
//! - [`carrier`]: protected values under keys of a jsonb column;
//! - [`write`]: filling and checking written rows;
//! - [`copy`]: COPY in both directions;
//! - [`protect`]: `ward.protect` and `ward.unprotect`; [`columns`]: the columns that they name;
//! - [`marker`]: the functions in the catalog policies, for paths that the pass never sees.

pub mod carrier;
pub mod changes;
pub mod columns;
pub mod copy;
mod level;
pub mod marker;
mod predicate;
pub mod protect;
pub mod triggers;
mod write;

pub use level::enforce;
pub use write::refuse_generated;
