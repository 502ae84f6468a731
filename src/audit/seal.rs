#![forbid(unsafe_code)]
//! The sealer: turns records into entries of a signed log, in rounds.
//!
//! A round reads what has become durable in the write-ahead log, appends it, signs, notes how far it has
//! got, and only then lets the server remove that part of the write-ahead log. Whatever stops it, the
//! next start goes on after the last signed entry.

use super::alert::{self, Flood};
use super::blocks::Blocks;
use super::intake::{self, Record, Taken};
use super::ledger::Ledger;
use super::origin;
use super::progress::Progress;
use super::projectors::Projectors;
use super::retention;
use super::spooled;
use super::state::{self, State};
use crate::config;
use crate::pg::wal::{self, Lsn};
use crate::pg::walreader::Reader;
use crate::pg::{background, client, cluster, log, retain};
use std::collections::HashMap;
use std::io;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use ward_audit::{Item, MacKey};

/// The physical slot that keeps the write-ahead log for the sealer.
const SLOT: &std::ffi::CStr = c"ward_audit";
/// So many entries make a batch at most.
const BATCH: usize = 16_384;
/// And so many bytes, about.
const WEIGHT: usize = 16 << 20;
/// So much of the write-ahead log is read in one round.
const STRETCH: u64 = 64 << 20;
/// The shortest time between the starts of two rounds.
const SPACING: Duration = Duration::from_millis(25);
/// While records are written that nobody waits for.
const BUSY: Duration = Duration::from_millis(100);
/// While none are: forged ones do not wake the sealer.
const IDLE: Duration = Duration::from_millis(500);
/// Between two alarms.
const SILENCE: Duration = Duration::from_secs(60);
/// How often it is looked for what is too old.
const TIDYING: Duration = Duration::from_secs(3600);
/// So much of the write-ahead log without records is read before the position is saved.
const STRIDE: u64 = 1 << 20;

/// Seals until the process is told to stop.
pub fn run() {
    let Some(state) = state::get() else { return };
    let Some(key) = state.mac_key() else {
        // The postmaster has said why, and only a restart changes it.
        while background::wait(Duration::from_secs(60)) {}
        return;
    };
    state
        .latch
        .store(background::own_latch(), Ordering::Release);
    let is_first = state.sealers.fetch_add(1, Ordering::AcqRel) == 0;
    if is_first && let Err(problem) = origin::emit_boot() {
        log::warn(&format!("ward audit: {}", problem.message));
    }
    let mut problem = String::new();
    let mut alarm = Alarm::default();
    let mut sealer = None;
    loop {
        let pause = round(&mut sealer, state, &key).unwrap_or_else(|found| {
            if problem != found {
                log::warn(&format!(
                    "ward audit: sealing has stopped: {found}; it is tried again each second"
                ));
                problem = found;
            }
            // Half a batch may be in it: the next round begins with what is on disk.
            sealer = None;
            Duration::from_secs(1)
        });
        alarm.look(state);
        if !pause_until(pause) {
            break;
        }
    }
    let _ = round(&mut sealer, state, &key);
    state.latch.store(0, Ordering::Release);
}

/// Says when sealing lags behind (`ward.audit_backlog_limit`).
#[derive(Default)]
struct Alarm(Option<Instant>);

impl Alarm {
    fn look(&mut self, state: &State) {
        let waiting = state
            .emitted()
            .saturating_sub(state.sealed().max(state.began()));
        if waiting > config::audit_backlog_limit() / 2
            && self.0.is_none_or(|at| at.elapsed() > SILENCE)
        {
            self.0 = Some(Instant::now());
            log::warn(&format!(
                "ward audit: {} MB of the write-ahead log wait to be sealed, and more than {} MB are not accepted \
                 (ward.audit_backlog_limit, ward.audit_on_backlog)",
                waiting >> 20,
                config::audit_backlog_limit() >> 20
            ));
        }
    }
}

/// Waits at least [`SPACING`], and not longer than `pause`. `false`: the process shall end.
fn pause_until(pause: Duration) -> bool {
    let begin = Instant::now();
    let goes_on = background::wait(pause);
    if goes_on && let Some(rest) = SPACING.min(pause).checked_sub(begin.elapsed()) {
        std::thread::sleep(rest);
    }
    goes_on
}

