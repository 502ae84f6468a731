#![forbid(unsafe_code)]
//! What follows when a source is relabelled, moved to another tenant or owner, or deleted.
//!
//! A row trigger on the source notes the keys of the rows that changed. When the statement is
//! through, all their derived rows are brought in step by one statement per derivation; what that
//! changes is noted and followed in the same way, level by level.

use super::row::stored_label;
use super::{key, record, source};
use crate::errors::{Code, Result, WardError};
use crate::pg::trigger::{self, Call, Event, Row};
use crate::pg::xact;
use crate::pg::{Datum, Oid, catalog, own, spi};
use crate::registry::{self, Derivation, OnDelete, Place, Protection};
use crate::rows::columns;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use ward_core::{Category, Label};

/// How rows are brought in step by a statement of ward's own.
#[derive(Clone)]
pub enum Mode {
    /// Their labels rise to those of their sources.
    Raise,
    /// They leave quarantine, unless a source of theirs is in it, or they were put there themselves.
    Release(Rc<Kept>),
    /// Those that carry exactly what their sources carried follow them down.
    Lower(Rc<Lowered>),
}

/// The texts of a row's key columns.
pub type Key = Vec<Option<String>>;

/// Rows in quarantine on their own account: relation, and the texts of key columns.
pub type Kept = Vec<(Oid, Vec<(String, String)>)>;

/// The labels that sources had before they were lowered.
#[derive(Default)]
pub struct Lowered(RefCell<HashMap<(u64, Key), Option<Label>>>);

impl Lowered {
    /// The label that a source had before: the one it has, if it was not lowered.
    pub fn before(&self, d: &Derivation, source: &source::Source) -> Option<Label> {
        let known = self.0.borrow();
        match known.get(&(d.id, source.key.clone())) {
            Some(label) => *label,
            None => source.label,
        }
    }
}

/// A row that changed, and one derivation that it takes part in.
struct Note {
    derivation: Rc<Derivation>,
    /// The key that it had.
    key: Key,
    change: Change,
}

/// What happened to it.
#[derive(PartialEq)]
enum Change {
    /// A source got another label, tenant, owner, acl or key.
    Source,
    /// A source was deleted.
    Deleted,
    /// A recorded output got this key.
    Output(Key),
}

thread_local! {
    static NOTES: RefCell<Vec<Note>> = const { RefCell::new(Vec::new()) };
    /// How many notes there are, for the hook on the path of every statement.
    static COUNT: Cell<usize> = const { Cell::new(0) };
    static MODE: RefCell<Option<Mode>> = const { RefCell::new(None) };
    static SAVEPOINTS: RefCell<Vec<(usize, Option<Mode>)>> = const { RefCell::new(Vec::new()) };
    /// How many rows the current administrative call has brought in step.
    static CHANGED: Cell<u64> = const { Cell::new(0) };
}

/// Where the notes of a statement begin.
#[inline]
pub fn mark() -> usize {
    COUNT.get()
}

/// How ward's own statement under way treats rows; `None` in any other.
pub fn mode() -> Option<Mode> {
    MODE.with_borrow(Clone::clone)
}

/// Runs `f` in a mode; how many rows were brought in step.
pub fn in_mode(mode: Mode, f: impl FnOnce() -> Result<()>) -> Result<u64> {
    let before = MODE.replace(Some(mode));
    let count = CHANGED.replace(0);
    let result = f();
    MODE.replace(before);
    let changed = CHANGED.replace(count);
    result.map(|()| changed)
}

/// Follows transactions and savepoints.
pub fn on_event(event: xact::Event) {
    SAVEPOINTS.with_borrow_mut(|savepoints| match event {
        xact::Event::Commit | xact::Event::Abort => {
            savepoints.clear();
            truncate(0);
            MODE.replace(None);
        }
        xact::Event::SavepointStart => savepoints.push((COUNT.get(), mode())),
        xact::Event::SavepointCommit => {
            savepoints.pop();
        }
        xact::Event::SavepointAbort => {
            if let Some((notes, mode)) = savepoints.pop() {
                truncate(notes);
                MODE.replace(mode);
            }
        }
    });
}

fn truncate(length: usize) {
    NOTES.with_borrow_mut(|notes| notes.truncate(length));
    COUNT.set(NOTES.with_borrow(Vec::len));
}

