#![forbid(unsafe_code)]
//! Wakes the process that projects events of a database, and starts it where it does not run.

use crate::pg::background::Projector;
use crate::pg::{cluster, log};
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// A projector ends when nothing was to be done for longer than this: a database in which one is at work
/// can neither be dropped nor copied, and the server itself waits five seconds for that.
pub const LINGER: Duration = Duration::from_secs(2);
/// For this long after an event the projector is looked after: it may have ended in that very moment.
const CARE: Duration = Duration::from_secs(1);
/// Between two complaints about missing room for processes.
const SILENCE: Duration = Duration::from_secs(60);

/// The projectors that were started.
#[derive(Default)]
pub struct Projectors {
    known: HashMap<u32, Known>,
    complained: Option<Instant>,
}

struct Known {
    process: Option<Projector>,
    until: Instant,
}

impl Projectors {
    /// There is something to project for this database.
    pub fn want(&mut self, database: u32) {
        let until = Instant::now() + CARE;
        let known = self.known.entry(database).or_insert(Known {
            process: None,
            until,
        });
        known.until = until;
    }

    /// Wakes or starts those that are wanted.
    pub fn look_after(&mut self) {
        let now = Instant::now();
        let mut is_full = false;
        // One that was dropped cannot be connected to.
        let exists = |database: u32, known: &Known| {
            known.process.is_some() || cluster::has_database(database)
        };
        self.known
            .retain(|database, known| exists(*database, known));
        for (database, known) in self
            .known
            .iter_mut()
            .filter(|(_, known)| known.until >= now)
        {
            if !known.process.as_ref().is_some_and(Projector::wake) {
                known.process = Projector::start(*database);
                is_full |= known.process.is_none();
            }
        }
        self.known
            .retain(|_, known| known.process.is_some() || known.until >= now);
        if is_full && self.complained.is_none_or(|at| at.elapsed() > SILENCE) {
            self.complained = Some(now);
            log::warn(
                "ward audit: no room for a process that projects events; ward.audit is behind until there is \
                 (max_worker_processes)",
            );
        }
    }
}
