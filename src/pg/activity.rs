//! Keeping tokens out of what the server shows: activity, logs, the text handed to other hooks.
//!
//! Finding and masking is `session::redact`'s; this module knows where the texts are.

use super::raw;
use crate::session::redact;
use pgrx::pg_sys::{self, ErrorData};
use std::cell::{Cell, RefCell};
use std::ffi::{CStr, c_char};

/// A statement's text, known by its address and the time at which the statement began.
type Known = (usize, i64);

thread_local! {
    /// The text last looked at, and whether it holds a token: one statement passes several hooks.
    static LAST: Cell<(Known, bool)> = const { Cell::new(((0, 0), false)) };
    /// Where a masked text is put together; made in advance, since errors must not allocate.
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Makes the buffer; once, from `_PG_init`.
pub fn install() {
    // SAFETY: S1; fixed at server start, and read before.
    let size = unsafe { pg_sys::pgstat_track_activity_query_size };
    BUFFER.with_borrow_mut(|buffer| buffer.reserve_exact(usize::try_from(size).unwrap_or(1024)));
}

/// Masks tokens in what `pg_stat_activity` shows of the current statement.
pub fn hide() {
    if let Some(text) = current_text()
        && has_token(text)
    {
        report(text.to_bytes());
    }
}

/// The same for the text that a utility hook received; also returns the text for the next hook: a
/// masked copy if it holds a token.
///
/// # Safety
/// `source` is null or a live C string (S2).
pub unsafe fn hide_tokens(source: *const c_char) -> *const c_char {
    hide();
    // SAFETY: by contract; the copy lives in the context of the statement.
    unsafe {
        if source.is_null() || !has_token(CStr::from_ptr(source)) {
            return source;
        }
        let copy = pg_sys::pstrdup(source);
        redact::mask(bytes_of(copy));
        copy
    }
}

/// Masks tokens in a message on its way to the log and to the client. Neither raises nor allocates.
///
/// # Safety
/// `data` is what emit_log_hook received: its texts are its own.
pub unsafe fn redact_message(data: *mut ErrorData) {
    // SAFETY: by contract.
    unsafe {
        let data = &mut *data;
        let statement = current_text().filter(|text| has_token(text)).map(CStr::to_bytes);
        for text in
            [data.message, data.detail, data.detail_log, data.hint, data.context, data.internalquery]
        {
            let text = bytes_of(text);
            redact::mask(text);
            if let Some(statement) = statement {
                redact::mask_pieces(text, statement);
            }
        }
        if statement.is_some() {
            // Log lines would quote the statement; and after a syntax error no other hook masks
            // what the activity view goes on showing.
            data.hide_stmt = true;
            if data.elevel >= pg_sys::elog::PgLogLevel::ERROR as i32 {
                hide();
            }
        }
    }
}

fn current_text() -> Option<&'static CStr> {
    // SAFETY: S1; null or the text of the message being processed. Used within the hook call.
    unsafe {
        let text = pg_sys::debug_query_string;
        (!text.is_null()).then(|| CStr::from_ptr(text))
    }
}

fn has_token(text: &CStr) -> bool {
    // SAFETY: S1; only reads the time.
    let known = (text.as_ptr() as usize, unsafe { raw::GetCurrentStatementStartTimestamp() });
    let (last, found) = LAST.get();
    if last == known {
        return found;
    }
    let found = redact::has_token(text.to_bytes());
    LAST.set((known, found));
    found
}

/// Reports the masked text as this session's activity. It is shown cut off, so only what is shown
/// is copied; but tokens are found in the whole text.
fn report(text: &[u8]) {
    BUFFER.with(|buffer| {
        let Ok(mut buffer) = buffer.try_borrow_mut() else { return };
        let shown = text.len().min(buffer.capacity().saturating_sub(1));
        buffer.clear();
        buffer.extend_from_slice(text.get(..shown).unwrap_or_default());
        for token in redact::tokens(text) {
            let end = token.end.min(shown);
            if let Some(part) = buffer.get_mut(token.start.min(end)..end) {
                part.fill(b'*');
            }
        }
        buffer.push(0);
        // SAFETY: S1; a terminated text that the call copies.
        unsafe {
            raw::pgstat_report_activity(pg_sys::BackendState::STATE_RUNNING, buffer.as_ptr().cast());
        }
    });
}

/// The bytes of a text, to be changed in place.
///
/// # Safety
/// `text` is null or a live, writable C string that nobody else looks at meanwhile.
unsafe fn bytes_of<'a>(text: *mut c_char) -> &'a mut [u8] {
    if text.is_null() {
        return &mut [];
    }
    // SAFETY: by contract.
    unsafe {
        let length = CStr::from_ptr(text).to_bytes().len();
        std::slice::from_raw_parts_mut(text.cast::<u8>(), length)
    }
}
