//! Where the server keeps and shows the text of statements: its activity, its messages.

use super::raw;
use pgrx::pg_sys::{self, ErrorData};
use std::ffi::{CStr, c_char};

/// The text of the client's message being processed: what `pg_stat_activity` shows and logs quote.
#[derive(Clone, Copy)]
pub struct Text {
    bytes: &'static [u8],
    since: i64,
}

impl Text {
    /// The text, if a statement is being processed. For use within the hook call only.
    pub fn current() -> Option<Self> {
        // SAFETY: S1; null or the text that the statement being processed came with.
        unsafe {
            let text = pg_sys::debug_query_string;
            (!text.is_null()).then(|| Self {
                bytes: CStr::from_ptr(text).to_bytes(),
                since: raw::GetCurrentStatementStartTimestamp(),
            })
        }
    }

    /// The text itself.
    pub fn bytes(self) -> &'static [u8] {
        self.bytes
    }

    /// Its address and when its statement began: the same for the same text.
    pub fn key(self) -> (usize, i64) {
        (self.bytes.as_ptr() as usize, self.since)
    }
}

/// Are backslashes in plain string literals ordinary characters (`standard_conforming_strings`)?
pub fn has_standard_strings() -> bool {
    // SAFETY: S1.
    unsafe { pg_sys::standard_conforming_strings }
}

/// How many bytes of a text `pg_stat_activity` keeps, its terminator included.
pub fn shown_size() -> usize {
    // SAFETY: S1; fixed at server start.
    usize::try_from(unsafe { pg_sys::pgstat_track_activity_query_size }).unwrap_or_default()
}

/// Shows this text as the session's activity. Neither raises nor allocates.
pub fn report(text: &CStr) {
    // SAFETY: S1; the text is copied.
    unsafe { raw::pgstat_report_activity(pg_sys::BackendState::STATE_RUNNING, text.as_ptr()) }
}

/// A message on its way to the server's log and to the client.
pub struct Message(*mut ErrorData);

impl Message {
    /// # Safety
    /// `data` is what emit_log_hook received, and used by nobody else meanwhile.
    pub unsafe fn new(data: *mut ErrorData) -> Self {
        Self(data)
    }

    /// Its texts, to be changed in place.
    pub fn texts(&mut self) -> [&mut [u8]; 6] {
        // SAFETY: by the contract of new(); each text is an allocation of its own.
        unsafe {
            let data = &mut *self.0;
            [
                data.message,
                data.detail,
                data.detail_log,
                data.hint,
                data.context,
                data.internalquery,
            ]
            .map(|text| bytes_of(text))
        }
    }

    /// Keeps the log from quoting the statement.
    pub fn hide_statement(&mut self) {
        // SAFETY: by the contract of new().
        unsafe { (*self.0).hide_stmt = true };
    }

    pub(super) fn raw(&self) -> *mut ErrorData {
        self.0
    }

    /// Does it end the statement?
    pub fn is_error(&self) -> bool {
        // SAFETY: by the contract of new().
        unsafe { (*self.0).elevel >= pg_sys::elog::PgLogLevel::ERROR as i32 }
    }
}

/// The bytes of a text, to be changed in place.
///
/// # Safety
/// `text` is null or a live, writable C string that nobody else looks at meanwhile.
pub(super) unsafe fn bytes_of<'a>(text: *mut c_char) -> &'a mut [u8] {
    if text.is_null() {
        return &mut [];
    }
    // SAFETY: by contract.
    unsafe {
        let length = CStr::from_ptr(text).to_bytes().len();
        std::slice::from_raw_parts_mut(text.cast::<u8>(), length)
    }
}
