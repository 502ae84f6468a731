#![forbid(unsafe_code)]
//! The functions by which plans read and write values that live in a jsonb column.

use super::Result;
use super::flow;
use super::label::LabelDatum;
use crate::pg::document::Document;
use crate::rows::carrier;
use pgrx::pg_sys;
use pgrx::prelude::*;

/// The label that this text is; NULL if it is none, so that nobody with a token sees the row.
///
/// It knows no names of custom categories (they can be defined later, and this is immutable):
/// what ward stores is canonical and has none.
#[pg_extern(sql = "
CREATE FUNCTION ward_internal.carried_label(value text) RETURNS ward.label
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', '@FUNCTION_NAME@';
", requires = ["label"])]
fn carried_label(value: &str) -> Option<LabelDatum> {
    carrier::label(value).map(LabelDatum::from)
}

/// The document with `value` under `key`, unless it has a value there. NULL is an empty object.
#[pg_extern(sql = "
CREATE FUNCTION ward_internal.carried_fill(document jsonb, key text, value text) RETURNS jsonb
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', '@FUNCTION_NAME@';
")]
fn carried_fill(document: Option<Document>, key: &str, value: &str) -> Result<Document> {
    Ok(carrier::filled(document, key, value)?)
}

/// The same for a label. One that is there becomes canonical. Error: WD037.
#[pg_extern(sql = "
CREATE FUNCTION ward_internal.carried_fill_label(document jsonb, key text, value ward.label) RETURNS jsonb
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', '@FUNCTION_NAME@';
", requires = ["label"])]
fn carried_fill_label(
    document: Option<Document>,
    key: &str,
    value: LabelDatum,
) -> Result<Document> {
    Ok(carrier::filled_label(document, key, value.into())?)
}

/// The new document with the old one's value under `key`, unless it has a value there.
#[pg_extern(sql = "
CREATE FUNCTION ward_internal.carried_keep(new jsonb, old jsonb, key text) RETURNS jsonb
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', '@FUNCTION_NAME@';
")]
fn carried_keep(new: Option<Document>, old: Option<Document>, key: &str) -> Result<Document> {
    Ok(carrier::kept(new, old, key)?)
}

/// The same for a label, which must dominate the old one. Errors: WD030, WD037.
#[pg_extern(sql = "
CREATE FUNCTION ward_internal.carried_keep_label(new jsonb, old jsonb, key text) RETURNS jsonb
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', '@FUNCTION_NAME@';
")]
fn carried_keep_label(new: Option<Document>, old: Option<Document>, key: &str) -> Result<Document> {
    Ok(carrier::kept_label(new, old, key)?)
}

/// The same in ON CONFLICT DO UPDATE, where the new label may be one that was filled in: it is
/// raised to dominate the old one. Error: WD037.
#[pg_extern(sql = "
CREATE FUNCTION ward_internal.carried_raise_label(new jsonb, old jsonb, key text) RETURNS jsonb
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', '@FUNCTION_NAME@';
")]
fn carried_raise_label(
    new: Option<Document>,
    old: Option<Document>,
    key: &str,
) -> Result<Document> {
    Ok(carrier::raised_label(new, old, key)?)
}

/// The document with its label raised to `floor`, what the row came from; NULL is nothing. A document
/// without label gets that one. Error: WD037.
#[pg_extern(sql = "
CREATE FUNCTION ward_internal.carried_raise(document jsonb, key text, floor ward.label) RETURNS jsonb
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', '@FUNCTION_NAME@';
", requires = ["label"])]
fn carried_raise(
    document: Option<Document>,
    key: &str,
    floor: Option<LabelDatum>,
) -> Result<Option<Document>> {
    match floor {
        None => Ok(document),
        Some(floor) => {
            let filled = carrier::filled_label(document, key, floor.into())?;
            Ok(Some(carrier::raised_to(filled, key, floor.into())?))
        }
    }
}

/// The document, if the row came from no other tenant than the one under `key`; raises the refusal
/// (WD014) otherwise.
#[pg_extern(sql = "
CREATE FUNCTION ward_internal.carried_only_tenant(relation oid, document jsonb, key text, carried text[]) RETURNS jsonb
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', '@FUNCTION_NAME@';
")]
fn carried_only_tenant(
    relation: pg_sys::Oid,
    document: Option<Document>,
    key: &str,
    carried: Option<Vec<String>>,
) -> Result<Option<Document>> {
    let tenant = document.and_then(|document| document.text(key));
    flow::refuse_others(
        relation,
        tenant.as_deref(),
        carried.as_deref().unwrap_or_default(),
    )?;
    Ok(document)
}
