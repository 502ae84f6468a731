#![forbid(unsafe_code)]
//! The SQL type `ward.label`: text and binary form, parts, custom categories.
//!
//! `sql/install/20_label.sql` declares all of it, in one place and in the order that a type needs;
//! the operators are in `pg/label_functions.rs`.

use super::administering;
use crate::errors::{Code, WardError};
use crate::pg::compat::save_error;
use crate::pg::label_type::receive_bits;
use crate::pg::spi;
use crate::registry;
use pgrx::Internal;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use std::ffi::{CStr, CString};
use ward_core::category::{self, Category, STANDARD_CATEGORIES};
use ward_core::{Label, LabelError, Level};

pub use crate::pg::label_type::LabelDatum;

type Result<T> = std::result::Result<T, ErrorReport>;

extension_sql_file!(
    "../../sql/install/20_label.sql",
    name = "label",
    creates = [Type(LabelDatum)],
    requires = ["registry"]
);

/// Reads the text form; docs/label.md has the grammar. Error: WD037 (22P02).
#[pg_extern(sql = false)]
fn label_in(text: &CStr, call: pg_sys::FunctionCallInfo) -> Result<LabelDatum> {
    let label = Label::parse(&text.to_string_lossy(), &registry::category).map_err(unreadable);
    match label {
        // The caller asked for no error and takes no value.
        Err(refusal) if save_error(call, &refusal) => Ok(Label::TOP.into()),
        label => Ok(label?.into()),
    }
}

/// Prints the canonical text, which reads back without a look-up.
#[pg_extern(sql = false)]
fn label_out(label: LabelDatum) -> CString {
    // A canonical text has no NUL byte.
    CString::new(Label::from(label).to_string()).unwrap_or_default()
}

/// Reads the binary form: eight bytes, most significant first. Error: WD037 (22P02).
#[pg_extern(sql = false)]
fn label_receive(buffer: Internal) -> Result<LabelDatum> {
    Ok(LabelDatum::from_bits(receive_bits(buffer))?)
}

/// Writes the binary form.
#[pg_extern(sql = false)]
fn label_send(label: LabelDatum) -> Vec<u8> {
    Label::from(label).to_bits().to_be_bytes().to_vec()
}

/// The level's name.
#[pg_extern(sql = false)]
fn level(label: LabelDatum) -> &'static str {
    Label::from(label).level().name()
}

/// The categories' canonical names in bit order.
#[pg_extern(sql = false)]
fn categories(label: LabelDatum) -> Vec<String> {
    Label::from(label)
        .categories()
        .map(|category| category.to_string())
        .collect()
}

/// The label of this level with these categories, named as in the text form.
///
/// Error: WD037 (22P02) for an unknown name, or a NULL among the categories.
#[pg_extern(sql = false)]
fn label(level: &str, categories: Vec<Option<String>>) -> Result<LabelDatum> {
    let level = Level::from_name(&level.trim().to_ascii_lowercase())
        .ok_or_else(|| bad_text(format!("unknown level \"{}\"", shorten(level)), false))?;
    let mut label = Label::of(level);
    for name in categories {
        let name = name.ok_or_else(|| bad_text("a category is NULL", false))?;
        label = label.with(named(&name)?);
    }
    Ok(label.into())
}

fn named(name: &str) -> std::result::Result<Category, WardError> {
    let lower = name.trim().to_ascii_lowercase();
    Category::from_canonical(&lower)
        .or_else(|| registry::category(&lower).and_then(Category::custom))
        .ok_or_else(|| bad_text(format!("unknown category \"{}\"", shorten(name)), true))
}

/// Names the next free custom category, and returns its number, 0 to 30. A name that is already
/// defined keeps its number.
///
/// Errors: WD036 (22023) for a name that cannot be one; WD038 (54000) when all 31 have names.
#[pg_extern(sql = false)]
fn define_category(name: Option<&str>) -> Result<i32> {
    administering()?;
    let name = name.ok_or_else(|| WardError::new(Code::Argument, "category name is NULL"))?;
    category::validate_name(name)
        .map_err(|error| WardError::new(Code::Argument, error.to_string()))?;
    // One at a time: two administrators must not take the same number.
    spi::run(
        "LOCK TABLE ward_internal.category IN SHARE ROW EXCLUSIVE MODE",
        &[],
    )?;
    spi::run(
        "INSERT INTO ward_internal.category (name, bit)
         SELECT $1, min(n) FROM generate_series(0, 30) n
         WHERE NOT EXISTS (SELECT FROM ward_internal.category WHERE bit = n)
         HAVING min(n) IS NOT NULL
         ON CONFLICT (name) DO NOTHING",
        &[name.into()],
    )?;
    let all_used = || {
        WardError::new(Code::Limit, "all 31 custom categories have names").hint(
            "A number that stored labels use must not change its meaning, so none is given anew.",
        )
    };
    Ok(registry::category(name)
        .map(i32::from)
        .ok_or_else(all_used)?)
}

fn unreadable(error: LabelError) -> WardError {
    let category = matches!(error, LabelError::UnknownCategory { .. });
    bad_text(error.to_string(), category)
}

/// WD037, with the known names as a cure where an unknown category is the problem.
fn bad_text(problem: impl Into<String>, category: bool) -> WardError {
    let refusal = WardError::new(Code::LabelText, problem);
    if !category {
        return refusal;
    }
    let standard = STANDARD_CATEGORIES.map(|(name, _)| name).join(", ");
    let custom = "x0 to x30 and what ward.define_category() has named";
    refusal.hint(format!("Categories are {standard}, {custom}."))
}

/// A word of the caller's for a message: not all of a long one, no control characters.
fn shorten(word: &str) -> String {
    let printable = |c: char| if c.is_control() { '?' } else { c };
    word.chars().take(40).map(printable).collect()
}