fn round(
    sealer: &mut Option<Sealer>,
    state: &'static State,
    key: &MacKey,
) -> Result<Duration, String> {
    let sealer = match sealer {
        Some(sealer) if sealer.progress.standby == cluster::in_recovery() => sealer,
        _ => {
            let last = sealer.take().map(|mut last| {
                // What was spooled as a standby belongs to its log.
                last.seal(state, key).map(|_| last.blocks)
            });
            let blocks = last.transpose()?;
            let next = sealer.insert(Sealer::open(state)?);
            next.blocks = blocks.unwrap_or(std::mem::take(&mut next.blocks));
            next
        }
    };
    sealer.seal(state, key)
}

pub(super) struct Sealer {
    pub ledger: Ledger,
    pub progress: Progress,
    pub reader: Option<Reader>,
    /// Records up to here are in the log already.
    pub sealed_before: Lsn,
    /// Is this the first look at the spool since the start?
    pub is_resumed: bool,
    /// The position that was saved last.
    pub saved: Lsn,
    /// When it was last looked for what is too old.
    pub tidied: Option<Instant>,
    pub projectors: Projectors,
    /// Sessions that were found gone, and where the log ended then; and when they were looked at last.
    pub ended: HashMap<u64, Lsn>,
    pub looked: Option<Instant>,
    pub flood: Flood,
    pub blocks: Blocks,
}

impl Sealer {
    fn open(state: &'static State) -> Result<Self, String> {
        let mut sealer = origin::open(state)?;
        if !sealer.progress.standby {
            match retain::hold(SLOT) {
                Ok(retain::Found::Kept) => {}
                Ok(retain::Found::Missing) => {
                    log::record("ward audit: the replication slot has been made")
                }
                Ok(retain::Found::Lost) => log::warn(
                    "ward audit: the server had given up the replication slot (max_slot_wal_keep_size): it has \
                     been made again",
                ),
                Err(reason) => log::warn(&format!(
                    "ward audit: without a replication slot, records may be lost before they are sealed: {reason}"
                )),
            }
            sealer.reader = Some(Reader::new(sealer.progress.position));
        }
        sealer.show(state);
        Ok(sealer)
    }

    /// One round. Returns how long there is nothing to do, unless somebody says so.
    fn seal(&mut self, state: &'static State, key: &MacKey) -> Result<Duration, String> {
        let emitted = state.emitted();
        if emitted > self.progress.position && !self.progress.standby {
            wal::flush(emitted.min(wal::end()));
        }
        let mut taken = self
            .take_spooled(state, key)
            .map_err(|error| format!("the spool: {error}"))?;
        let is_full = self.take_log(key, &mut taken);
        if !taken.is_empty() {
            self.publish(state, &taken)
                .map_err(|error| format!("the audit directory: {error}"))?;
        } else if self.progress.position.saturating_sub(self.saved) > STRIDE {
            self.save()
                .map_err(|error| format!("the audit directory: {error}"))?;
        }
        self.show(state);
        self.wake(state);
        Ok(self.rest(state, is_full, taken.is_empty()))
    }

    fn rest(&self, state: &State, is_full: bool, is_quiet: bool) -> Duration {
        if is_full {
            return Duration::ZERO;
        }
        if !is_quiet || self.progress.standby {
            return BUSY;
        }
        state.is_idle.store(true, Ordering::Release);
        // Who wrote just before that has not woken us.
        if state.emitted() > self.progress.position {
            BUSY
        } else {
            IDLE
        }
    }

    fn take_spooled(&mut self, state: &State, key: &MacKey) -> io::Result<Vec<Taken>> {
        let boot = intake::hexadecimal(&state.boot);
        let is_again = std::mem::take(&mut self.is_resumed);
        spooled::take(&mut self.progress, key, &boot, is_again)
    }

    /// Reads a stretch of the log. `true` if more of it may be there.
    fn take_log(&mut self, key: &MacKey, taken: &mut Vec<Taken>) -> bool {
        let Some(reader) = &mut self.reader else {
            return false;
        };
        let last = reader.position() + STRETCH;
        let mut bytes = 0;
        while taken.len() < BATCH && bytes < WEIGHT {
            match reader.next(last) {
                Ok(Some(message)) => {
                    let record = Record {
                        lsn: message.lsn,
                        is_plain: message.is_plain,
                        bytes: message.payload,
                    };
                    self.progress.clock = self.progress.clock.max(message.clock);
                    bytes += record.bytes.len();
                    if record.lsn > self.sealed_before {
                        taken.extend(intake::take(&mut self.progress, key, record));
                    }
                }
                Ok(None) => break,
                Err(broken) => {
                    let to = reader.skip();
                    taken.push(intake::missing(
                        &mut self.progress,
                        broken.at,
                        to,
                        &broken.reason,
                    ));
                }
            }
        }
        self.progress.position = reader.position();
        taken.len() >= BATCH || bytes >= WEIGHT || self.progress.position > last
    }