/// The trigger on sources.
pub fn note(call: Call) -> Result<()> {
    let Some(p) = registry::protection(call.relation())? else {
        return Ok(());
    };
    source::forget();
    let event = call.event();
    let start = mark();
    if event == Event::Truncate {
        record::forget_outputs(&p)?;
        return p.derivatives.iter().try_for_each(|d| emptied(d));
    }
    let row = call.row();
    let key_of = |row: Row, names: &[String]| -> Key {
        let columns = names.iter().map(|name| p.key(name));
        columns.map(|column| row.text(column?)).collect()
    };
    if let Some(output) = p.sources.iter().find(|derivation| derivation.recorded) {
        let key = key_of(row, &output.child_key);
        if event == Event::Delete {
            record::forget_output(output, key)?;
        } else {
            let new = key_of(call.new_row(), &output.child_key);
            if new != key {
                push(output, key, Change::Output(new));
            }
        }
    }
    for derivation in &p.derivatives {
        let key = key_of(row, &derivation.parent_key);
        if let (Some(Mode::Lower(lowered)), Some(label)) = (mode(), &p.label) {
            let label = stored_label(label, row);
            lowered
                .0
                .borrow_mut()
                .insert((derivation.id, key.clone()), label);
        }
        let change = match event {
            Event::Delete => Change::Deleted,
            _ => Change::Source,
        };
        push(derivation, key, change);
    }
    // Changes of a subscription are applied without the executor, whose end we otherwise wait for.
    if trigger::in_logical_worker() {
        follow(start)?;
    }
    Ok(())
}

fn push(derivation: &Rc<Derivation>, key: Key, change: Change) {
    NOTES.with_borrow_mut(|notes| {
        notes.push(Note {
            derivation: Rc::clone(derivation),
            key,
            change,
        });
        COUNT.set(notes.len());
    });
}

/// Brings in step what derives from the sources noted since `start`.
pub fn follow(start: usize) -> Result<()> {
    let notes = NOTES.with_borrow_mut(|notes| {
        let start = start.min(notes.len());
        notes.split_off(start)
    });
    COUNT.set(NOTES.with_borrow(Vec::len));
    let mut groups: Vec<Group> = Vec::new();
    let mut moved: Vec<(Rc<Derivation>, Key, Key)> = Vec::new();
    for note in notes {
        let deleted = match note.change {
            Change::Source => false,
            Change::Deleted => true,
            Change::Output(new) => {
                moved.push((note.derivation, note.key, new));
                continue;
            }
        };
        let same = |group: &&mut Group| {
            group.derivation.id == note.derivation.id && group.deleted == deleted
        };
        match groups.iter_mut().find(same) {
            Some(group) => group.keys.push(note.key),
            None => groups.push(Group {
                derivation: note.derivation,
                deleted,
                keys: vec![note.key],
            }),
        }
    }
    record::move_outputs(&moved)?;
    groups.iter().try_for_each(Group::follow)
}

/// Refuses to commit while something has not been followed: a way of running statements that the
/// hooks do not see must not leave derived rows behind.
pub fn refuse_unfinished() -> Result<()> {
    if COUNT.get() == 0 {
        return Ok(());
    }
    Err(WardError::new(
        Code::Registry,
        "the transaction changed sources in a way that derived rows could not follow",
    ))
}

/// Sources of one derivation that changed in the same way.
struct Group {
    derivation: Rc<Derivation>,
    deleted: bool,
    keys: Vec<Key>,
}

/// Derived rows, by the values of the columns that they are found by.
#[derive(Default)]
struct Rows {
    keys: Vec<Key>,
}

impl Group {
    fn follow(&self) -> Result<()> {
        let (present, gone) = self.find()?;
        touch(&self.derivation, &present)?;
        if gone.keys.is_empty() {
            return Ok(());
        }
        let action = if self.deleted {
            self.derivation.on_delete
        } else {
            // A key that was changed, and that no foreign key has carried on.
            OnDelete::Refuse
        };
        lost(&self.derivation, &gone, action)
    }

