#![forbid(unsafe_code)]
//! Keys in ward's own statements. Names are quoted; values are always parameters.

use crate::errors::{Code, Result, WardError};
use crate::pg::expr::Column;
use crate::pg::{Oid, catalog, spi};
use crate::registry::{self, Content, Place};
use serde_json::{Map, Value};
use ward_core::Label;

/// The quoted name of a relation.
pub fn table(relation: Oid) -> Result<String> {
    catalog::qualified_name(relation).ok_or_else(|| {
        WardError::new(
            Code::Registry,
            "a relation that a derivation names does not exist",
        )
    })
}

/// Can keys of these types be compared? Only core's own: what ward's statements compute with runs with
/// ward's rights, and a type of somebody's own could run its maker's code.
pub fn comparable(a: Oid, b: Oid) -> bool {
    const INTEGERS: [u32; 3] = [21, 23, 20];
    const TEXTS: [u32; 2] = [25, 1043];
    const OTHERS: [u32; 5] = [2950, 1082, 1114, 1184, 1700];
    let (a, b) = (a.to_u32(), b.to_u32());
    let both = |family: &[u32]| family.contains(&a) && family.contains(&b);
    both(&INTEGERS) || both(&TEXTS) || (a == b && OTHERS.contains(&a))
}

/// Refuses a key of other types than those.
///
/// Error: WD035.
pub fn refuse_unfit(relation: Oid, columns: &[String]) -> Result<()> {
    for name in columns {
        let fits = column(relation, name)?
            .is_some_and(|column| comparable(column.type_oid, column.type_oid));
        if !fits {
            return Err(WardError::new(
                Code::Definition,
                format!(
                    "key column \"{name}\" of {} is of a type that cannot be a key",
                    table(relation)?
                ),
            )
            .hint("Keys are integers, uuid, text, varchar, date, timestamp or numeric."));
        }
    }
    Ok(())
}

/// Refuses a table whose indexes, statistics or constraints call functions or operators of other roles
/// than superusers: planning a look-up in it would run them with ward's rights. (For a
/// protected table only administrators add any.)
///
/// Error: WD035.
pub fn refuse_foreign_code(relation: Oid) -> Result<()> {
    let called = spi::value::<String>(
        "WITH RECURSIVE part(oid) AS (
             SELECT $1::oid UNION SELECT i.inhrelid FROM pg_inherits i JOIN part p ON p.oid = i.inhparent
         ), object(class, oid) AS (
             SELECT 'pg_class'::regclass::oid, i.indexrelid FROM pg_index i JOIN part p ON p.oid = i.indrelid
             UNION ALL SELECT 'pg_constraint'::regclass, c.oid FROM pg_constraint c JOIN part p ON p.oid = c.conrelid
             UNION ALL SELECT 'pg_statistic_ext'::regclass, s.oid FROM pg_statistic_ext s JOIN part p ON p.oid = s.stxrelid
             UNION ALL SELECT 'pg_class'::regclass, p.oid FROM part p
         ), called AS (
             SELECT f.oid, f.proowner FROM object o
             JOIN pg_depend d ON d.classid = o.class AND d.objid = o.oid AND d.refclassid = 'pg_proc'::regclass
             JOIN pg_proc f ON f.oid = d.refobjid
             UNION
             SELECT f.oid, f.proowner FROM object o
             JOIN pg_depend d ON d.classid = o.class AND d.objid = o.oid AND d.refclassid = 'pg_operator'::regclass
             JOIN pg_operator op ON op.oid = d.refobjid
             JOIN pg_proc f ON f.oid = op.oprcode
         )
         SELECT c.oid::regprocedure::text FROM called c JOIN pg_roles r ON r.oid = c.proowner
         WHERE NOT r.rolsuper LIMIT 1",
        &[relation.into()],
    )?;
    match called {
        None => Ok(()),
        Some(function) => Err(WardError::new(
            Code::Definition,
            format!("{} has an index, statistics or a constraint that calls {function}", table(relation)?),
        )
        .hint("Ward's look-ups would run it with ward's rights: let a superuser own it, or do without.")),
    }
}

/// `ONLY`, unless the rows are in partitions. (Keys are unique in a table, not among its children.)
pub fn only(relation: Oid) -> &'static str {
    match catalog::relation_kind(relation) {
        Some(b'p') => "",
        _ => "ONLY",
    }
}

/// How a key column of row `alias` is read: `t.a`, or `(t.a ->> 'key')` for a value in a document.
pub fn reference(alias: &str, name: &str) -> String {
    let place = Place::of_key(name);
    let column = spi::identifier(&place.column);
    match &place.key {
        Some(key) => format!(
            "({alias}.{column} OPERATOR(pg_catalog.->>) {})",
            spi::literal(key)
        ),
        None => format!("{alias}.{column}"),
    }
}

/// `ARRAY[t.a::text, t.b::text]`
pub fn texts(alias: &str, columns: &[String]) -> String {
    let columns = columns
        .iter()
        .map(|name| format!("{}::pg_catalog.text", reference(alias, name)));
    format!("ARRAY[{}]", columns.collect::<Vec<_>>().join(", "))
}

/// `jsonb_build_object('a', t.a, 'b', t.b)`
pub fn object(alias: &str, columns: &[String]) -> String {
    object_of(columns, |_, name| reference(alias, name))
}