    fn publish(&mut self, state: &'static State, taken: &[Taken]) -> io::Result<()> {
        let first = self.ledger.size();
        for one in taken {
            self.ledger.append(&one.entry);
        }
        self.ledger.publish()?;
        self.progress.size = self.ledger.size();
        self.forget_ended();
        self.save()?;
        spooled::remove_finished(&mut self.progress, &intake::hexadecimal(&state.boot));
        for (index, one) in (first..).zip(taken) {
            self.tell(index, one);
        }
        Ok(())
    }

    /// Notes how far we are, and lets the server remove what lies before.
    pub(super) fn save(&mut self) -> io::Result<()> {
        self.progress.save()?;
        self.saved = self.progress.position;
        if !self.progress.standby {
            retain::release_before(self.saved);
        }
        Ok(())
    }

    /// Forgets sessions that have ended, once all that they wrote has been read: it lies before the end of
    /// the log at a moment when they were found gone.
    fn forget_ended(&mut self) {
        const MANY: usize = 200;
        const PAUSE: Duration = Duration::from_secs(1);
        let position = self.progress.position;
        let ended = &mut self.ended;
        self.progress.sessions.retain(|number, _| {
            let is_read = ended.get(number).is_some_and(|end| *end <= position);
            !is_read
        });
        let sessions = &self.progress.sessions;
        ended.retain(|number, _| sessions.contains_key(number));
        let is_due = self.looked.is_none_or(|at| at.elapsed() > PAUSE);
        if sessions.len() <= MANY || !is_due {
            return;
        }
        self.looked = Some(Instant::now());
        let gone = sessions.iter().filter(|(number, session)| {
            !ended.contains_key(number) && !cluster::is_alive(session.process)
        });
        let gone: Vec<u64> = gone.map(|(number, _)| *number).collect();
        // In this order: what they wrote lies before the end that is looked at now.
        let end = wal::end();
        self.ended
            .extend(gone.into_iter().map(|number| (number, end)));
    }

    /// Says in shared memory how far the log reaches.
    fn show(&self, state: &State) {
        if state.epoch.load(Ordering::Acquire) != self.progress.epoch {
            state.size.store(0, Ordering::Release);
            state.epoch.store(self.progress.epoch, Ordering::Release);
        }
        state.size.store(self.progress.size, Ordering::Release);
        if self.progress.standby {
            state.spooled.fetch_add(1, Ordering::AcqRel);
        } else {
            state.set_sealed(self.progress.position);
        }
    }

    /// What an entry means for projectors and alerts.
    fn tell(&mut self, index: u64, taken: &Taken) {
        if taken.database != 0 {
            self.projectors.want(taken.database);
        }
        match &taken.item {
            Some(Item::Block(block)) => self.blocks.add(block),
            Some(Item::Event(event)) if alert::is_due(event) => {
                let epoch = self.progress.epoch;
                if let Some(alert) = self.flood.alert(epoch, index, event, &self.blocks) {
                    log::record(&format!("ward alert: {alert}"));
                }
                if taken.database == 0 {
                    self.progress
                        .databases
                        .keys()
                        .for_each(|database| self.projectors.want(*database));
                }
            }
            _ => {}
        }
    }

    fn wake(&mut self, state: &State) {
        for counted in self.flood.counts(client::now()) {
            log::record(&format!("ward alert: {counted}"));
        }
        if self.progress.standby {
            return;
        }
        match state.wanted.swap(0, Ordering::AcqRel) {
            0 => {}
            database => self.projectors.want(database),
        }
        if self.tidied.is_none_or(|at| at.elapsed() > TIDYING) {
            self.tidy();
        }
        self.projectors.look_after();
    }

    /// Removes what is too old, and has it removed from the databases.
    fn tidy(&mut self) {
        self.tidied = Some(Instant::now());
        if let Err(problem) = retention::remove_entries() {
            log::warn(&format!(
                "ward audit: old entries cannot be removed: {problem}"
            ));
        }
        if retention::first_day().is_some() {
            self.progress
                .databases
                .retain(|database, _| cluster::has_database(*database));
            self.progress
                .databases
                .keys()
                .for_each(|database| self.projectors.want(*database));
        }
    }
}
