#![forbid(unsafe_code)]
//! What the audit is told of definitions, rights, roles and settings.
//!
//! A statement is recorded when it has run, by the relations that it named and those of whose changes
//! the object access hook told (CASCADE, DROP OWNED): before its transaction can commit. What no
//! transaction can take back is recorded before it runs.

use super::settings;
use crate::audit::{self, Durability, Encoded, References, project, text};
use crate::errors::Result;
use crate::pg::access::{Access, Object};
use crate::pg::utility::{Changes, Place, Utility};
use crate::pg::xact::{self, Event as Transaction};
use crate::pg::{Oid, catalog, guc};
use crate::registry;
use crate::session::level;
use std::cell::RefCell;
use ward_audit::{Block, Event, Kind, Touched};

/// What a statement is recorded as. Plain data.
#[derive(Clone, Copy)]
pub struct Mark {
    /// Where what it touches begins.
    from: usize,
    place: Place,
    /// The policy in force when it began. (After DROP EXTENSION there is none to be read.)
    policy_version: u64,
    /// The kind that it has whatever it touches.
    kind: Option<Kind>,
    /// May it run though nothing can be recorded? What is needed to mend that, and what concerns
    /// databases without ward.
    lenient: bool,
}

#[derive(Default)]
struct Touching {
    relations: Vec<Touched>,
    /// What the innermost statement sets.
    setting: Option<String>,
    /// How many relations there were when each savepoint began.
    savepoints: Vec<usize>,
}

thread_local! {
    /// What the statements under way have touched, inner ones last.
    static TOUCHING: RefCell<Touching> = RefCell::default();
}

/// A statement is about to run. Error: WD043 if it must be recorded and cannot.
pub fn begin(utility: Utility, place: Place) -> Result<Mark> {
    let (kind, setting) = kind(utility);
    let mark = Mark {
        from: TOUCHING.with_borrow(|touching| touching.relations.len()),
        place,
        policy_version: registry::version(),
        kind,
        lenient: matches!(utility.changes(), Changes::Settings | Changes::Extension)
            || !registry::is_installed(),
    };
    TOUCHING.with_borrow_mut(|touching| touching.setting = setting);
    let relations = utility.relations();
    if kind.is_none() && relations.is_empty() {
        return Ok(mark);
    }
    if is_administration() {
        return Ok(Mark { kind: None, ..mark });
    }
    for relation in relations {
        if kind.is_some() || is_protected(relation) {
            note(relation);
        }
    }
    if utility.changes() == Changes::Settings {
        finish(mark)?;
        return Ok(Mark { kind: None, ..mark });
    }
    Ok(mark)
}

/// The object access hook tells of a change.
pub fn changed(access: Access) {
    let (Access::Drop(object) | Access::Create(object) | Access::Alter(object)) = access else {
        return;
    };
    // While the extension itself is being dropped its registry cannot be read, and need not be.
    if level::current().drops_ward {
        return;
    }
    if let Some(relation) = relation_of(object)
        && is_protected(relation)
        && !is_administration()
    {
        note(relation);
    }
}

/// It has run. Error: WD043 if nothing can be recorded.
pub fn finish(mark: Mark) -> Result<()> {
    let (relations, setting) = TOUCHING.with_borrow_mut(|touching| {
        let from = mark.from.min(touching.relations.len());
        (touching.relations.split_off(from), touching.setting.take())
    });
    let Some(kind) = mark
        .kind
        .or((!relations.is_empty()).then_some(Kind::Definition))
    else {
        return Ok(());
    };
    let references = References {
        text: Some(text::block(mark.place.text())),
        relations: (!relations.is_empty()).then(|| Encoded::new(Block::Relations { relations })),
    };
    let event = Event {
        kind,
        statement: Some(mark.place.tag()),
        policy_version: Some(mark.policy_version),
        detail: setting,
        ..Event::default()
    };
    settings::refresh();
    match audit::emit(event, &references, Durability::Now) {
        Err(error) if !mark.lenient => Err(error),
        _ => Ok(()),
    }
}

/// Forgets what statements that failed have touched.
pub fn on_event(event: Transaction) {
    TOUCHING.with_borrow_mut(|touching| match event {
        Transaction::Abort | Transaction::Commit => *touching = Touching::default(),
        Transaction::SavepointStart => touching.savepoints.push(touching.relations.len()),
        Transaction::SavepointCommit => {
            touching.savepoints.pop();
        }
        Transaction::SavepointAbort => {
            let length = touching.savepoints.pop().unwrap_or_default();
            touching.relations.truncate(length);
            touching.setting = None;
        }
    });
}

/// May the value of this setting be told? Others hold passwords (`primary_conninfo`). A misspelt name of
/// ward's may have a token for a value, which is masked.
fn is_harmless(name: &str) -> bool {
    const TOLD: [&str; 4] = [
        "session_replication_role",
        "shared_preload_libraries",
        "row_security",
        "allow_system_table_mods",
    ];
    name.starts_with("ward.") || name.starts_with("log_") || TOLD.contains(&name)
}

/// The kind that a statement has whatever it touches, and the setting that it sets, as JSON.
fn kind(utility: Utility) -> (Option<Kind>, Option<String>) {
    let changes = utility.changes();
    let told = utility
        .setting()
        .filter(|(name, _)| is_telling(name, changes));
    let told = told.map(|(name, value)| {
        let value = is_harmless(&name).then(|| ward_token::redact::masked(&value));
        serde_json::json!({ "setting": name, "value": value }).to_string()
    });
    let kind = match changes {
        Changes::Roles | Changes::Settings => Some(Kind::Privilege),
        Changes::Rights if registry::is_installed() => Some(Kind::Privilege),
        Changes::Session if told.is_some() && registry::is_installed() => Some(Kind::Privilege),
        Changes::Extension => Some(Kind::Definition),
        _ => None,
    };
    (kind, told)
}

/// Settings whose values are recorded. Others may hold passwords, or concern only the session that sets
/// them; the reason of maintenance is in each of its events.
fn is_telling(name: &str, changes: Changes) -> bool {
    const SESSION: [&str; 3] = ["ward.token", "ward.track_watermark", "ward.maintenance"];
    const OF_CORE: [&str; 2] = ["shared_preload_libraries", "session_replication_role"];
    let is_wards = name.starts_with("ward.") && name != "ward.token";
    (is_wards && !(changes == Changes::Session && SESSION.contains(&name)))
        || OF_CORE.contains(&name)
}

/// Is ward itself at work? What it does follows from an event of its own.
pub(super) fn is_administration() -> bool {
    super::is_ward()
        || project::is_projecting()
        || guc::maintenance().as_deref() == Some(guc::ADMINISTRATION)
}

fn relation_of(object: Object) -> Option<Oid> {
    let column = object.column().map(|(relation, _)| relation);
    object
        .relation()
        .or(column)
        .or_else(|| object.enforced_on())
}

fn is_protected(relation: Oid) -> bool {
    catalog::is_user_object(relation)
        && xact::is_active()
        && registry::any().unwrap_or(false)
        && (registry::is_own_table(relation)
            || registry::protection(relation).is_ok_and(|p| p.is_some()))
}

fn note(relation: Oid) {
    let one = touched(relation);
    TOUCHING.with_borrow_mut(|touching| {
        if !touching.relations.contains(&one) {
            touching.relations.push(one);
        }
    });
}

fn touched(relation: Oid) -> Touched {
    Touched {
        oid: relation.to_u32(),
        name: catalog::qualified_name(relation).unwrap_or_default(),
        ..Touched::default()
    }
}
