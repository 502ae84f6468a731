//! Processes of ward's own: one that seals, and one for each database that projects.

use super::latch;
use pgrx::IntoDatum;
use pgrx::bgworkers::{
    BackgroundWorker, BackgroundWorkerBuilder, BgWorkerStartTime, DynamicBackgroundWorker,
    SignalWakeFlags,
};
use pgrx::pg_sys::{self, Datum, Oid};
use std::sync::OnceLock;
use std::time::Duration;

/// What the processes do.
pub struct Work {
    /// Seals the log of the whole cluster, until it is told to stop.
    pub seal: fn(),
    /// Projects the events of the database that it is connected to.
    pub project: fn(),
}

static WORK: OnceLock<Work> = OnceLock::new();

/// Registers the sealer; once, from `_PG_init`.
pub fn install(work: Work) {
    if WORK.set(work).is_err() {
        return;
    }
    BackgroundWorkerBuilder::new("ward sealer")
        .set_library("ward")
        .set_function("ward_sealer_main")
        .set_start_time(BgWorkerStartTime::ConsistentState)
        .set_restart_time(Some(Duration::from_secs(1)))
        .load();
}

#[pgrx::pg_guard]
#[unsafe(no_mangle)]
pub extern "C-unwind" fn ward_sealer_main(_argument: Datum) {
    BackgroundWorker::attach_signal_handlers(SignalWakeFlags::SIGHUP | SignalWakeFlags::SIGTERM);
    if let Some(work) = WORK.get() {
        (work.seal)();
    }
    // SAFETY: S1. An exit code of 0 would mean that the process is never needed again.
    unsafe { pg_sys::proc_exit(1) };
}

#[pgrx::pg_guard]
#[unsafe(no_mangle)]
pub extern "C-unwind" fn ward_projector_main(database: Datum) {
    BackgroundWorker::attach_signal_handlers(SignalWakeFlags::SIGHUP | SignalWakeFlags::SIGTERM);
    let database = Oid::from(database.value() as u32);
    // SAFETY: S1, S4. Without a role: the bootstrap superuser, whether it may log in or not; also where
    // ordinary connections are not allowed (any more).
    unsafe {
        let flags = pg_sys::BGWORKER_BYPASS_ALLOWCONN;
        pg_sys::BackgroundWorkerInitializeConnectionByOid(database, Oid::INVALID, flags);
    }
    if let Some(work) = WORK.get() {
        (work.project)();
    }
}

/// A projector that was started.
pub struct Projector(DynamicBackgroundWorker);

impl Projector {
    /// Starts one; `None` if the server has no room for another process.
    pub fn start(database: u32) -> Option<Self> {
        BackgroundWorkerBuilder::new("ward projector")
            .set_library("ward")
            .set_function("ward_projector_main")
            .enable_spi_access()
            .set_argument((database as i64).into_datum())
            .load_dynamic()
            .map(Self)
            .ok()
    }

    /// Wakes it. `false` if it has ended.
    pub fn wake(&self) -> bool {
        use pgrx::bgworkers::BackgroundWorkerStatus::{NotYetStarted, Started};
        match self.0.pid() {
            Ok(process) => {
                // SAFETY: S7; null, or the entry of a process in shared memory.
                let entry = unsafe { pg_sys::BackendPidGetProc(process).as_mut() };
                if let Some(entry) = entry {
                    latch::wake(&raw mut entry.procLatch as usize);
                }
                true
            }
            Err(status) => matches!(status, NotYetStarted | Started),
        }
    }
}

/// The latch of this process, as [`latch::wake`] takes it.
pub fn own_latch() -> usize {
    // SAFETY: S1.
    unsafe { pg_sys::MyLatch as usize }
}

/// Waits until the process is woken, but not longer. `false` if it shall end.
pub fn wait(limit: Duration) -> bool {
    let goes_on = BackgroundWorker::wait_latch(Some(limit));
    pgrx::check_for_interrupts!();
    if BackgroundWorker::sighup_received() {
        // SAFETY: S1, S4.
        unsafe {
            (&raw mut pg_sys::ConfigReloadPending).write_volatile(0);
            pg_sys::ProcessConfigFile(pg_sys::GucContext::PGC_SIGHUP);
        }
    }
    goes_on
}
