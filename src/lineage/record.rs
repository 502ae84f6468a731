#![forbid(unsafe_code)]
//! Sources that are named row by row.

use super::cascade::{self, Key, Mode, arguments};
use super::{define, key};
use crate::errors::{Code, Result, WardError};
use crate::pg::{Datum, Oid, catalog, own, spi};
use crate::registry::{self, Derivation, Protection};
use crate::session::{self, Access};
use serde_json::Value;
use std::rc::Rc;

/// A row, by its relation and its key.
#[derive(Clone, PartialEq)]
pub struct Place {
    pub relation: Oid,
    pub key: Value,
}

/// Records which rows an output was made from, and gives it the join of their labels.
///
/// Errors: WD036 for what is not a list of `{"relation", "key"}`; WD035 for a relation that was not
/// declared as a source; WD041 for a source that the caller cannot see, or an output that it cannot
/// change.
pub fn record(output: Oid, output_key: &Value, sources: &Value) -> Result<()> {
    let table = key::table(output)?;
    let p = registry::protection(output)?
        .filter(|p| p.root == output && p.is_recorded())
        .ok_or_else(|| undeclared(&table, "has no recorded sources"))?;
    let output = normalised(&Place {
        relation: output,
        key: output_key.clone(),
    })?;
    if !is_visible(&output, "FOR UPDATE")? {
        return Err(WardError::new(
            Code::Source,
            format!("no row of {table} that this session may change has this key"),
        ));
    }
    for place in places(sources)? {
        let name = key::table(place.relation)?;
        let declared = |d: &&Rc<Derivation>| d.recorded && d.parent == place.relation;
        if !p.sources.iter().any(|d| declared(&d)) {
            return Err(undeclared(
                &table,
                &format!("is not declared to be made from {name}"),
            ));
        }
        let source = normalised(&place)?;
        if !is_visible(&source, "FOR SHARE")? {
            return Err(WardError::new(
                Code::Source,
                format!("no row of {name} that this session may read has this key"),
            ));
        }
        own::query(
            "INSERT INTO ward_internal.lineage (output, output_key, source, source_key, recorded_by)
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
            &[
                (own::REGCLASS, Datum::from(output.relation)),
                (own::JSONB, own::json(&output.key)),
                (own::REGCLASS, Datum::from(source.relation)),
                (own::JSONB, own::json(&source.key)),
                (own::TEXT, own::text(&who()?)),
            ],
            |_| Ok(()),
        )?;
    }
    super::source::forget();
    settle(&p, &output)
}

/// Who records: the subject of the token, or the administrator's role.
fn who() -> Result<String> {
    Ok(match session::access()? {
        Access::Bound(identity) => identity.principal().subject.clone(),
        Access::Maintenance => catalog::role_name(catalog::session_roles().0),
    })
}

fn settle(p: &Protection, output: &Place) -> Result<()> {
    let columns = key::columns_of(&output.key)?;
    let column = match &p.label {
        Some(label) => spi::identifier(&label.name),
        None => spi::identifier(columns.first().map_or("", String::as_str)),
    };
    let sql = format!(
        "UPDATE {} c SET {column} = c.{column} WHERE {}",
        key::table(output.relation)?,
        key::equals_json(output.relation, "c", &columns)?
    );
    let arguments = [(own::JSONB, own::json(&output.key))];
    cascade::in_mode(Mode::Raise, || {
        own::change(output.relation, &sql, &arguments).map(|_| ())
    })
    .map(|_| ())
}

fn undeclared(table: &str, what: &str) -> WardError {
    WardError::new(Code::Definition, format!("table {table} {what}"))
        .hint("An administrator declares it: ward.derive(output, source) without keys.")
}

/// A deleted output takes its record with it: another row may get its key.
pub fn forget_output(d: &Derivation, key: Key) -> Result<()> {
    let keys = key::unnest(d.child, &d.child_key, 1)?;
    let sql = format!(
        "DELETE FROM ward_internal.lineage l USING {keys}
         WHERE l.output = {}::oid AND l.output_key = {}",
        d.child.to_u32(),
        key::object_of_keys(&d.child_key)
    );
    own::query(&sql, &arguments(&[key], d.child_key.len()), |_| Ok(()))
}

/// TRUNCATE: the records of outputs that are gone.
pub fn forget_outputs(p: &Protection) -> Result<()> {
    let Some(d) = p.sources.iter().find(|d| d.recorded) else {
        return Ok(());
    };
    let sql = format!(
        "DELETE FROM ward_internal.lineage l WHERE l.output = {}::oid
         AND NOT EXISTS (SELECT FROM {} c WHERE {} = l.output_key)",
        d.child.to_u32(),
        key::table(d.child)?,
        key::object("c", &d.child_key)
    );
    own::query(&sql, &[], |_| Ok(()))
}

