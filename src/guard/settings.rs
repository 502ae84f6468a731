#![forbid(unsafe_code)]
//! `set_config()`: it sets what SET sets, and no statement tells of it. So from its first call in a transaction
//! on, settings that matter are compared at the end of each statement.

use super::record::is_administration;
use crate::audit::{self, Durability, References, statement};
use crate::config;
use crate::errors::Result;
use crate::pg::xact::{self, Event as Transaction};
use crate::pg::{Oid, guc};
use crate::registry;
use std::cell::Cell;
use std::ffi::CStr;
use ward_audit::{Event, Kind};

/// What only administrators set, for a session.
const WATCHED: [&CStr; 4] = [
    c"ward.allow_explain",
    c"ward.new_tables",
    c"ward.fill_vector_results",
    c"session_replication_role",
];
/// `set_config` in pg_proc.dat; OIDs of core's functions never change.
const SET_CONFIG: u32 = 2078;

/// Their values, as numbers: compared after every statement of sessions that give their tokens in this way.
type Values = [i32; 4];

fn values() -> Values {
    [
        i32::from(config::allow_explain()),
        i32::from(config::protects_new_tables()),
        i32::from(config::fill_vector_results()),
        guc::replication_role(),
    ]
}

thread_local! {
    static WATCHING: Cell<bool> = const { Cell::new(false) };
    static BEFORE: Cell<Values> = const { Cell::new([0; 4]) };
}

/// This function is about to run.
#[inline]
pub fn note_call(function: Oid) {
    if function.to_u32() == SET_CONFIG && !WATCHING.get() && xact::is_active() {
        WATCHING.set(true);
        refresh();
    }
}

/// Is there anything to compare?
#[inline]
pub fn is_watching() -> bool {
    WATCHING.get()
}

/// Takes the settings as they are: what has set them was recorded.
pub fn refresh() {
    if WATCHING.get() {
        BEFORE.set(values());
    }
}

/// Records what has changed. Error: WD043 if that is not possible.
pub fn compare() -> Result<()> {
    let (before, now) = (BEFORE.get(), values());
    if !WATCHING.get() || before == now || is_administration() || !registry::is_installed() {
        return Ok(());
    }
    BEFORE.set(now);
    for ((name, old), new) in WATCHED.iter().zip(before).zip(now) {
        if old != new {
            record(name)?;
        }
    }
    Ok(())
}

fn record(name: &CStr) -> Result<()> {
    let detail =
        serde_json::json!({ "setting": name.to_string_lossy(), "value": guc::current(name) });
    let event = Event {
        kind: Kind::Privilege,
        statement: Some(String::from("set_config")),
        policy_version: Some(registry::version()),
        detail: Some(detail.to_string()),
        ..Event::default()
    };
    let references = References {
        text: statement::client_text(),
        relations: None,
    };
    audit::emit(event, &references, Durability::Now).map(|_| ())
}

/// Follows transactions.
pub fn on_event(event: Transaction) {
    if matches!(event, Transaction::Commit | Transaction::Abort) {
        WATCHING.set(false);
    }
}
