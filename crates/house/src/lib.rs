//! The rules of the house (ARCHITECTURE.md), kept by tests that read the project's own source.
//!
//! Each rule is a function from source files to findings; `tests/house.rs` wants none for the real
//! tree. Each rule has unit tests with a file that breaks it, so that a rule cannot rot unseen.
#![forbid(unsafe_code)]

pub mod docs;
pub mod layers;
pub mod places;
pub mod source;
