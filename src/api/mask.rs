#![forbid(unsafe_code)]
//! Masking columns, and the functions that masks are computed by (declared in `25_mask.sql`; those
//! for which pgrx's wrapper would be most of the cost are in `pg/mask_functions.rs`).

use super::label::LabelDatum;
use super::rows::required;
use super::{Result, administering};
use crate::errors::{Code, WardError};
use crate::mask::{self, define, key};
use crate::pg::catalog;
use pgrx::prelude::*;
use pgrx::{Inet, JsonB, Uuid, pg_sys};
use std::ffi::CStr;
use std::net::IpAddr;
use ward_mask::{Address, IntSize, Method};

/// Masks a column of a table, its partitions and its inheritance children.
///
/// `method` is one of `null`, `constant(v)`, `partial(prefix, pad, suffix)`, `email`, `hash`,
/// `tokenise`, `year`, `month`, `day`, `round(n)`, `bucket(n)`, `ip_prefix(v4, v6)`,
/// `json_paths([…], method)`, `search_only(decimals)`, `function(schema.name)`. Sessions whose
/// clearance dominates `label` see the value as it is; with NULL no session with a token does.
/// `mode` is `mask`, `deny`, `project` or `match`. Option (jsonb): `unless_owner` (the name
/// of a column: the subject that it names sees the value in that row).
/// Calling it again replaces the mask. Errors: WD035 (42P17) naming what is wrong; WD036 for an
/// unknown option or a NULL argument.
#[pg_extern(sql = "
CREATE FUNCTION ward.mask(
    relation regclass,
    column_name name,
    method text,
    label ward.label DEFAULT NULL,
    mode text DEFAULT 'mask',
    options jsonb DEFAULT '{}'
) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', '@FUNCTION_NAME@';
", requires = ["label"])]
fn mask(
    relation: Option<pg_sys::Oid>,
    column_name: Option<&CStr>,
    method: Option<&str>,
    label: Option<LabelDatum>,
    mode: Option<&str>,
    options: Option<JsonB>,
) -> Result<()> {
    administering()?;
    let (Some(column), Some(method)) = (column_name, method) else {
        return Err(
            WardError::new(Code::Argument, "the column and the method must not be NULL").into(),
        );
    };
    let options = options.map_or_else(|| serde_json::json!({}), |options| options.0);
    let wanted = define::Wanted {
        column: &column.to_string_lossy(),
        method,
        label: label.map(Into::into),
        mode: mode.unwrap_or("mask"),
        options: &options,
    };
    Ok(define::mask(required(relation)?, &wanted)?)
}

/// Ends the mask of a column. `reason` is recorded.
///
/// Errors: WD036 without a reason; WD035 if the column is not masked.
#[pg_extern(sql = "
CREATE FUNCTION ward.unmask(relation regclass, column_name name, reason text) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', '@FUNCTION_NAME@';
")]
fn unmask(
    relation: Option<pg_sys::Oid>,
    column_name: Option<&CStr>,
    reason: Option<&str>,
) -> Result<()> {
    administering()?;
    let column = column_name.map(CStr::to_string_lossy).unwrap_or_default();
    Ok(define::unmask(
        required(relation)?,
        &column,
        reason.unwrap_or_default(),
    )?)
}

#[pg_extern(sql = false)]
fn mask_email(value: &str, max_chars: i32) -> String {
    ward_mask::email(value, limit(max_chars))
}

#[pg_extern(sql = false)]
fn mask_hash(value: &str, tenant: &str, max_chars: i32) -> Result<String> {
    let key = key::of_tenant(tenant)?;
    Ok(ward_mask::hash_text(
        &key,
        value.as_bytes(),
        limit(max_chars),
    ))
}

#[pg_extern(sql = false)]
fn mask_hash_bytes(value: &[u8], tenant: &str) -> Result<Vec<u8>> {
    Ok(ward_mask::hash_bytes(&*key::of_tenant(tenant)?, value).to_vec())
}

#[pg_extern(sql = false)]
fn mask_hash_uuid(value: Uuid, tenant: &str) -> Result<Uuid> {
    let key = key::of_tenant(tenant)?;
    Ok(Uuid::from_bytes(ward_mask::hash_uuid(
        &key,
        *value.as_bytes(),
    )))
}

#[pg_extern(sql = false)]
fn mask_hash_int(value: i64, tenant: &str, bits: i32) -> Result<i64> {
    let key = key::of_tenant(tenant)?;
    Ok(ward_mask::hash_i64(&key, value, size(bits)))
}

#[pg_extern(sql = false)]
fn mask_tokenise(value: &str, tenant: &str) -> Result<String> {
    Ok(ward_mask::tokenise(&*key::of_tenant(tenant)?, value))
}

#[pg_extern(sql = false)]
fn mask_ip(value: Inet, v4: i32, v6: i32) -> Option<Inet> {
    let bits = |n: i32| u8::try_from(n).unwrap_or(0);
    let (address, length) = match value.0.split_once('/') {
        Some((address, length)) => (address, length.parse().ok()?),
        None => (value.0.as_str(), u8::MAX),
    };
    let address = match address.parse().ok()? {
        IpAddr::V4(v4) => Address::V4(v4.octets()),
        IpAddr::V6(v6) => Address::V6(v6.octets()),
    };
    let (address, length) = ward_mask::ip_prefix(address, length, bits(v4), bits(v6));
    let address = match address {
        Address::V4(bytes) => IpAddr::from(bytes),
        Address::V6(bytes) => IpAddr::from(bytes),
    };
    Some(Inet(format!("{address}/{length}")))
}

/// JSON of both types travels as text. A method that cannot be read masks the whole document.
#[pg_extern(sql = false)]
fn mask_json(document: &str, method: &str, tenant: &str) -> Result<String> {
    let Ok(Method::JsonPaths { paths, leaf }) = Method::parse(method) else {
        return Ok("null".to_owned());
    };
    let key = match *leaf {
        Method::Hash | Method::Tokenise => Some(key::of_tenant(tenant)?),
        _ => None,
    };
    Ok(ward_mask::json_paths(document, &paths, |value| {
        leaf.mask_leaf(key.as_deref(), value)
    }))
}

/// A vector ten times as long shows one decimal place less: a long one would show every digit of the
/// stored vector. `square` is that of its length.
#[pg_extern(sql = false)]
fn mask_score(distance: f64, square: f64, decimals: i32) -> f64 {
    // Vectors of length 1 are a little longer, by the last digits of their elements.
    let longer = (square.abs().max(1.0).log10() / 2.0 - 0.01).ceil();
    if longer.is_finite() {
        ward_mask::round_f64(distance, decimals - longer as i32)
    } else {
        0.0
    }
}

/// Raises the refusal to overwrite a search-only value with NULL; reached only by one. `_like` gives
/// the type that the call stands for.
#[pg_extern(sql = false)]
fn mask_refuse_null(
    relation: pg_sys::Oid,
    column: &str,
    _like: Option<i64>,
) -> Result<Option<i64>> {
    let relation = catalog::relation_name(relation).unwrap_or_default();
    Err(mask::null_refusal(&relation, column).into())
}

fn limit(max_chars: i32) -> Option<u32> {
    u32::try_from(max_chars).ok().filter(|max| *max > 0)
}

fn size(bits: i32) -> IntSize {
    match bits {
        16 => IntSize::Int2,
        32 => IntSize::Int4,
        _ => IntSize::Int8,
    }
}
