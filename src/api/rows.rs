#![forbid(unsafe_code)]
//! Protecting relations, and the functions that ward's policies and plans call.

use super::label::LabelDatum;
use super::{Result, administering, preloaded};
use crate::errors::{self, Code, WardError};
use crate::pg::{Oid, arguments, catalog};
use crate::rows::{carrier, marker, protect as protecting};
use pgrx::prelude::*;
use pgrx::{JsonB, pg_sys};
use std::ffi::CStr;
use ward_core::Label;

/// Protects the rows of a table, its partitions and its inheritance children.
///
/// Each of `tenant`, `label`, `owner` and `acl` names a column, or is NULL if that dimension is not
/// used. `tenant`, `label` and `owner` may be `column->key`, a text under a key of a jsonb column. `tenant` and `owner` are smallint, integer, bigint, uuid, text or varchar; `label` is
/// ward.label; `acl` is an array of such values. Options (jsonb): `add_columns` (bool),
/// `tenant_type` (text), `default_label`, `label_existing` (labels), `shared_tenant` (text),
/// `audit_reads` (text), `audit_rows` (bool).
/// Calling it again replaces the definition. No row is rewritten unless `label_existing` is given.
/// Errors: WD035 (42P17) naming what is wrong; WD036 for an unknown option.
#[pg_extern(sql = "
CREATE FUNCTION ward.protect(
    relation regclass,
    tenant name DEFAULT 'tenant_id',
    label name DEFAULT 'label',
    owner name DEFAULT NULL,
    acl name DEFAULT NULL,
    options jsonb DEFAULT '{}'
) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', '@FUNCTION_NAME@';
")]
fn protect(
    relation: Option<pg_sys::Oid>,
    tenant: Option<&CStr>,
    label: Option<&CStr>,
    owner: Option<&CStr>,
    acl: Option<&CStr>,
    options: Option<JsonB>,
) -> Result<()> {
    administering()?;
    let text = |name: Option<&CStr>| name.map(|name| name.to_string_lossy().into_owned());
    let relation = required(relation)?;
    let columns = protecting::Columns::named(relation, &[tenant, label, owner, acl].map(text))?;
    let options = options.map_or_else(|| serde_json::json!({}), |options| options.0);
    Ok(protecting::protect(relation, &columns, &options)?)
}

/// Ends the protection of a table. `reason` is recorded.
///
/// Errors: WD036 without a reason; WD035 if the table is not protected.
#[pg_extern(sql = "
CREATE FUNCTION ward.unprotect(relation regclass, reason text) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', '@FUNCTION_NAME@';
")]
fn unprotect(relation: Option<pg_sys::Oid>, reason: Option<&str>) -> Result<()> {
    administering()?;
    Ok(protecting::unprotect(
        required(relation)?,
        reason.unwrap_or_default(),
    )?)
}

pub(super) fn required(relation: Option<Oid>) -> errors::Result<Oid> {
    relation.ok_or_else(|| WardError::new(Code::Argument, "the relation must not be NULL"))
}

/// In ward's catalog policies: may this session read a row with these protected values?
#[pg_extern(sql = "
CREATE FUNCTION ward.may_read(relation regclass, VARIADIC columns \"any\") RETURNS boolean
LANGUAGE c STABLE PARALLEL SAFE LEAKPROOF AS 'MODULE_PATHNAME', '@FUNCTION_NAME@';
")]
fn may_read(call: pg_sys::FunctionCallInfo) -> Result<bool> {
    Ok(decide(call, false)?)
}

/// In ward's catalog policies: may this session store or change a row with these values?
#[pg_extern(sql = "
CREATE FUNCTION ward.may_write(relation regclass, VARIADIC columns \"any\") RETURNS boolean
LANGUAGE c STABLE PARALLEL SAFE LEAKPROOF AS 'MODULE_PATHNAME', '@FUNCTION_NAME@';
")]
fn may_write(call: pg_sys::FunctionCallInfo) -> Result<bool> {
    Ok(decide(call, true)?)
}

fn decide(call: pg_sys::FunctionCallInfo, write: bool) -> errors::Result<bool> {
    preloaded()?;
    let (relation, row) = arguments::relation_and_texts(call);
    match relation {
        Some(relation) => marker::decide(relation, &row, write),
        None => Ok(false),
    }
}

/// In ward's permissive policy: true where the table has no permissive policy of its own, since
/// row security shows nothing without one; false where it has, so as not to widen it.
#[pg_extern(sql = "
CREATE FUNCTION ward.permit(relation regclass) RETURNS boolean
LANGUAGE c STABLE STRICT PARALLEL SAFE LEAKPROOF AS 'MODULE_PATHNAME', '@FUNCTION_NAME@';
")]
fn permit(relation: pg_sys::Oid) -> Result<bool> {
    preloaded()?;
    Ok(marker::permit(relation))
}

/// Raises the refusal of a written row; reached only by a row that is refused.
#[pg_extern(sql = "
CREATE FUNCTION ward_internal.deny(relation oid, dimension text) RETURNS boolean
LANGUAGE c VOLATILE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', '@FUNCTION_NAME@';
")]
fn deny(relation: pg_sys::Oid, dimension: &str) -> Result<bool> {
    let (code, what) = match dimension {
        "tenant" => (
            Code::Tenant,
            "its tenant is not one that this session may write",
        ),
        "watermark" => (
            Code::Label,
            "its label is lower than what this transaction was given to see",
        ),
        "label" => (
            Code::Label,
            "its label is not within this session's clearance",
        ),
        _ => (
            Code::DefaultDeny,
            "it would not belong to this session's subject",
        ),
    };
    Err(WardError::new(
        code,
        format!("row refused for \"{}\": {what}", name(relation)),
    )
    .into())
}

/// The new label, unless it would not dominate the old one: labels are not lowered by UPDATE.
#[pg_extern(sql = "
CREATE FUNCTION ward_internal.keep_label(old ward.label, new ward.label) RETURNS ward.label
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', '@FUNCTION_NAME@';
", requires = ["label"])]
fn keep_label(old: Option<LabelDatum>, new: Option<LabelDatum>) -> Result<Option<LabelDatum>> {
    let (Some(old), Some(new)) = (old, new) else {
        return Ok(new);
    };
    let (old, new): (Label, Label) = (old.into(), new.into());
    if new.dominates(old) {
        return Ok(Some(LabelDatum::from(new)));
    }
    Err(carrier::lowered().into())
}

fn name(relation: Oid) -> String {
    catalog::relation_name(relation).unwrap_or_else(|| String::from("the new table"))
}
