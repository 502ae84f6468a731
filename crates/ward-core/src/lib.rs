//! The rules of ward, without a database: values in, values out.
//!
//! No clock, no randomness, no I/O, no dependency. Everything here can be read and tested without a
//! server; the extension only supplies the values and carries out the result.
//!
//! Wording: a *principal* is who a verified token speaks for; a *label* classifies a row; a
//! *clearance* is the highest label a principal may see; a *tenant* is the customer a row belongs to.
//!
//! Start reading at [`label`], then [`rows`].
#![forbid(unsafe_code)]
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        reason = "a test fails by panicking"
    )
)]

pub mod category;
pub mod decision;
pub mod label;
pub mod principal;
pub mod rows;
pub mod verified;

pub use category::{Category, CategoryError};
pub use decision::{Decision, Denial};
pub use label::{Label, LabelError, Level, ResolveCategory};
pub use principal::{Principal, PrincipalKind};
pub use verified::Verified;
