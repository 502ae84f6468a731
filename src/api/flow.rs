#![forbid(unsafe_code)]
//! What rewritten statements call to carry labels and tenants from rows read to rows written.

use super::Result;
use super::label::LabelDatum;
use crate::errors;
use crate::lineage::flow;
use crate::pg::{Oid, catalog};
use pgrx::pg_sys;
use pgrx::prelude::*;
use ward_core::Label;

/// The join of two labels, of which each may be NULL for none.
#[pg_extern(sql = "
CREATE FUNCTION ward_internal.join_two(a ward.label, b ward.label) RETURNS ward.label
LANGUAGE c IMMUTABLE LEAKPROOF PARALLEL SAFE AS 'MODULE_PATHNAME', '@FUNCTION_NAME@';
", requires = ["label"])]
fn join_two(a: Option<LabelDatum>, b: Option<LabelDatum>) -> Option<LabelDatum> {
    match (a, b) {
        (Some(a), Some(b)) => Some(Label::from(a).join(b.into()).into()),
        (one, None) | (None, one) => one,
    }
}

/// `label`, raised to what the row came from. A label that is missing stays missing.
#[pg_extern(sql = "
CREATE FUNCTION ward_internal.raise_label(label ward.label, carried ward.label) RETURNS ward.label
LANGUAGE c IMMUTABLE LEAKPROOF PARALLEL SAFE AS 'MODULE_PATHNAME', '@FUNCTION_NAME@';
", requires = ["label"])]
fn raise_label(label: Option<LabelDatum>, carried: Option<LabelDatum>) -> Option<LabelDatum> {
    label.and_then(|label| join_two(Some(label), carried))
}

/// True for a label that a table without labels may hold; raises the refusal (WD030) for any other.
#[pg_extern(sql = "
CREATE FUNCTION ward_internal.refuse_labelled(relation oid, carried ward.label) RETURNS boolean
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', '@FUNCTION_NAME@';
", requires = ["label"])]
fn refuse_labelled(relation: pg_sys::Oid, carried: Option<LabelDatum>) -> Result<bool> {
    match carried {
        Some(label) if Label::from(label) != Label::PUBLIC => {
            Err(flow::refused_label(&name(relation)).into())
        }
        _ => Ok(true),
    }
}

/// The set of one row's tenant: NULL if it has none, or if it is the shared one.
#[pg_extern(sql = "
CREATE FUNCTION ward_internal.tenant_set(tenant text, shared text) RETURNS text[]
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', '@FUNCTION_NAME@';
")]
fn tenant_set(tenant: Option<&str>, shared: Option<&str>) -> Option<Vec<String>> {
    tenant
        .filter(|tenant| shared != Some(*tenant))
        .map(|tenant| vec![tenant.to_owned()])
}

/// The union of two such sets.
#[pg_extern(sql = "
CREATE FUNCTION ward_internal.join_tenants(a text[], b text[]) RETURNS text[]
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', '@FUNCTION_NAME@';
", requires = ["schema"])]
pub(super) fn join_tenants(a: Option<Vec<String>>, b: Option<Vec<String>>) -> Option<Vec<String>> {
    match (a, b) {
        (Some(mut a), Some(b)) => {
            for tenant in b {
                if !a.contains(&tenant) {
                    a.push(tenant);
                }
            }
            Some(a)
        }
        (one, None) | (None, one) => one,
    }
}

/// `tenant`, if the row came from no other; raises the refusal (WD014) otherwise. A row that names no
/// tenant gets the one that it came from.
#[pg_extern(sql = "
CREATE FUNCTION ward_internal.only_tenant(relation oid, tenant text, carried text[]) RETURNS text
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', '@FUNCTION_NAME@';
")]
fn only_tenant(
    relation: pg_sys::Oid,
    tenant: Option<String>,
    carried: Option<Vec<String>>,
) -> Result<Option<String>> {
    let mut sources = carried.unwrap_or_default();
    let tenant = match tenant {
        None if sources.len() == 1 => sources.pop(),
        given => given,
    };
    refuse_others(relation, tenant.as_deref(), &sources)?;
    Ok(tenant)
}

/// Refuses sources of another tenant than this one (WD014).
pub(super) fn refuse_others(
    relation: Oid,
    tenant: Option<&str>,
    carried: &[String],
) -> errors::Result<()> {
    if carried.iter().any(|of| tenant != Some(of)) {
        return Err(flow::refused_mixture(&name(relation)));
    }
    Ok(())
}

fn name(relation: Oid) -> String {
    catalog::relation_name(relation).unwrap_or_else(|| String::from("the new table"))
}
