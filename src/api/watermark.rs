#![forbid(unsafe_code)]
//! `ward.watermark()`, and what rewritten statements call to keep the mark.

use super::label::LabelDatum;
use super::{Result, preloaded};
use crate::lineage::watermark;
use crate::pg::document::Document;
use crate::rows::carrier;
use pgrx::prelude::*;
use ward_core::Label;

// The function behind it is in pg/watermark.rs. It costs more than a comparison, so that the planner
// evaluates it after those.
extension_sql!(
    "CREATE FUNCTION ward_internal.note(label ward.label) RETURNS boolean
LANGUAGE c VOLATILE PARALLEL RESTRICTED COST 2 AS 'MODULE_PATHNAME', 'ward_note';",
    name = "note",
    requires = ["label"]
);

/// The join of the labels of all protected rows that this transaction was given to see; `public` if
/// there were none. Where nothing tracks it, the clearance, which is never lower.
#[pg_extern(sql = "
CREATE FUNCTION ward.watermark() RETURNS ward.label
LANGUAGE c VOLATILE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', '@FUNCTION_NAME@';
", requires = ["label"])]
fn watermark() -> Result<LabelDatum> {
    preloaded()?;
    Ok(watermark::current().into())
}

/// The label, raised to dominate the watermark. A label that is missing stays missing.
#[pg_extern(sql = "
CREATE FUNCTION ward_internal.raise_to_mark(label ward.label) RETURNS ward.label
LANGUAGE c VOLATILE STRICT PARALLEL RESTRICTED AS 'MODULE_PATHNAME', '@FUNCTION_NAME@';
", requires = ["label"])]
fn raise_to_mark(label: LabelDatum) -> LabelDatum {
    Label::from(label).join(watermark::current()).into()
}

/// The same for the label under a key of a document.
#[pg_extern(sql = "
CREATE FUNCTION ward_internal.carried_raise_to_mark(document jsonb, key text) RETURNS jsonb
LANGUAGE c VOLATILE STRICT PARALLEL RESTRICTED AS 'MODULE_PATHNAME', '@FUNCTION_NAME@';
")]
fn carried_raise_to_mark(document: Document, key: &str) -> Result<Document> {
    Ok(carrier::raised_to(document, key, watermark::current())?)
}

/// Does a stored label dominate the watermark?
#[pg_extern(sql = "
CREATE FUNCTION ward_internal.covers_mark(label ward.label) RETURNS boolean
LANGUAGE c VOLATILE STRICT PARALLEL RESTRICTED AS 'MODULE_PATHNAME', '@FUNCTION_NAME@';
", requires = ["label"])]
fn covers_mark(label: LabelDatum) -> bool {
    Label::from(label).dominates(watermark::current())
}
