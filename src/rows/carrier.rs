#![forbid(unsafe_code)]
//! Protected values under keys of a jsonb column.
//!
//! For tables that bear no further column, because a framework takes whatever `SELECT *` returns for
//! its own. Such programs replace the document as a whole. So a document that lacks a key is not one
//! that gives its value up: an inserted one gets what the session fills in, an updated one keeps
//! what the row has.

use crate::errors::{Code, Result, WardError};
use crate::pg::carrier::{self, Carrier};
use crate::pg::document::Document;
use crate::pg::expr::{self, Column};
use crate::pg::node::Expr;
use crate::pg::types;
use crate::registry::{self, Objects, Protection};
use ward_core::Label;

/// What an UPDATE does with a label that does not dominate the old one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Lower {
    Refuse,
    /// In ON CONFLICT DO UPDATE: a label that was filled in cannot be told from one that was given.
    Raise,
}

/// The document that is stored for `given`, with `value` where it names none.
pub fn fill(carrier: &Carrier, given: Option<Expr>, value: Expr, objects: &Objects) -> Expr {
    let function = match carrier.reader {
        Some(_) => objects.carrier.fill_label,
        None => objects.carrier.fill,
    };
    let given = given.unwrap_or_else(carrier::null_document);
    expr::call(
        function,
        types::JSONB,
        &[given, expr::text(&carrier.key), value],
    )
}

/// The document that is stored for `given`, with the row's own value where it names none.
pub fn keep(
    column: &Column,
    carrier: &Carrier,
    given: Expr,
    index: u32,
    lower: Lower,
    objects: &Objects,
) -> Expr {
    let function = match (carrier.reader, lower) {
        (None, _) => objects.carrier.keep,
        (Some(_), Lower::Refuse) => objects.carrier.keep_label,
        (Some(_), Lower::Raise) => objects.carrier.raise_label,
    };
    let arguments = [given, column.stored(index), expr::text(&carrier.key)];
    expr::call(function, types::JSONB, &arguments)
}

/// The document with its label raised to the watermark.
pub fn raise_to_mark(carrier: &Carrier, given: Expr, objects: &Objects) -> Expr {
    let arguments = [given, expr::text(&carrier.key)];
    expr::call(objects.watermark.raise_carried, types::JSONB, &arguments)
}

/// The document with its label raised to what the row came from.
pub fn raise(carrier: &Carrier, given: Expr, carried: Expr, objects: &Objects) -> Expr {
    let arguments = [given, expr::text(&carrier.key), carried];
    expr::call(objects.carrier.raise, types::JSONB, &arguments)
}

/// The document, if its tenant is the one that the row came from.
pub fn only_tenant(
    carrier: &Carrier,
    given: Expr,
    p: &Protection,
    carried: Expr,
    objects: &Objects,
) -> Expr {
    let key = expr::text(&carrier.key);
    let arguments = [expr::oid(p.relation), given, key, carried];
    expr::call(objects.carrier.only_tenant, types::JSONB, &arguments)
}

/// The label that a stored text is; `None` for any other text.
pub fn label(text: &str) -> Option<Label> {
    Label::parse(text, &|_| None).ok()
}

/// See `ward_internal.carried_fill`.
pub fn filled(document: Option<Document>, key: &str, value: &str) -> Result<Document> {
    let Some(document) = document else {
        return Ok(Document::member(key, value));
    };
    match text(document, key)? {
        Some(_) => Ok(document),
        None => Ok(document.with(key, value)),
    }
}

/// See `ward_internal.carried_fill_label`.
pub fn filled_label(document: Option<Document>, key: &str, value: Label) -> Result<Document> {
    let document = filled(document, key, &value.to_string())?;
    match given_label(document, key)? {
        Some(label) => Ok(with_label(document, key, label)),
        None => Ok(document),
    }
}

/// See `ward_internal.carried_keep`.
pub fn kept(new: Option<Document>, old: Option<Document>, key: &str) -> Result<Document> {
    let own = old.and_then(|old| old.text(key));
    match (own, new) {
        (Some(own), new) => filled(new, key, &own),
        (None, Some(new)) => text(new, key).map(|_| new),
        (None, None) => Ok(Document::empty()),
    }
}

/// See `ward_internal.carried_keep_label`.
pub fn kept_label(new: Option<Document>, old: Option<Document>, key: &str) -> Result<Document> {
    let (document, own, given) = labels(new, old, key)?;
    match (own, given) {
        (Some(own), Some(given)) if !given.dominates(own) => Err(lowered()),
        (_, Some(given)) => Ok(with_label(document, key, given)),
        (_, None) => Ok(document),
    }
}

/// See `ward_internal.carried_raise_label`.
pub fn raised_label(new: Option<Document>, old: Option<Document>, key: &str) -> Result<Document> {
    let (document, own, given) = labels(new, old, key)?;
    match (own, given) {
        (Some(own), Some(given)) => Ok(with_label(document, key, own.join(given))),
        (None, Some(given)) => Ok(with_label(document, key, given)),
        (_, None) => Ok(document),
    }
}

/// This document with its label raised to dominate `floor`. One without label stays as it is.
pub fn raised_to(document: Document, key: &str, floor: Label) -> Result<Document> {
    Ok(match given_label(document, key)? {
        Some(given) => with_label(document, key, given.join(floor)),
        None => document,
    })
}

/// The refusal to lower a row's label.
pub fn lowered() -> WardError {
    WardError::new(Code::Label, "a row's label cannot be lowered by UPDATE")
        .hint("The new label must dominate the old one.")
}

/// The document to store, the row's label, and the one that the document names.
fn labels(
    new: Option<Document>,
    old: Option<Document>,
    key: &str,
) -> Result<(Document, Option<Label>, Option<Label>)> {
    let own = old
        .and_then(|old| old.text(key))
        .and_then(|text| label(&text));
    let document = kept(new, old, key)?;
    let given = given_label(document, key)?;
    Ok((document, own, given))
}

fn given_label(document: Document, key: &str) -> Result<Option<Label>> {
    let parse = |text: String| {
        Label::parse(&text, &registry::category)
            .map_err(|error| WardError::new(Code::LabelText, error.to_string()))
    };
    document.text(key).map(parse).transpose()
}

/// Stored texts are canonical: reading them needs no names of custom categories.
fn with_label(document: Document, key: &str, label: Label) -> Document {
    let canonical = label.to_string();
    if document.text(key).as_deref() == Some(&canonical) {
        return document;
    }
    document.with(key, &canonical)
}

fn text(document: Document, key: &str) -> Result<Option<String>> {
    if document.is_object() {
        return Ok(document.text(key));
    }
    Err(WardError::new(
        Code::Argument,
        format!("a jsonb value that carries \"{key}\" must be an object"),
    )
    .hint("ward keeps a protected value under this key of the column."))
}
