#![forbid(unsafe_code)]
//! What rewritten statements call to tell the audit which rows a search has found.

use crate::audit::statement;
use crate::pg::arguments;
use crate::registry;
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
