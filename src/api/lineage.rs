#![forbid(unsafe_code)]
//! Derived rows: declaring them, their triggers, and what is asked and done about lineage.

use super::label::LabelDatum;
use super::rows::required;
use super::{Result, administering, called, preloaded};
use crate::errors::{self, Code, WardError};
use crate::lineage::{backfill, cascade, define, record, row, steward, trace};
use crate::pg::arguments;
use crate::pg::trigger::Answer;
use pgrx::prelude::*;
use pgrx::{JsonB, pg_sys};

/// Declares that rows of `child` are made from rows of `parent` (chunks from documents, embeddings
/// from chunks).
///
/// From then on every row of the child has the tenant, owner and acl of its source, and a label that
/// dominates the source's, however it is written. `child_key` are the child's columns that equal
/// `parent_key` of the parent, which must be unique; without both, sources are named row by row with
/// `ward.record_lineage`. `on_delete` says what becomes of derived rows when a source is deleted:
/// `delete`, `refuse` or `quarantine` (they stay, hidden from everybody). A child that is not
/// protected yet is protected by columns of the same names as its source's. Options (jsonb):
/// `add_columns` (bool) adds those that it lacks; `existing` is `now` or `later` (`CALL
/// ward.backfill`); `orphans` is `refuse`, `delete` or `quarantine`, for existing rows whose source
/// is gone. Errors: WD035 (42P17) naming what is wrong; WD036 for a bad argument; WD041 for orphans.
#[pg_extern(sql = "
CREATE FUNCTION ward.derive(
    child regclass,
    parent regclass,
    child_key name[] DEFAULT '{}',
    parent_key name[] DEFAULT '{}',
    on_delete text DEFAULT 'delete',
    options jsonb DEFAULT '{}'
) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', '@FUNCTION_NAME@';
")]
fn derive(call: pg_sys::FunctionCallInfo) -> Result<()> {
    administering()?;
    let (child, rest) = arguments::relation_and_texts(call);
    let mut rest = rest.into_iter();
    let mut next = || -> Vec<String> {
        let texts = rest.next().flatten().unwrap_or_default();
        texts.into_iter().flatten().collect()
    };
    let _parent = next();
    let (child_key, parent_key) = (next(), next());
    let (on_delete, options) = (next(), next());
    let text = |texts: Vec<String>| texts.into_iter().next().unwrap_or_default();
    let options = serde_json::from_str(&text(options)).unwrap_or_else(|_| serde_json::json!({}));
    Ok(define::derive(&define::Wanted {
        child: required(child)?,
        parent: required(arguments::oid(call, 1))?,
        child_key,
        parent_key,
        on_delete: &text(on_delete),
        options: &options,
    })?)
}

/// Ends all derivations of `child` from `parent`. Labels stay as they are; `reason` is recorded.
///
/// Errors: WD036 without a reason; WD035 if there is no such derivation.
#[pg_extern(sql = "
CREATE FUNCTION ward.underive(child regclass, parent regclass, reason text) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', '@FUNCTION_NAME@';
")]
fn underive(
    child: Option<pg_sys::Oid>,
    parent: Option<pg_sys::Oid>,
    reason: Option<&str>,
) -> Result<()> {
    administering()?;
    let (child, parent) = (required(child)?, required(parent)?);
    Ok(define::underive(child, parent, reason.unwrap_or_default())?)
}

/// Looks at the next pages of rows from before a derivation; false when all are done. `CALL
/// ward.backfill` does this until then, a transaction each.
///
/// Errors: WD036 for less than one page; WD035 if the table derives from no other.
#[pg_extern(sql = "
CREATE FUNCTION ward.backfill_step(child regclass, pages integer) RETURNS boolean
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', '@FUNCTION_NAME@';
")]
fn backfill_step(child: Option<pg_sys::Oid>, pages: Option<i32>) -> Result<bool> {
    administering()?;
    Ok(backfill::step(required(child)?, pages.unwrap_or_default())?)
}

/// Gives a derived row what its sources have; a trigger of ward's own.
#[pg_extern(sql = "
CREATE FUNCTION ward_internal.derive_row() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', '@FUNCTION_NAME@';
")]
fn derive_row(call: pg_sys::FunctionCallInfo) -> Result<Answer> {
    preloaded()?;
    Ok(row::derive(called(call)?)?)
}

/// Notes that a source has changed or is gone; a trigger of ward's own.
#[pg_extern(sql = "
CREATE FUNCTION ward_internal.derive_source() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', '@FUNCTION_NAME@';
")]
fn derive_source(call: pg_sys::FunctionCallInfo) -> Result<Answer> {
    preloaded()?;
    cascade::note(called(call)?)?;
    Ok(Answer::NONE)
}

/// Gives a row a lower label, and with it those rows derived from it that carry exactly what they
/// inherited; rows with a label of their own above that keep it. The number of rows whose
/// label changed.
///
/// `key` names the row: {"id": 7}. `reason` is recorded. Errors: WD030 if the label is not lower, or
/// lower than the row's own sources; WD036 without a reason, or if the key names no row or several.
#[pg_extern(sql = "
CREATE FUNCTION ward.declassify(relation regclass, key jsonb, label ward.label, reason text) RETURNS bigint
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', '@FUNCTION_NAME@';
", requires = ["label"])]
fn declassify(
    relation: Option<pg_sys::Oid>,
    key: Option<JsonB>,
    label: Option<LabelDatum>,
    reason: Option<&str>,
) -> Result<i64> {
    administering()?;
    let Some(label) = label else {
        return Err(WardError::new(Code::Argument, "the label must not be NULL").into());
    };
    let (relation, key) = (required(relation)?, required_key(key)?);
    let count = steward::declassify(relation, &key, label.into(), reason.unwrap_or_default())?;
    Ok(count as i64)
}