/// `jsonb_build_object('a', $1, 'b', $2)`
pub fn parameters_object(columns: &[String]) -> String {
    object_of(columns, |i, _| format!("${}", i + 1))
}

/// `jsonb_build_object('a', k.k1, 'b', k.k2)`
pub fn object_of_keys(columns: &[String]) -> String {
    object_of(columns, |i, _| format!("k.k{}", i + 1))
}

fn object_of(columns: &[String], value: impl Fn(usize, &String) -> String) -> String {
    let pairs = columns
        .iter()
        .enumerate()
        .map(|(i, name)| format!("{}, {}", spi::literal(name), value(i, name)));
    format!(
        "pg_catalog.jsonb_build_object({})",
        pairs.collect::<Vec<_>>().join(", ")
    )
}

/// `t.a = $1 AND t.b = $2`
pub fn equals_parameters(alias: &str, columns: &[String]) -> String {
    conjunction(columns, |i, name| {
        format!(
            "{} OPERATOR(pg_catalog.=) ${}",
            reference(alias, name),
            i + 1
        )
    })
}

/// `t.a = k.k1 AND t.b = k.k2`
pub fn equals_keys(alias: &str, columns: &[String]) -> String {
    conjunction(columns, |i, name| {
        format!(
            "{} OPERATOR(pg_catalog.=) k.k{}",
            reference(alias, name),
            i + 1
        )
    })
}

/// The condition that finds the row of a key given as jsonb, as parameter `$1`.
pub fn equals_json(relation: Oid, alias: &str, columns: &[String]) -> Result<String> {
    let types = types(relation, columns)?;
    Ok(conjunction(columns, |i, name| {
        let of_type = types.get(i).map_or("", String::as_str);
        format!(
            "{} OPERATOR(pg_catalog.=) ($1 OPERATOR(pg_catalog.->>) {})::{of_type}",
            reference(alias, name),
            spi::literal(name)
        )
    }))
}

fn conjunction(columns: &[String], term: impl Fn(usize, &str) -> String) -> String {
    let terms = columns.iter().enumerate().map(|(i, name)| term(i, name));
    terms.collect::<Vec<_>>().join(" AND ")
}

/// `(SELECT DISTINCT … FROM ROWS FROM (unnest($1), unnest($2))) k` with columns `k1`, `k2`: the values of text arrays under the types of these columns.
///
/// `first` is the number of the first parameter.
pub fn unnest(relation: Oid, columns: &[String], first: usize) -> Result<String> {
    let types = types(relation, columns)?;
    let list = |f: &dyn Fn(usize) -> String| {
        let items: Vec<String> = (0..columns.len()).map(f).collect();
        items.join(", ")
    };
    let parameters = list(&|i| format!("pg_catalog.unnest(${}::pg_catalog.text[])", first + i));
    let names = list(&|i| format!("t{i}"));
    let values = list(&|i| {
        format!(
            "t{i}::{} AS k{}",
            types.get(i).map_or("", String::as_str),
            i + 1
        )
    });
    Ok(format!(
        "(SELECT DISTINCT {values} FROM ROWS FROM ({parameters}) AS u({names})) k"
    ))
}

/// The key column of this name in `relation`.
pub fn column(relation: Oid, name: &str) -> Result<Option<Column>> {
    Place::of_key(name).find(relation, Content::Claim)
}

/// `t.a IS NOT NULL AND t.b IS NOT NULL`: does the row name a source?
pub fn named(alias: &str, columns: &[String]) -> String {
    conjunction(columns, |_, name| {
        format!("{} IS NOT NULL", reference(alias, name))
    })
}

/// `c.a = p.x AND c.b = p.y`
pub fn pairs(alias: &str, columns: &[String], other: &str, others: &[String]) -> String {
    conjunction(columns, |i, name| {
        let theirs = others.get(i).map_or("", String::as_str);
        format!(
            "{} OPERATOR(pg_catalog.=) {}",
            reference(alias, name),
            reference(other, theirs)
        )
    })
}

/// The names of the columns' types.
fn types(relation: Oid, columns: &[String]) -> Result<Vec<String>> {
    let found = columns.iter().map(|name| {
        column(relation, name)?
            .map(|column| catalog::type_name(column.type_oid))
            .ok_or_else(|| {
                WardError::new(
                    Code::Registry,
                    format!("key column \"{name}\" of a derivation is missing"),
                )
            })
    });
    found.collect()
}

/// The columns that a key in jsonb names, sorted.
///
/// Error: WD036 if it is no object with at least one column.
pub fn columns_of(key: &Value) -> Result<Vec<String>> {
    let names: Vec<String> = key
        .as_object()
        .map(Map::keys)
        .into_iter()
        .flatten()
        .cloned()
        .collect();
    if names.is_empty() {
        return Err(WardError::new(
            Code::Argument,
            "a key must be a jsonb object of column names and values",
        )
        .hint("For example {\"id\": 7}."));
    }
    Ok(names)
}

/// The label that a column's text stands for.
pub fn label(text: &str) -> Result<Label> {
    Label::parse(text, &registry::category)
        .map_err(|error| WardError::new(Code::LabelText, error.to_string()))
}

/// The text that a value in a key stands for, as `->>` gives it.
pub fn value_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