/// Outputs that got another key keep their records. All are taken away before any is written: keys
/// may have been exchanged.
pub fn move_outputs(moved: &[(Rc<Derivation>, Key, Key)]) -> Result<()> {
    if moved.is_empty() {
        return Ok(());
    }
    let mut taken: Vec<(&Derivation, &Key, Vec<Option<String>>)> = Vec::new();
    for (d, old, new) in moved {
        let keys = key::unnest(d.child, &d.child_key, 1)?;
        let sql = format!(
            "DELETE FROM ward_internal.lineage l USING {keys}
             WHERE l.output = {}::oid AND l.output_key = {}
             RETURNING ARRAY[l.source::oid::text, l.source_key::text, l.recorded_by]",
            d.child.to_u32(),
            key::object_of_keys(&d.child_key)
        );
        own::query(
            &sql,
            &arguments(std::slice::from_ref(old), old.len()),
            |rows| {
                let records = (0..rows.count as usize).filter_map(|i| rows.texts(i, 1));
                taken.extend(records.map(|record| (&**d, new, record)));
                Ok(())
            },
        )?;
    }
    for (d, new, record) in taken {
        let keys = key::unnest(d.child, &d.child_key, 2)?;
        let sql = format!(
            "INSERT INTO ward_internal.lineage (output, output_key, source, source_key, recorded_by)
             SELECT {}::oid, {}, ($1)[1]::oid, ($1)[2]::jsonb, ($1)[3] FROM {keys}
             ON CONFLICT DO NOTHING",
            d.child.to_u32(),
            key::object_of_keys(&d.child_key)
        );
        let mut values = vec![(own::TEXT_ARRAY, own::texts(record))];
        values.extend(arguments(std::slice::from_ref(new), new.len()));
        own::query(&sql, &values, |_| Ok(()))?;
    }
    super::source::forget();
    Ok(())
}

/// The relations and keys of a list such as `[{"relation": "documents", "key": {"id": 7}}]`.
///
/// Error: WD036.
fn places(list: &Value) -> Result<Vec<Place>> {
    let bad = || {
        WardError::new(
            Code::Argument,
            "sources must be a jsonb list of relations and keys",
        )
        .hint("For example [{\"relation\": \"documents\", \"key\": {\"id\": 7}}].")
    };
    let items = list.as_array().ok_or_else(bad)?;
    items
        .iter()
        .map(|item| {
            let name = item
                .get("relation")
                .and_then(Value::as_str)
                .ok_or_else(bad)?;
            let key = item.get("key").cloned().ok_or_else(bad)?;
            key::columns_of(&key)?;
            let relation = catalog::relation_named(name).ok_or_else(|| {
                WardError::new(
                    Code::Argument,
                    format!("relation \"{name}\" does not exist"),
                )
            })?;
            Ok(Place { relation, key })
        })
        .collect()
}

/// The key as primary-key columns with the values that the table would print.
pub(super) fn normalised(place: &Place) -> Result<Place> {
    let primary = define::primary_key(place.relation)?;
    let mut named = key::columns_of(&place.key)?;
    named.sort();
    let mut wanted = primary.clone();
    wanted.sort();
    if named != wanted {
        return Err(WardError::new(
            Code::Argument,
            format!(
                "a row of {} is named by its primary key",
                key::table(place.relation)?
            ),
        )
        .hint(format!(
            "The key must be an object of {}.",
            primary.join(", ")
        )));
    }
    let fields = primary.iter().map(|name| {
        let column = catalog::column(place.relation, name);
        let of_type = column
            .map(|column| catalog::type_name(column.type_oid))
            .unwrap_or_default();
        let name = spi::literal(name);
        format!("{name}, ($1 ->> {name})::{of_type}")
    });
    let sql = format!(
        "SELECT jsonb_build_object({})",
        fields.collect::<Vec<_>>().join(", ")
    );
    let key = spi::value::<pgrx::JsonB>(&sql, &[pgrx::JsonB(place.key.clone()).into()])?;
    Ok(Place {
        relation: place.relation,
        key: key.map(|key| key.0).unwrap_or_default(),
    })
}

/// Can the caller see this row now, under its own rights and identity?
pub(super) fn is_visible(place: &Place, lock: &str) -> Result<bool> {
    let columns = key::columns_of(&place.key)?;
    let sql = format!(
        "SELECT true FROM {} c WHERE {} {lock}",
        key::table(place.relation)?,
        key::equals_json(place.relation, "c", &columns)?
    );
    let found = spi::value::<bool>(&sql, &[pgrx::JsonB(place.key.clone()).into()])?;
    Ok(found == Some(true))
}
