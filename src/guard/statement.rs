#![forbid(unsafe_code)]
//! The rules for utility statements, and what follows from them.

use super::{definition, family, immutable, record, settings};
use crate::config;
use crate::errors::{Code, Result, WardError};
use crate::pg::statement::{Set, Source, Statement};
use crate::pg::utility::Utility;
use crate::pg::{access, catalog, xact};
use crate::registry;
use crate::session::{self, level};

/// What [`finish`] must take back and settle.
#[derive(Clone, Copy)]
pub struct Started {
    level: level::Level,
    family: family::Mark,
    /// The address of its text.
    text: usize,
    /// What the audit is told of it; nothing of what only ends or begins transactions.
    record: Option<record::Mark>,
}

/// Checks a utility statement before it runs. `source` is its text.
///
/// Errors: WD032 for what the guard refuses; WD033 for an identity change that comes too late.
pub fn inspect(statement: Statement, utility: Utility, source: Source) -> Result<Started> {
    let mut started = Started {
        level: level::current(),
        family: family::mark(),
        text: source.address(),
        record: None,
    };
    if matches!(statement, Statement::Transaction) || !xact::is_active() {
        return Ok(started);
    }
    if matches!(statement, Statement::AlterWard) && is_superuser_without_token() {
        registry::begin_repair();
    }
    if !ends_identity(statement) {
        session::note_statement()?;
    }
    if session::has_token() {
        refuse_under_token(statement)?;
    }
    if let Statement::Channel {
        notifies,
        is_alert: true,
    } = statement
    {
        refuse_alerts(notifies)?;
    }
    if definition::is_one(statement) && !super::is_ward() && registry::any()? {
        definition::inspect(statement, source)?;
    }
    immutable::refuse(utility.definitions())?;
    immutable::refuse(utility.dropped_or_filled())?;
    immutable::refuse_functions(utility.dropped_functions())?;
    if utility.changes_members() {
        immutable::refuse_members()?;
    }
    started.record = Some(record::begin(utility, utility.place(source))?);
    level::enter(level::Level {
        drops_ward: started.level.drops_ward || utility.drops_ward(),
        ..level_of(statement, started)
    });
    Ok(started)
}

/// Settles what follows from a statement that has run: protection of new and of former children.
pub fn finish(started: Started) -> Result<()> {
    level::set(started.level);
    registry::end_repair();
    family::cover_new_table(started.family, started.text)?;
    family::settle(started.family)?;
    started.record.map_or(Ok(()), record::finish)?;
    settings::compare()
}

/// May this session update or drop an extension whose registry cannot be read?
fn is_superuser_without_token() -> bool {
    !session::has_token() && access::is_superuser(catalog::current_user())
}

/// Statements with which a session can always get out of a refused state.
fn ends_identity(statement: Statement) -> bool {
    match statement {
        Statement::Discard => true,
        Statement::Set(set) => set.is_reset_all() || set.names("ward.token"),
        _ => false,
    }
}

fn refuse_under_token(statement: Statement) -> Result<()> {
    match statement {
        Statement::Set(set) if set.names("role") || set.names("session_authorization") => {
            Err(WardError::new(
                Code::Guarded,
                "the database role cannot change in a session with a token",
            )
            .hint("Set the role before the token, or use a session without a token."))
        }
        Statement::Set(set) if resets_token(set) => session::refuse_if_fixed(),
        Statement::Load => Err(WardError::new(
            Code::Guarded,
            "LOAD is refused in a session with a token",
        )
        .hint("Libraries are loaded by administrators: shared_preload_libraries.")),
        _ => Ok(()),
    }
}

/// Alerts tell of all sessions, and whoever hears one must be able to believe it.
fn refuse_alerts(notifies: bool) -> Result<()> {
    let may_listen = || {
        let user = catalog::current_user();
        let auditor = catalog::role(c"ward_auditor");
        !session::has_token()
            && (super::is_administrator()
                || auditor.is_some_and(|auditor| catalog::has_privileges_of(user, auditor)))
    };
    if registry::objects()?.is_none() || (!notifies && may_listen()) {
        return Ok(());
    }
    Err(
        WardError::new(Code::Guarded, "the channel ward_alert is the audit's own").hint(
            "Members of ward_auditor and ward_admin LISTEN to it, in a session without ward.token.",
        ),
    )
}

/// RESET passes no check of a new value, unlike SET.
fn resets_token(set: Set) -> bool {
    set.is_reset_all() || (set.is_reset() && set.names("ward.token"))
}

fn level_of(statement: Statement, started: Started) -> level::Level {
    let mut level = started.level;
    level.new_table = 0;
    match statement {
        Statement::Explain { creates_table } => {
            level.explain = true;
            level.create_table_as |= creates_table;
        }
        Statement::CreateTableAs { is_plain, names } => {
            // What a function in such a query stores anew would escape the outer statement's label.
            if is_plain && !level.create_table_as && config::protects_new_tables() {
                level.new_table = started.text;
                level.new_names = names;
            }
            level.create_table_as = true;
        }
        Statement::ReassignOwned => level.reassign = true,
        Statement::AlterTable(_) => level.alter_table = true,
        _ => {}
    }
    level
}
