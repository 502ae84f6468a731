//! Running queries: which ones depend on the identity, and for how long.

use super::plan::Plan;
use pgrx::FromDatum;
use pgrx::pg_sys;
use std::cell::RefCell;
use std::ffi::{CStr, c_void};

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

    /// What tells it from other queries while it lives.
    pub fn key(self) -> usize {
        self.0 as usize
    }

    /// The text of its statement alone; empty if there is none.
    pub fn text(self) -> &'static [u8] {
        // SAFETY: S2; for use within the hook call only.
        unsafe {
            let text = (*self.0).sourceText;
            if text.is_null() {
                return b"";
            }
            let text = CStr::from_ptr(text).to_bytes();
            let plan = &*(*self.0).plannedstmt;
            let from = usize::try_from(plan.stmt_location).unwrap_or_default();
            let rest = text.get(from..).unwrap_or(text);
            match usize::try_from(plan.stmt_len) {
                Ok(length) if length > 0 => rest.get(..length).unwrap_or(rest),
                _ => rest,
            }
        }
    }

    /// How many rows the run that has just ended returned or changed; `None` where WITH changes rows, too.
    pub fn rows(self) -> Option<u64> {
        // SAFETY: S2; null before it has started.
        unsafe {
            if (*(*self.0).plannedstmt).hasModifyingCTE {
                return None;
            }
            Some(
                (*self.0)
                    .estate
                    .as_ref()
                    .map_or(0, |state| state.es_processed),
            )
        }
    }

    /// The value of an integer parameter of the statement; `None` if it has no such parameter.
    pub fn integer_parameter(self, number: u32) -> Option<i64> {
        // SAFETY: S2; parameters that are fetched on demand are left alone.
        unsafe {
            let list = (*self.0).params.as_ref()?;
            if list.paramFetch.is_some() || number == 0 || number > list.numParams as u32 {
                return None;
            }
            let parameter = list
                .params
                .as_slice(list.numParams as usize)
                .get(number as usize - 1)?;
            match parameter.ptype {
                pg_sys::INT8OID => i64::from_datum(parameter.value, parameter.isnull),
                pg_sys::INT4OID => {
                    i32::from_datum(parameter.value, parameter.isnull).map(i64::from)
                }
                _ => None,
            }
        }
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
