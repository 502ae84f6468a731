//! Transactions: what ended, what has been written, which portals are open.

use pgrx::pg_sys;
use std::cell::{Cell, RefCell};
use std::ptr::null_mut;

/// What happened to a transaction or to a savepoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The transaction committed.
    Commit,
    /// The transaction rolled back.
    Abort,
    /// A savepoint (or an exception block) began.
    SavepointStart,
    /// A savepoint was released.
    SavepointCommit,
    /// A savepoint was rolled back.
    SavepointAbort,
}

thread_local! {
    /// Asked before each commit; it may refuse by raising.
    static BEFORE_COMMIT: Cell<Option<fn()>> = const { Cell::new(None) };
    static LISTENERS: RefCell<Vec<fn(Event)>> = const { RefCell::new(Vec::new()) };
}

/// Registers a listener. It must not raise.
pub fn watch(listener: fn(Event)) {
    let first = LISTENERS.with_borrow_mut(|listeners| {
        listeners.push(listener);
        listeners.len() == 1
    });
    if !first {
        return;
    }
    // SAFETY: S1; registered once, while libraries are loaded.
    unsafe {
        pg_sys::RegisterXactCallback(Some(on_transaction), null_mut());
        pg_sys::RegisterSubXactCallback(Some(on_savepoint), null_mut());
    }
}

/// Registers what is asked before each commit, when all triggers have run. It may raise.
pub fn before_commit(question: fn()) {
    BEFORE_COMMIT.set(Some(question));
}

/// Has the current transaction written anything (has it a transaction id)?
pub fn has_written() -> bool {
    // SAFETY: S1.
    unsafe { pg_sys::GetTopTransactionIdIfAny() != pg_sys::InvalidTransactionId }
}

/// Are we inside an explicit transaction block?
pub fn in_block() -> bool {
    // SAFETY: S1.
    unsafe { pg_sys::IsTransactionBlock() }
}

/// Makes what the transaction has done so far visible to its own next look at the catalogs.
pub fn make_changes_visible() {
    // SAFETY: S1, S4; callers are inside a transaction.
    unsafe { pg_sys::CommandCounterIncrement() }
}

/// Are we inside a transaction that can read catalogs?
pub fn is_active() -> bool {
    // SAFETY: S1.
    unsafe { pg_sys::IsTransactionState() }
}

/// Is a cursor or a bound portal waiting to be fetched from?
pub fn has_ready_portals() -> bool {
    // SAFETY: S1.
    unsafe { !pg_sys::ThereAreNoReadyPortals() }
}

fn tell(event: Event) {
    LISTENERS.with_borrow(|listeners| listeners.iter().for_each(|listener| listener(event)));
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn on_transaction(
    event: pg_sys::XactEvent::Type,
    _arg: *mut std::ffi::c_void,
) {
    match event {
        pg_sys::XactEvent::XACT_EVENT_COMMIT
        | pg_sys::XactEvent::XACT_EVENT_PARALLEL_COMMIT
        | pg_sys::XactEvent::XACT_EVENT_PREPARE => tell(Event::Commit),
        pg_sys::XactEvent::XACT_EVENT_ABORT | pg_sys::XactEvent::XACT_EVENT_PARALLEL_ABORT => {
            tell(Event::Abort);
        }
        pg_sys::XactEvent::XACT_EVENT_PRE_COMMIT | pg_sys::XactEvent::XACT_EVENT_PRE_PREPARE => {
            if let Some(question) = BEFORE_COMMIT.get() {
                question();
            }
        }
        _ => {}
    }
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn on_savepoint(
    event: pg_sys::SubXactEvent::Type,
    _id: pg_sys::SubTransactionId,
    _parent: pg_sys::SubTransactionId,
    _arg: *mut std::ffi::c_void,
) {
    match event {
        pg_sys::SubXactEvent::SUBXACT_EVENT_START_SUB => tell(Event::SavepointStart),
        pg_sys::SubXactEvent::SUBXACT_EVENT_COMMIT_SUB => tell(Event::SavepointCommit),
        pg_sys::SubXactEvent::SUBXACT_EVENT_ABORT_SUB => tell(Event::SavepointAbort),
        _ => {}
    }
}
