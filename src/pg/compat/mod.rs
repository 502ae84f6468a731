//! Every difference between PostgreSQL 15, 16, 17 and 18 that ward's code meets.
//!
//! Callers name what they need as `compat::…`; the files sort it by what differs.

mod executor;
mod node;
mod port;
mod rights;
mod server;
mod slot;
mod walk;

pub(crate) use executor::executor_run_hook;
pub use executor::*;
pub use node::*;
pub use port::*;
pub use rights::*;
pub use server::*;
pub use slot::*;
pub use walk::*;