    /// The derived rows whose sources are still there, and those whose are gone.
    fn find(&self) -> Result<(Rows, Rows)> {
        let d = &*self.derivation;
        let keys = key::unnest(d.parent, &d.parent_key, 1)?;
        let table = key::table(d.parent)?;
        let only = key::only(d.parent);
        let exists = format!(
            "EXISTS (SELECT FROM {only} {table} p WHERE {})",
            key::equals_keys("p", &d.parent_key)
        );
        let sql = if d.recorded {
            let names: Vec<_> = (1..=d.parent_key.len()).map(|i| format!("k{i}")).collect();
            let fields = d
                .child_key
                .iter()
                .map(|name| format!("l.output_key ->> {}", spi::literal(name)));
            let pairs = d
                .parent_key
                .iter()
                .zip(&names)
                .map(|(name, value)| format!("{}, k.{value}", spi::literal(name)));
            format!(
                "SELECT ARRAY[{}], {exists} FROM {keys} JOIN ward_internal.lineage l
                 ON l.output = {}::oid AND l.source = {}::oid
                    AND l.source_key = pg_catalog.jsonb_build_object({})",
                fields.collect::<Vec<_>>().join(", "),
                d.child.to_u32(),
                d.parent.to_u32(),
                pairs.collect::<Vec<_>>().join(", ")
            )
        } else {
            let names = (1..=d.parent_key.len()).map(|i| format!("k.k{i}::pg_catalog.text"));
            format!(
                "SELECT ARRAY[{}], {exists} FROM {keys}",
                names.collect::<Vec<_>>().join(", ")
            )
        };
        let arguments = arguments(&self.keys, d.parent_key.len());
        own::query(&sql, &arguments, |found| {
            let (mut present, mut gone) = (Rows::default(), Rows::default());
            for i in 0..found.count as usize {
                let rows = match found.boolean(i, 2) {
                    Some(true) => &mut present,
                    _ => &mut gone,
                };
                rows.keys.extend(found.texts(i, 1));
            }
            Ok((present, gone))
        })
    }
}

/// The keys that derived rows are found by, under their types: those of the sources, or (where
/// sources are recorded) their own.
fn found_by(d: &Derivation) -> Result<String> {
    if d.recorded {
        key::unnest(d.child, &d.child_key, 1)
    } else {
        key::unnest(d.parent, &d.parent_key, 1)
    }
}

/// One text[] parameter per key column.
pub fn arguments(keys: &[Key], columns: usize) -> Vec<(Oid, Datum)> {
    let column = |i: usize| keys.iter().map(move |key| key.get(i).cloned().flatten());
    (0..columns)
        .map(|i| (own::TEXT_ARRAY, own::texts(column(i).collect())))
        .collect()
}

/// Lets the trigger look at derived rows again.
fn touch(d: &Derivation, rows: &Rows) -> Result<()> {
    change(d, rows, |table, columns, keys, condition| {
        let column = spi::identifier(columns);
        format!("UPDATE {table} c SET {column} = c.{column} FROM {keys} WHERE {condition}")
    })
    .map(|_| ())
}

/// What becomes of derived rows whose sources are gone.
fn lost(d: &Derivation, rows: &Rows, action: OnDelete) -> Result<()> {
    match action {
        OnDelete::Delete => change(d, rows, |table, _, keys, condition| {
            format!("DELETE FROM {table} c USING {keys} WHERE {condition}")
        })
        .map(|_| ()),
        OnDelete::Quarantine => {
            let hidden = hide(d.child, "c")?.ok_or_else(|| in_use(d))?;
            change(d, rows, |table, _, keys, condition| {
                format!("UPDATE {table} c SET {hidden} FROM {keys} WHERE {condition}")
            })
            .map(|_| ())
        }
        OnDelete::Refuse => {
            let keys = found_by(d)?;
            let sql = format!(
                "SELECT FROM {} c JOIN {keys} ON {} LIMIT 1",
                key::table(d.child)?,
                key::equals_keys("c", &d.child_key)
            );
            let arguments = arguments(&rows.keys, d.child_key.len());
            own::query(&sql, &arguments, |found| match found.count {
                0 => Ok(()),
                _ => Err(in_use(d)),
            })
        }
    }
}

/// The assignment that puts row `alias` of a relation in quarantine, as SQL; `None` if it has no label.
pub fn hide(relation: Oid, alias: &str) -> Result<Option<String>> {
    let Some(place) = label_place(relation)? else {
        return Ok(None);
    };
    let label = columns::label(alias, &place);
    let hidden = quarantined();
    let joined = format!("COALESCE({label} OPERATOR(ward.+) {hidden}, {hidden})");
    Ok(Some(columns::assign_label(alias, &place, &joined)))
}

