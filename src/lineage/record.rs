#![forbid(unsafe_code)]
//! Sources that are named row by row, and the questions "what is it made of" and "what was made
//! from it".
//!
//! What is asked about rows runs with the rights and for the identity of the caller: who may not see
//! a row does not learn that something was made from it.

use super::cascade::{self, Key, Mode, arguments};
use super::{define, key};
use crate::errors::{Code, Result, WardError};
use crate::pg::scalar::Scalar;
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
            let relation = find(name)?.ok_or_else(|| {
                WardError::new(
                    Code::Argument,
                    format!("relation \"{name}\" does not exist"),
                )
            })?;
            Ok(Place { relation, key })
        })
        .collect()
}

/// Looked up by ward, so that a name in a schema that the caller may not use is no error.
fn find(name: &str) -> Result<Option<Oid>> {
    spi::as_owner(|| spi::value::<Oid>("SELECT to_regclass($1)::oid", &[name.into()]))
}

/// The key as primary-key columns with the values that the table would print.
fn normalised(place: &Place) -> Result<Place> {
    let primary = spi::as_owner(|| define::primary_key(place.relation))?;
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
fn is_visible(place: &Place, lock: &str) -> Result<bool> {
    let columns = key::columns_of(&place.key)?;
    let sql = format!(
        "SELECT true FROM {} c WHERE {} {lock}",
        key::table(place.relation)?,
        key::equals_json(place.relation, "c", &columns)?
    );
    let found = spi::value::<bool>(&sql, &[pgrx::JsonB(place.key.clone()).into()])?;
    Ok(found == Some(true))
}

/// May the caller read this relation at all?
fn is_readable(relation: Oid) -> Result<bool> {
    let sql =
        "SELECT has_table_privilege(oid, 'SELECT') AND has_schema_privilege(relnamespace, 'USAGE')
               FROM pg_class WHERE oid = $1";
    Ok(spi::value::<bool>(sql, &[relation.into()])? == Some(true))
}

/// The entries of a list of citations whose rows the caller can see now, as they were given.
///
/// What names no relation, no row or no key is left out, too: a citation is shown only if it can be
/// followed. Errors: WD036 if it is no list; those of [`session::access`].
pub fn filter_citations(list: &Value) -> Result<Value> {
    let items = list.as_array().ok_or_else(|| {
        WardError::new(
            Code::Argument,
            "citations must be a jsonb list of relations and keys",
        )
    })?;
    session::access()?;
    let mut shown = Vec::new();
    for item in items {
        if is_shown(item)? {
            shown.push(item.clone());
        }
    }
    Ok(Value::Array(shown))
}

fn is_shown(item: &Value) -> Result<bool> {
    let (Some(name), Some(key)) = (
        item.get("relation").and_then(Value::as_str),
        item.get("key"),
    ) else {
        return Ok(false);
    };
    let (Some(relation), Ok(columns)) = (find(name)?, key::columns_of(key)) else {
        return Ok(false);
    };
    // Citations are often made up: a value that is none of the column's is no error.
    let fits = columns.iter().all(|name| {
        let text = key.get(name).map(key::value_text).unwrap_or_default();
        catalog::column(relation, name).is_some_and(|column| {
            Scalar::of(column.type_oid).is_none_or(|scalar| scalar.parse(&text).is_some())
        })
    });
    if !fits || !is_readable(relation)? {
        return Ok(false);
    }
    is_visible(
        &Place {
            relation,
            key: key.clone(),
        },
        "",
    )
}

/// One step of lineage.
pub struct Step {
    /// How many derivations lie between it and the row that was asked about.
    pub depth: i32,
    pub place: Place,
    /// The row on the other side of the last derivation.
    pub from: Place,
}

/// Everything made from a row (`up` false), or everything that it is made from (`up`), as far as the
/// caller may see it.
pub fn trace(start: &Place, up: bool) -> Result<Vec<Step>> {
    const MOST: usize = 100_000;
    let start = normalised(start)?;
    if !is_readable(start.relation)? || !is_visible(&start, "")? {
        return Ok(Vec::new());
    }
    let mut steps: Vec<Step> = Vec::new();
    let mut open = vec![(0, start)];
    while let Some((depth, place)) = open.pop() {
        for next in neighbours(&place, up)? {
            if steps
                .iter()
                .any(|step| step.place == next && step.from == place)
            {
                continue;
            }
            if steps.len() >= MOST {
                return Err(WardError::new(
                    Code::Limit,
                    "the lineage of this row has more than 100000 steps",
                ));
            }
            steps.push(Step {
                depth: depth + 1,
                place: next.clone(),
                from: place.clone(),
            });
            open.push((depth + 1, next));
        }
    }
    steps.sort_by_cached_key(|step| {
        let place = |place: &Place| (place.relation.to_u32(), place.key.to_string());
        (step.depth, place(&step.place), place(&step.from))
    });
    Ok(steps)
}

/// The rows one derivation away.
fn neighbours(place: &Place, up: bool) -> Result<Vec<Place>> {
    let Some(p) = registry::protection(place.relation)? else {
        return Ok(Vec::new());
    };
    let derivations = if up { &p.sources } else { &p.derivatives };
    let mut all = Vec::new();
    for d in derivations {
        let other = if up { d.parent } else { d.child };
        if !is_readable(other)? {
            continue;
        }
        if d.recorded {
            for key in recorded(d, place, up)? {
                let next = Place {
                    relation: other,
                    key,
                };
                if is_visible(&next, "")? {
                    all.push(next);
                }
            }
        } else {
            all.extend(joined(d, place, other, up)?);
        }
    }
    Ok(all)
}

fn recorded(d: &Derivation, place: &Place, up: bool) -> Result<Vec<Value>> {
    let (wanted, given) = if up {
        ("source_key", "output_key")
    } else {
        ("output_key", "source_key")
    };
    let sql = format!(
        "SELECT {wanted}::text FROM ward_internal.lineage
         WHERE output = $1 AND source = $2 AND {given} = $3 ORDER BY 1"
    );
    let arguments = [
        (own::REGCLASS, Datum::from(d.child)),
        (own::REGCLASS, Datum::from(d.parent)),
        (own::JSONB, own::json(&place.key)),
    ];
    own::query(&sql, &arguments, |rows| {
        let keys = (0..rows.count as usize).filter_map(|i| rows.text(i, 1));
        Ok(keys
            .filter_map(|key| serde_json::from_str(&key).ok())
            .collect())
    })
}

fn joined(d: &Derivation, place: &Place, other: Oid, up: bool) -> Result<Vec<Place>> {
    let (own_key, other_key) = if up {
        (&d.child_key, &d.parent_key)
    } else {
        (&d.parent_key, &d.child_key)
    };
    let primary = spi::as_owner(|| define::primary_key(other))?;
    let pairs = own_key.iter().zip(other_key).map(|(own, other)| {
        format!(
            "o.{} OPERATOR(pg_catalog.=) c.{}",
            spi::identifier(other),
            spi::identifier(own)
        )
    });
    let columns = key::columns_of(&place.key)?;
    let object = key::object("o", &primary);
    let sql = format!(
        "SELECT pg_catalog.jsonb_agg({object} ORDER BY {object}) FROM {} c JOIN {} o ON {} WHERE {}",
        key::table(place.relation)?,
        key::table(other)?,
        pairs.collect::<Vec<_>>().join(" AND "),
        key::equals_json(place.relation, "c", &columns)?
    );
    let keys = spi::value::<pgrx::JsonB>(&sql, &[pgrx::JsonB(place.key.clone()).into()])?;
    let keys = match keys {
        Some(pgrx::JsonB(Value::Array(keys))) => keys,
        _ => Vec::new(),
    };
    let place = |key| Place {
        relation: other,
        key,
    };
    Ok(keys.into_iter().map(place).collect())
}
