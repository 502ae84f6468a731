#![forbid(unsafe_code)]
//! What rewritten statements call to tell the audit which rows a search has found.

use super::{Result, called, preloaded};
use crate::audit::{kept, statement};
use crate::pg::trigger::Answer;
use crate::pg::{arguments, catalog};
use crate::registry;
use crate::rows::changes;
use pgrx::pg_sys;
use pgrx::prelude::*;
use serde_json::{Map, Value};
use ward_core::Label;

/// Notes the key of a row that a search puts out: the names of relation and key columns, the row's label, and
/// the values of the key. Always true.
#[pg_extern(sql = r#"
CREATE FUNCTION ward_internal.audit_found(names text[], label ward.label, VARIADIC key "any") RETURNS boolean
LANGUAGE c VOLATILE PARALLEL RESTRICTED COST 2 AS 'MODULE_PATHNAME', '@FUNCTION_NAME@';
"#, requires = ["label"])]
fn audit_found(call: pg_sys::FunctionCallInfo) -> bool {
    let mut texts = arguments::texts(call)
        .into_iter()
        .map(Option::unwrap_or_default);
    let mut names = texts.next().unwrap_or_default().into_iter().flatten();
    let label = texts
        .next()
        .and_then(|text| text.into_iter().next().flatten());
    let relation = names.next().unwrap_or_default();
    let values = texts.map(|value| {
        value
            .into_iter()
            .next()
            .flatten()
            .map_or(Value::Null, Value::from)
    });
    let key: Map<String, Value> = names.zip(values).collect();
    // No label, or one of a category that is gone: the highest.
    let label = label.and_then(|text| Label::parse(&text, &registry::category).ok());
    let mut found = Map::new();
    found.insert(relation, Value::Object(key));
    statement::add_key(
        Value::Object(found).to_string(),
        label.unwrap_or(Label::TOP),
    );
    true
}

/// Records a changed row of a relation protected with the option `audit_rows`; a trigger of ward's own.
#[pg_extern(sql = "
CREATE FUNCTION ward_internal.audit_row() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', '@FUNCTION_NAME@';
")]
fn audit_row(call: pg_sys::FunctionCallInfo) -> Result<Answer> {
    preloaded()?;
    changes::changed(called(call)?)?;
    Ok(Answer::NONE)
}

/// Records a change of the registry; a trigger of ward's own.
#[pg_extern(sql = "
CREATE FUNCTION ward_internal.audit_policy() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', '@FUNCTION_NAME@';
")]
fn audit_policy(call: pg_sys::FunctionCallInfo) -> Result<Answer> {
    // Without the library nothing is recorded, and a dump must still be restored.
    if preloaded().is_ok() {
        changes::policy_changed(called(call)?)?;
    }
    Ok(Answer::NONE)
}

/// Refuses to change a row of the audit's own tables, to everybody; a trigger of ward's own. (The projector
/// stores its rows without.) Error: WD032.
#[pg_extern(sql = "
CREATE FUNCTION ward_internal.audit_keep() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', '@FUNCTION_NAME@';
")]
fn audit_keep(call: pg_sys::FunctionCallInfo) -> Result<Answer> {
    let table = catalog::qualified_name(called(call)?.relation());
    Err(kept::refusal(&table.unwrap_or_default()).into())
}
