#![forbid(unsafe_code)]
//! Keeping tokens out of what the server shows: its activity, its log, the texts that other
//! extensions get.

use crate::pg::activity::{self, Message, Text};
use crate::pg::statement::Source;
use std::cell::{Cell, RefCell};
use std::ffi::CStr;
use ward_token::redact;

thread_local! {
    /// The text last looked at, and whether it holds a token: one statement passes several hooks.
    static LAST: Cell<((usize, i64), bool)> = const { Cell::new(((0, 0), false)) };
    /// Where a masked text is put together; made in advance, since errors must not allocate.
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Makes the buffer; once, from `_PG_init`.
pub fn install() {
    BUFFER.with_borrow_mut(|buffer| buffer.reserve_exact(activity::shown_size()));
}

/// Does the text of the current statement hold a token? Neither raises nor allocates.
pub fn is_needed() -> bool {
    text_with_token().is_some()
}

/// Masks tokens in what `pg_stat_activity` shows of the current statement.
pub fn hide() {
    if let Some(text) = text_with_token() {
        show_masked(text);
    }
}

/// The same, and the text for the next utility hook: a masked copy if it holds a token.
pub fn hide_in(source: Source) -> Source {
    hide();
    if redact::has_token(source.bytes()) {
        source.changed(redact::mask)
    } else {
        source
    }
}

/// Masks tokens in a message. Neither raises nor allocates.
///
/// In a session whose statement holds a token the log does not quote the statement; and after a
/// syntax error no other hook masks what the activity view goes on showing.
pub fn hide_in_message(mut message: Message) {
    let statement = text_with_token();
    for text in message.texts() {
        redact::mask(text);
        if let Some(statement) = statement {
            redact::mask_pieces(text, statement);
        }
    }
    if let Some(statement) = statement {
        message.hide_statement();
        if message.is_error() {
            show_masked(statement);
        }
    }
}

fn text_with_token() -> Option<&'static [u8]> {
    let text = Text::current()?;
    let (last, mut found) = LAST.get();
    if last != text.key() {
        found = redact::has_token(text.bytes());
        LAST.set((text.key(), found));
    }
    found.then(|| text.bytes())
}

/// Shows the masked text as this session's activity. The view cuts it off, so only what it keeps is
/// copied; but tokens are found in the whole text.
fn show_masked(text: &[u8]) {
    BUFFER.with(|buffer| {
        let Ok(mut buffer) = buffer.try_borrow_mut() else {
            return;
        };
        let shown = text.len().min(buffer.capacity().saturating_sub(1));
        buffer.clear();
        buffer.extend_from_slice(text.get(..shown).unwrap_or_default());
        for token in redact::tokens(text) {
            let end = token.end.min(shown);
            if let Some(part) = buffer.get_mut(token.start.min(end)..end) {
                part.fill(redact::MASK);
            }
        }
        buffer.push(0);
        if let Ok(masked) = CStr::from_bytes_with_nul(&buffer) {
            activity::report(masked);
        }
    });
}
