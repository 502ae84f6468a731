#![forbid(unsafe_code)]
//! Texts of statements as the audit keeps them: without literals, once per text.

use super::emit::Encoded;
use crate::pg::activity;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use ward_audit::Block;

/// How many texts a session remembers: an application has few.
const REMEMBERED: usize = 512;
/// Longer ones are not remembered, only recorded.
const LONG: usize = 16_384;

thread_local! {
    static TEXTS: RefCell<HashMap<Box<[u8]>, Rc<Encoded>>> = RefCell::default();
}

/// The block of this text.
pub fn block(text: &[u8]) -> Rc<Encoded> {
    if let Some(block) = TEXTS.with_borrow(|texts| texts.get(text).cloned()) {
        return block;
    }
    let normalised = ward_audit::normalise(
        &String::from_utf8_lossy(text),
        !activity::has_standard_strings(),
    );
    // A token that was written as a name is no literal.
    let block = Encoded::new(Block::text(&ward_token::redact::masked(&normalised)));
    if text.len() <= LONG {
        TEXTS.with_borrow_mut(|texts| {
            if texts.len() >= REMEMBERED {
                texts.clear();
            }
            texts.insert(text.into(), Rc::clone(&block));
        });
    }
    block
}
