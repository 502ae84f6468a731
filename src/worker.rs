#![forbid(unsafe_code)]
//! What ward's own processes do: entry points, no logic.

use crate::audit::{project, seal};
use crate::pg::background::{self, Work};

/// Registers them; once, from `_PG_init`.
pub fn install() {
    background::install(Work {
        seal: seal::run,
        project: project::run,
    });
}
