//! The net under every error: sees it when it is raised, whether somebody catches it later or not.
//!
//! Core calls the functions on its stack of error contexts before control leaves the place of an
//! error. Ours lies at the bottom of that stack, where no frame takes it away again, so that it also
//! sees what an EXCEPTION block swallows and what the parser raises before any hook is reached. Core
//! forgets the whole stack when an error reaches the top. It then throws the error's memory away, and
//! this spreads the net again: also after an error outside of any transaction, of which no hook hears.

use super::activity::Message;
use super::raw;
use pgrx::pg_sys::{self, ErrorContextCallback};
use std::cell::{Cell, UnsafeCell};
use std::ffi::{CStr, c_char, c_int};
use std::ptr::null_mut;

/// An error on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Raised {
    /// The five characters of its SQLSTATE.
    pub sqlstate: String,
    /// Its primary message.
    pub message: String,
    /// Its DETAIL, empty if it has none.
    pub detail: String,
    /// Was it raised by a RAISE in a function, not by core, an extension or ward?
    pub by_user: bool,
}

struct Callback(UnsafeCell<ErrorContextCallback>);

// SAFETY: S1.
unsafe impl Sync for Callback {}

static NET: Callback = Callback(UnsafeCell::new(ErrorContextCallback {
    previous: null_mut(),
    callback: Some(caught),
    arg: null_mut(),
}));

thread_local! {
    static LISTENER: Cell<Option<fn(Raised)>> = const { Cell::new(None) };
    /// Where the fields of an error are copied to.
    static COPIES: Cell<pg_sys::MemoryContext> = const { Cell::new(null_mut()) };
    /// The code of the last error since a statement began; 0 for none.
    static LAST: Cell<c_int> = const { Cell::new(0) };
    static BUSY: Cell<bool> = const { Cell::new(false) };
    /// Will the net be spread when the memory of errors is thrown away?
    static ARMED: Cell<bool> = const { Cell::new(false) };
}

struct Reset(UnsafeCell<pg_sys::MemoryContextCallback>);

// SAFETY: S1.
unsafe impl Sync for Reset {}

static RESET: Reset = Reset(UnsafeCell::new(pg_sys::MemoryContextCallback {
    func: Some(thrown_away),
    arg: null_mut(),
    next: null_mut(),
}));

/// Tells `listener` of each error that may be a refusal ([`may_be_refusal`]). It must not raise.
pub fn watch(listener: fn(Raised)) {
    LISTENER.set(Some(listener));
}

/// Spreads the net where nothing is on core's stack. A statement begins: what was raised before it was caught,
/// or has ended its transaction.
#[inline]
pub fn spread() {
    LAST.set(0);
    // SAFETY: S1; the callback is static, so it may stay on the stack for ever.
    unsafe {
        if pg_sys::error_context_stack.is_null() {
            pg_sys::error_context_stack = NET.0.get();
        }
    }
}

/// The SQLSTATE of what was raised since a statement began; `None` if nothing was.
pub fn last_sqlstate() -> Option<String> {
    let code = LAST.get();
    (code != 0).then(|| sqlstate(code))
}

/// What a message tells of an error; `None` if it is none, or can be no refusal.
pub fn of_message(message: &Message) -> Option<Raised> {
    // SAFETY: by the contract of Message::new.
    let data = unsafe { &*message.raw() };
    if !message.is_error() || !may_be_refusal(data.sqlerrcode) {
        return None;
    }
    // SAFETY: as above.
    Some(unsafe { raised(data) })
}

/// Codes that refusals have: of access, identity and ward's own (see `errors.rs`). Others are
/// not looked at.
fn may_be_refusal(code: c_int) -> bool {
    let text = sqlstate(code);
    text.starts_with("28") || ["42501", "25001", "0A000", "55000", "XX001"].contains(&text.as_str())
}

unsafe extern "C-unwind" fn caught(_: *mut std::ffi::c_void) {
    unsafe extern "C-unwind" {
        fn geterrcode() -> c_int;
    }
    // SAFETY: core calls this while it builds an error.
    let code = unsafe { geterrcode() };
    if code == 0 {
        return;
    }
    if !ARMED.replace(true) {
        // SAFETY: S1; the callback is static, and in no list: it leaves its list when it is called.
        unsafe { raw::MemoryContextRegisterResetCallback(pg_sys::ErrorContext, RESET.0.get()) };
    }
    // Classes 00 to 02 are notices and warnings.
    if !["00", "01", "02"]
        .iter()
        .any(|class| sqlstate(code).starts_with(class))
    {
        LAST.set(code);
    }
    if may_be_refusal(code) && !BUSY.get() {
        // SAFETY: as above.
        unsafe { look() };
    }
}

/// Raises nothing. Where somebody has caught the error the stack is not empty, and nothing happens.
unsafe extern "C-unwind" fn thrown_away(_: *mut std::ffi::c_void) {
    ARMED.set(false);
    let last = LAST.get();
    spread();
    LAST.set(last);
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn look() {
    let Some(listener) = LISTENER.get() else {
        return;
    };
    // SAFETY: an error is being built; its fields are copied to a context of our own, because core
    // forbids to copy them to its.
    let found = unsafe {
        let previous = pg_sys::CurrentMemoryContext;
        pg_sys::CurrentMemoryContext = copies();
        let data = pg_sys::CopyErrorData();
        pg_sys::CurrentMemoryContext = previous;
        let is_error = (*data).elevel >= pg_sys::elog::PgLogLevel::ERROR as i32;
        let found = is_error.then(|| raised(&*data));
        pg_sys::MemoryContextReset(copies());
        found
    };
    if let Some(found) = found {
        BUSY.set(true);
        listener(found);
        BUSY.set(false);
    }
}

fn copies() -> pg_sys::MemoryContext {
    if COPIES.get().is_null() {
        // SAFETY: S1; made once per process.
        COPIES.set(unsafe {
            pg_sys::AllocSetContextCreateExtended(
                pg_sys::TopMemoryContext,
                c"ward errors".as_ptr(),
                pg_sys::ALLOCSET_SMALL_MINSIZE as usize,
                pg_sys::ALLOCSET_SMALL_INITSIZE as usize,
                pg_sys::ALLOCSET_SMALL_MAXSIZE as usize,
            )
        });
    }
    COPIES.get()
}

/// # Safety
/// `data` is a live error.
unsafe fn raised(data: &pg_sys::ErrorData) -> Raised {
    // SAFETY: by contract, each is null or a C string.
    unsafe {
        Raised {
            sqlstate: sqlstate(data.sqlerrcode),
            message: text(data.message),
            detail: text(data.detail),
            by_user: text(data.funcname) == "exec_stmt_raise",
        }
    }
}

/// # Safety
/// Null, or a live C string.
unsafe fn text(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: by contract.
    unsafe { CStr::from_ptr(text) }
        .to_string_lossy()
        .into_owned()
}

/// Five characters of six bits each, the first one lowest.
fn sqlstate(code: c_int) -> String {
    (0..5)
        .map(|n| char::from(((code >> (6 * n)) & 0x3f) as u8 + b'0'))
        .collect()
}
