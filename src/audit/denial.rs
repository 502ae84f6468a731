#![forbid(unsafe_code)]
//! Denials: recorded where they are raised, before anybody can catch them or see them.
//!
//! The net under all errors ([`crate::pg::net`]) tells of each that may be one. Messages on their way
//! to the server's log are a second net, for what is raised before the first one can be spread
//! (a connection that pg_hba.conf rejects).

use super::emit::{self, Durability, References};
use super::{statement, who};
use crate::pg::net::Raised;
use crate::pg::xact::Event as Transaction;
use crate::pg::{self, client, net, wal};
use serde_json::json;
use std::cell::{Cell, RefCell};
use ward_audit::{Event, Kind, Outcome};

/// How many denials of a transaction are compared with later messages.
const REMEMBERED: usize = 1000;

#[derive(Default)]
struct Seen {
    /// The last denial, until somebody swallowed it: the same error passes several callbacks.
    last: Option<Raised>,
    /// All of this transaction.
    recorded: Vec<Raised>,
    /// Those that came at a moment when nothing could be written.
    waiting: Vec<(Event, References)>,
}

thread_local! {
    static SEEN: RefCell<Seen> = RefCell::default();
    /// May this process record: is ward in this database, as far as is known?
    static CONCERNED: Cell<bool> = const { Cell::new(true) };
}

/// Says whether ward is installed in this database.
pub fn set_concerned(concerned: bool) {
    CONCERNED.set(concerned);
}

/// An error was raised. Does not raise another.
pub fn raised(error: Raised) {
    // An error of a parallel worker is raised again by its leader.
    if pg::in_parallel_worker() || !is_denial(&error) || !CONCERNED.get() || is_known(&error) {
        return;
    }
    let (event, references) = describe(&error);
    SEEN.with_borrow_mut(|seen| {
        seen.last = Some(error.clone());
        if seen.recorded.len() < REMEMBERED {
            seen.recorded.push(error);
        }
    });
    if wal::is_safe_now() {
        record(event, &references);
    } else {
        SEEN.with_borrow_mut(|seen| seen.waiting.push((event, references)));
    }
}

/// A message is about to be written to the server's log.
pub fn logged(error: Raised) {
    let known = SEEN.with_borrow(|seen| seen.recorded.contains(&error));
    if !known {
        raised(error);
    }
}

/// Follows transactions and savepoints; the net is torn when an error has reached the top.
pub fn on_event(event: Transaction) {
    match event {
        Transaction::Abort => {
            write_waiting();
            SEEN.take();
            net::spread();
        }
        Transaction::Commit => {
            write_waiting();
            SEEN.take();
        }
        Transaction::SavepointAbort => {
            write_waiting();
            SEEN.with_borrow_mut(|seen| seen.last = None);
        }
        _ => {}
    }
}

fn write_waiting() {
    let waiting = SEEN.with_borrow_mut(|seen| std::mem::take(&mut seen.waiting));
    for (event, references) in waiting {
        record(event, &references);
    }
}

fn is_known(error: &Raised) -> bool {
    SEEN.with_borrow(|seen| seen.last.as_ref() == Some(error))
}

/// Refusals of core (privileges, authentication) and ward's own: those say so in DETAIL.
fn is_denial(error: &Raised) -> bool {
    error.sqlstate == "42501" || error.sqlstate.starts_with("28") || code(error).is_some()
}

/// The ward code of a refusal. Those of bad definitions and arguments (WD035 to WD038, WD041,
/// WD042) have SQLSTATEs that the net does not look at.
fn code(error: &Raised) -> Option<&str> {
    let code = error.detail.split(' ').next()?;
    let digits = code.strip_prefix("WD")?;
    (digits.len() == 3 && digits.bytes().all(|digit| digit.is_ascii_digit())).then_some(code)
}

fn describe(error: &Raised) -> (Event, References) {
    let is_login = client::database() == 0;
    let client = is_login.then(client::current);
    let event = Event {
        kind: if is_login { Kind::Login } else { Kind::Denial },
        outcome: Outcome::Denied,
        code: code(error).map(str::to_owned),
        sqlstate: Some(error.sqlstate.clone()),
        // What a function of a user's says may hold values.
        message: (!error.by_user).then(|| error.message.clone()),
        database: client.and_then(|client| client.database),
        detail: who::unknown_token().map(|hash| json!({ "token_sha256": hash }).to_string()),
        user_origin: error.by_user,
        statement: statement::current_kind(),
        ..Event::default()
    };
    let references = References {
        text: statement::client_text(),
        relations: statement::current_relations(),
    };
    (event, references)
}

fn record(event: Event, references: &References) {
    // There is no key: nothing protected can be touched, and the server's log has the error.
    let _ = emit::emit(event, references, Durability::Now);
}
