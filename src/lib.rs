//! ward: security enforcement inside PostgreSQL, at query time.
//!
//! Start reading at `hooks/mod.rs` (what PostgreSQL calls), then `pass/mod.rs` (what happens to a
//! query) and `session/mod.rs` (who is asking). ARCHITECTURE.md has the map.

#![allow(
    clippy::result_large_err,
    reason = "pgrx's error report is large, and refusals are rare"
)]

use pgrx::prelude::*;

mod api;
mod audit;
mod config;
mod errors;
mod guard;
mod hooks;
mod lineage;
mod mask;
mod pass;
mod pg;
mod registry;
mod rows;
mod session;
mod worker;

#[cfg(any(test, feature = "pg_test"))]
#[path = "../pg_test/mod.rs"]
pub mod pg_test;

::pgrx::pg_module_magic!(name, version);

#[cfg(not(panic = "unwind"))]
compile_error!("ward must be built with panic = \"unwind\"");

/// Called once by PostgreSQL when the library is loaded.
///
/// Outside `shared_preload_libraries` the library installs nothing: its functions then refuse
/// with WD039, and so does every catalog policy that calls them.
#[pg_guard]
pub extern "C-unwind" fn _PG_init() {
    if !pg::is_preloading() {
        return;
    }
    config::define();
    audit::install();
    worker::install();
    session::install();
    guard::install();
    lineage::install();
    pass::install();
    registry::install();
    hooks::install();
    config::reserve_prefix();
}
