#![forbid(unsafe_code)]
//! Bringing the derived rows of one derivation in step.

use super::orphans::in_use;
use super::{CHANGED, Key, MODE, Mode};
use crate::errors::Result;
use crate::lineage::key;
use crate::pg::{Datum, Oid, own, spi};
use crate::registry::{self, Derivation, OnDelete, Place};
use crate::rows::columns;
use std::rc::Rc;
use ward_core::{Category, Label};

/// Sources of one derivation that changed in the same way.
pub(super) struct Group {
    pub(super) derivation: Rc<Derivation>,
    pub(super) deleted: bool,
    pub(super) keys: Vec<Key>,
}

/// Derived rows, by the values of the columns that they are found by.
#[derive(Default)]
pub(super) struct Rows {
    pub(super) keys: Vec<Key>,
}

impl Group {
    pub(super) fn follow(&self) -> Result<()> {
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
pub(super) fn lost(d: &Derivation, rows: &Rows, action: OnDelete) -> Result<()> {
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

pub(super) fn label_place(relation: Oid) -> Result<Option<Place>> {
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