/// Hides a row and everything derived from it from every session with a token, until `ward.release`.
/// The number of rows whose label changed.
///
/// Errors: WD036 without a reason, or if the key names no row or several.
#[pg_extern(sql = "
CREATE FUNCTION ward.quarantine(relation regclass, key jsonb, reason text) RETURNS bigint
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', '@FUNCTION_NAME@';
")]
fn quarantine(
    relation: Option<pg_sys::Oid>,
    key: Option<JsonB>,
    reason: Option<&str>,
) -> Result<i64> {
    administering()?;
    let (relation, key) = (required(relation)?, required_key(key)?);
    Ok(steward::quarantine(relation, &key, reason.unwrap_or_default())? as i64)
}

/// Takes a row, and what is hidden because of it alone, out of quarantine. The number of rows
/// whose label changed.
///
/// Errors: WD036 if it is not in quarantine; WD030 if it is made from something that is.
#[pg_extern(sql = "
CREATE FUNCTION ward.release(relation regclass, key jsonb, reason text) RETURNS bigint
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', '@FUNCTION_NAME@';
")]
fn release(relation: Option<pg_sys::Oid>, key: Option<JsonB>, reason: Option<&str>) -> Result<i64> {
    administering()?;
    let (relation, key) = (required(relation)?, required_key(key)?);
    Ok(steward::release(relation, &key, reason.unwrap_or_default())? as i64)
}

fn required_key(key: Option<JsonB>) -> errors::Result<serde_json::Value> {
    key.map(|key| key.0)
        .ok_or_else(|| WardError::new(Code::Argument, "the key must not be NULL"))
}

/// Records which rows an output (an answer, a summary) was made from, and raises its label to the
/// join of theirs.
///
/// `sources` is a list: [{"relation": "chunks", "key": {"id": 7}}]. The caller must be able to change
/// the output and to read the sources; `ward.derive(output, source)` without keys has declared them.
/// Errors: WD035 for a relation that was not declared; WD036 for a bad list or key; WD041 for a row
/// that the caller cannot see.
#[pg_extern(sql = "
CREATE FUNCTION ward.record_lineage(output regclass, output_key jsonb, sources jsonb) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', '@FUNCTION_NAME@';
")]
fn record_lineage(
    output: Option<pg_sys::Oid>,
    output_key: Option<JsonB>,
    sources: Option<JsonB>,
) -> Result<()> {
    preloaded()?;
    let (output, key) = (required(output)?, required_key(output_key)?);
    let sources = sources.map(|sources| sources.0).unwrap_or_default();
    Ok(record::record(output, &key, &sources)?)
}

/// The citations whose rows the caller can see now, as they were given (OWASP AISVS 5.4.2).
///
/// `sources` is a list: [{"relation": "chunks", "key": {"id": 7}, …}]; other fields are kept.
/// Errors: WD036 if it is no list; WD000 without an identity.
#[pg_extern(sql = "
CREATE FUNCTION ward.filter_citations(sources jsonb) RETURNS jsonb
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', '@FUNCTION_NAME@';
")]
fn filter_citations(sources: JsonB) -> Result<JsonB> {
    preloaded()?;
    Ok(JsonB(trace::filter_citations(&sources.0)?))
}

/// What was made from a row (`direction` 'derivatives'), or what it is made of ('sources'), through
/// all steps, as far as the caller may see it.
///
/// One row per step: how far away, the row, and its neighbour on the way back. Relations without
/// SELECT for the caller are left out. Errors: WD036 for a bad key or direction; WD038 beyond 100000
/// steps.
#[pg_extern(sql = "
CREATE FUNCTION ward.lineage(relation regclass, key jsonb, direction text DEFAULT 'derivatives')
RETURNS TABLE (depth integer, relation regclass, key jsonb, through regclass, through_key jsonb)
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', '@FUNCTION_NAME@';
")]
#[expect(clippy::type_complexity, reason = "the shape of the returned table")]
fn lineage(
    relation: Option<pg_sys::Oid>,
    key: Option<JsonB>,
    direction: Option<&str>,
) -> Result<
    TableIterator<
        'static,
        (
            name!(depth, i32),
            name!(relation, pg_sys::Oid),
            name!(key, JsonB),
            name!(through, pg_sys::Oid),
            name!(through_key, JsonB),
        ),
    >,
> {
    preloaded()?;
    let up = match direction {
        Some("derivatives") => false,
        Some("sources") => true,
        _ => {
            return Err(WardError::new(
                Code::Argument,
                "the direction must be derivatives or sources",
            )
            .into());
        }
    };
    let start = record::Place {
        relation: required(relation)?,
        key: required_key(key)?,
    };
    let steps = trace::trace(&start, up)?;
    Ok(TableIterator::new(steps.into_iter().map(|step| {
        (
            step.depth,
            step.place.relation,
            JsonB(step.place.key),
            step.from.relation,
            JsonB(step.from.key),
        )
    })))
}
