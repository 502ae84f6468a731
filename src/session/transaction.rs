#![forbid(unsafe_code)]
//! Which identity the current transaction has written as.
//!
//! `set_config(name, NULL)` and RESET take a startup token back without passing the check of a new
//! value. This is the backstop: a protected statement is refused when the transaction has written
//! under another identity than the one in force.

use super::change;
use crate::errors::{Code, Result, WardError};
use crate::pg::guc::{self, TokenHash};
use crate::pg::inline;
use crate::pg::xact::{self, Event};
use std::cell::RefCell;

/// The identity of the last statement before the first write; outer `None`: no statement yet.
type Writer = Option<Option<TokenHash>>;

#[derive(Default)]
struct Transaction {
    writer: Writer,
    savepoints: Vec<Writer>,
}

thread_local! {
    static TRANSACTION: RefCell<Transaction> = RefCell::default();
}

/// Notes that a statement starts. Errors: WD032 if the role was changed under the token.
pub fn note_statement() -> Result<()> {
    TRANSACTION.with_borrow_mut(|transaction| {
        let now = guc::token_hash();
        if transaction.writer != Some(now) && (transaction.writer.is_none() || !xact::has_written())
        {
            transaction.writer = Some(now);
        }
    });
    if change::role_changed() {
        return Err(WardError::new(
            Code::Guarded,
            "the database role was changed in a session with a token",
        )
        .hint("Set the role before the token, or end the session with DISCARD ALL."));
    }
    Ok(())
}

/// Refuses a protected statement in a transaction that wrote under another identity (WD033).
pub fn check_writer() -> Result<()> {
    let mixed = TRANSACTION.with_borrow(|transaction| {
        transaction
            .writer
            .is_some_and(|writer| writer != guc::token_hash())
            && xact::has_written()
    });
    if mixed {
        return Err(WardError::new(
            Code::IdentityChange,
            "the identity changed in a transaction that has written",
        )
        .hint("Change the identity at the start of a transaction."));
    }
    Ok(())
}

/// Follows transactions and savepoints.
pub fn on_event(event: Event) {
    TRANSACTION.with_borrow_mut(|transaction| match event {
        Event::Commit | Event::Abort => {
            *transaction = Transaction::default();
            inline::reset();
        }
        Event::SavepointStart => transaction.savepoints.push(transaction.writer),
        Event::SavepointCommit => {
            transaction.savepoints.pop();
        }
        Event::SavepointAbort => {
            if let Some(writer) = transaction.savepoints.pop() {
                transaction.writer = writer;
            }
            inline::reset();
        }
    });
}
