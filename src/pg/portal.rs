//! Running queries: which ones depend on the identity, and for how long.

use super::plan::Plan;
use pgrx::pg_sys;
use std::cell::RefCell;
use std::ffi::c_void;

thread_local! {
    /// Executors that depend on the identity, by the address of their EState.
    static LIVE: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
}

/// A query about to run or running.
#[derive(Clone, Copy)]
pub struct Running(*mut pg_sys::QueryDesc);

impl Running {
    /// A view of a query descriptor.
    ///
    /// # Safety
    /// `desc` is a live QueryDesc, as executor hooks receive it (S2).
    pub unsafe fn new(desc: *mut pg_sys::QueryDesc) -> Self {
        Self(desc)
    }

    /// The plan it runs.
    pub fn plan(self) -> Plan {
        // SAFETY: S2.
        unsafe { Plan::new((*self.0).plannedstmt) }
    }

    /// Counts this query as open until its executor state goes away, by end or by error.
    pub fn track(self) {
        // SAFETY: S2; the callback block lives in the context whose reset calls it.
        unsafe {
            let state = (*self.0).estate;
            let context = (*state).es_query_cxt;
            LIVE.with_borrow_mut(|live| live.push(state as usize));
            let size = size_of::<pg_sys::MemoryContextCallback>();
            let callback =
                pg_sys::MemoryContextAlloc(context, size).cast::<pg_sys::MemoryContextCallback>();
            callback.write(pg_sys::MemoryContextCallback {
                func: Some(forget),
                arg: state.cast(),
                next: std::ptr::null_mut(),
            });
            pg_sys::MemoryContextRegisterResetCallback(context, callback);
        }
    }

    /// Is the row set being stored because its cursor outlives the transaction?
    ///
    /// True for WITH HOLD cursors at commit and for loops that commit while they read.
    pub fn is_being_held(self) -> bool {
        // SAFETY: S1; ActivePortal is null or live.
        unsafe {
            let portal = pg_sys::ActivePortal;
            !portal.is_null()
                && (*portal).strategy == pg_sys::PortalStrategy::PORTAL_ONE_SELECT
                && !(*portal).holdStore.is_null()
                && (*portal).queryDesc == self.0
        }
    }
}

/// Is a query open whose plan depends on the identity?
pub fn any_live() -> bool {
    LIVE.with_borrow(|live| !live.is_empty())
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn forget(arg: *mut c_void) {
    LIVE.with_borrow_mut(|live| {
        if let Some(at) = live.iter().rposition(|&state| state == arg as usize) {
            live.swap_remove(at);
        }
    });
}