/// The label that hides, as SQL.
pub fn quarantined() -> String {
    let label = Label::PUBLIC.with(Category::QUARANTINE);
    format!("'{label}'::ward.label")
}

fn label_place(relation: Oid) -> Result<Option<Place>> {
    let p = registry::protection(relation)?;
    Ok(p.and_then(|p| p.label.as_ref().map(Place::from)))
}

/// Runs a statement over derived rows, in the mode of the cascade.
fn change(
    d: &Derivation,
    rows: &Rows,
    statement: impl Fn(&str, &str, &str, &str) -> String,
) -> Result<u64> {
    let Some(first) = d.child_key.first().filter(|_| !rows.keys.is_empty()) else {
        return Ok(0);
    };
    let first = Place::of_key(first).column;
    let column = label_place(d.child)?.map_or(first, |place| place.column);
    let keys = found_by(d)?;
    let sql = statement(
        &key::table(d.child)?,
        &column,
        &keys,
        &key::equals_keys("c", &d.child_key),
    );
    let arguments = arguments(&rows.keys, d.child_key.len());
    let before = MODE.with_borrow(Option::is_none);
    if before {
        MODE.replace(Some(Mode::Raise));
    }
    let changed = own::change(d.child, &sql, &arguments);
    if before {
        MODE.replace(None);
    }
    let changed = changed?;
    CHANGED.set(CHANGED.get() + changed);
    Ok(changed)
}

/// Refuses that a part of a source has been taken away whose rows others are derived from.
///
/// Error: WD042.
pub fn refuse_orphans(p: &Protection) -> Result<()> {
    let exists = |relation| catalog::relation_kind(relation).is_some();
    for d in &p.derivatives {
        if !exists(d.child) || !exists(d.parent) {
            continue;
        }
        let seen = match label_place(d.child)? {
            Some(place) => format!(
                "AND ({} OPERATOR(ward.@>) {}) IS NOT TRUE",
                columns::label("c", &place),
                quarantined()
            ),
            None => String::new(),
        };
        if !orphans(d, &seen)?.keys.is_empty() {
            return Err(in_use(d));
        }
    }
    Ok(())
}

fn in_use(d: &Derivation) -> WardError {
    let name = |relation| catalog::relation_name(relation).unwrap_or_default();
    WardError::new(
        Code::Derived,
        format!(
            "rows of \"{}\" are derived from the row of \"{}\"",
            name(d.child),
            name(d.parent)
        ),
    )
    .hint("Delete them first, or choose another on_delete with ward.derive().")
}

/// TRUNCATE: what becomes of rows whose sources are not there any more.
fn emptied(d: &Derivation) -> Result<()> {
    let rows = orphans(d, "")?;
    if rows.keys.is_empty() {
        return Ok(());
    }
    lost(d, &rows, d.on_delete)
}

/// The derived rows that name a row which is not there; `more` are further conditions on them.
fn orphans(d: &Derivation, more: &str) -> Result<Rows> {
    let table = key::table(d.child)?;
    let only = key::only(d.parent);
    let keys = key::texts("c", &d.child_key);
    let sql = if d.recorded {
        format!(
            "SELECT {keys} FROM {table} c JOIN ward_internal.lineage l
             ON l.output = {}::oid AND l.source = {}::oid AND l.output_key = {}
             WHERE NOT EXISTS (SELECT FROM {only} {} p WHERE {} = l.source_key) {more}",
            d.child.to_u32(),
            d.parent.to_u32(),
            key::object("c", &d.child_key),
            key::table(d.parent)?,
            key::object("p", &d.parent_key)
        )
    } else {
        format!(
            "SELECT DISTINCT {keys} FROM {table} c
             WHERE {} AND NOT EXISTS (SELECT FROM {only} {} p WHERE {}) {more}",
            key::named("c", &d.child_key),
            key::table(d.parent)?,
            key::pairs("c", &d.child_key, "p", &d.parent_key)
        )
    };
    own::query(&sql, &[], |found| {
        let keys = (0..found.count as usize).filter_map(|i| found.texts(i, 1));
        Ok(Rows {
            keys: keys.collect(),
        })
    })
}
