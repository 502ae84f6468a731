#![forbid(unsafe_code)]
//! The questions "what is it made of", "what was made from it" and "which of these may I still cite".
//!
//! They run with the rights and for the identity of the caller: who may not see a row does not learn
//! that something was made from it.

use super::record::{Place, is_visible, normalised};
use super::{define, key};
use crate::errors::{Code, Result, WardError};
use crate::pg::scalar::Scalar;
use crate::pg::{Datum, Oid, catalog, own, spi};
use crate::registry::{self, Derivation};
use crate::session;
use serde_json::Value;

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
    let (Some(relation), Ok(columns)) = (catalog::relation_named(name), key::columns_of(key))
    else {
        return Ok(false);
    };
    // Citations are often made up: a value that is none of the column's is no error.
    let fits = columns.iter().all(|name| {
        let text = key.get(name).map(key::value_text).unwrap_or_default();
        catalog::column(relation, name).is_some_and(|column| {
            Scalar::of(column.type_oid).is_some_and(|scalar| scalar.parse(&text).is_some())
        })
    });
    let has_rows = matches!(
        catalog::relation_kind(relation),
        Some(b'r' | b'p' | b'v' | b'f')
    );
    if !fits || !has_rows || !is_readable(relation)? {
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
    let primary = define::primary_key(other)?;
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
