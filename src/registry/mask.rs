#![forbid(unsafe_code)]
//! Which columns are masked, and how.

use super::{Cached, Dimension, objects};
use crate::errors::{Code, Result, WardError};
use crate::pg::expr::Column;
use crate::pg::outline::generated_columns;
use crate::pg::scalar::Scalar;
use crate::pg::{Oid, catalog, table};
use std::cell::Cell;
use std::collections::HashMap;
use std::rc::Rc;
use ward_core::Label;
use ward_mask::{Method, Mode};

/// The mask of one column.
#[derive(Clone, Debug)]
pub struct Mask {
    pub column: Column,
    pub method: Method,
    pub mode: Mode,
    /// The clearance that sees the value as it is; `None` if no session with a token does.
    pub label: Option<Label>,
    /// The column that names whose row it is: that subject sees the value as it is.
    pub unless_owner: Option<Dimension>,
}

impl Mask {
    /// Does a session of this clearance see the value as it is, in every row?
    pub fn is_clear_to(&self, clearance: Label) -> bool {
        self.label.is_some_and(|label| clearance.dominates(label))
    }
}

/// A row of `ward_internal.mask`.
pub(super) struct Stored {
    column: String,
    method: String,
    label: Option<Label>,
    mode: String,
    unless_owner: Option<String>,
}

/// All rows, by relation.
pub(super) fn load(table: Oid) -> HashMap<Oid, Vec<Stored>> {
    let mut masks: HashMap<Oid, Vec<Stored>> = HashMap::new();
    table::scan(table, |row| {
        if let (Some(relation), Some(column), Some(method), Some(mode)) =
            (row.oid(1), row.name(2), row.text(3), row.text(5))
        {
            masks.entry(relation).or_default().push(Stored {
                column,
                method,
                mode,
                label: row
                    .eight_bytes(4)
                    .and_then(|bits| Label::from_bits(bits as u64)),
                unless_owner: row.name(6),
            });
        }
    });
    masks
}

/// The masks of `relation`, by its own column numbers.
///
/// Error: WD040 if a column is missing or a method unreadable.
pub(super) fn resolve(relation: Oid, name: &str, stored: &[Stored]) -> Result<Vec<Mask>> {
    let broken = |column: &str| {
        WardError::new(
            Code::Registry,
            format!("the mask of column \"{column}\" of \"{name}\" is unreadable"),
        )
        .hint("An administrator can repair it with ward.unmask() and ward.mask().")
    };
    let mut masks = stored
        .iter()
        .map(|row| {
            let column =
                catalog::column(relation, &row.column).ok_or_else(|| broken(&row.column))?;
            let owner = row.unless_owner.as_ref().map(|name| -> Result<_> {
                let column = catalog::column(relation, name).ok_or_else(|| broken(name))?;
                let scalar = Scalar::of(column.type_oid).ok_or_else(|| broken(name))?;
                Ok(Dimension { column, scalar })
            });
            Ok(Mask {
                column,
                method: Method::parse(&row.method).map_err(|_| broken(&row.column))?,
                mode: Mode::parse(&row.mode).map_err(|_| broken(&row.column))?,
                label: row.label,
                unless_owner: owner.transpose()?,
            })
        })
        .collect::<Result<Vec<_>>>()?;
    if !masks.is_empty() {
        close_over_generated(relation, &mut masks);
    }
    Ok(masks)
}

/// A generated column holds what it is made of: unless it has a mask of its own, it is hidden from
/// whoever does not see all of that.
fn close_over_generated(relation: Oid, masks: &mut Vec<Mask>) {
    let own: Vec<i16> = masks.iter().map(|mask| mask.column.attno).collect();
    for (column, sources) in generated_columns(relation) {
        let Some(column) = catalog::column_by_number(relation, column) else {
            continue;
        };
        if own.contains(&column.attno) {
            continue;
        }
        let hidden: Vec<Mask> = masks
            .iter()
            .filter(|mask| sources.contains(&mask.column.attno))
            .map(|mask| Mask {
                column: column.clone(),
                method: Method::Null,
                mode: Mode::Mask,
                label: mask.label,
                unless_owner: None,
            })
            .collect();
        masks.extend(hidden);
    }
}

thread_local! {
    static SECRET: Cached<Rc<[u8; 32]>> = const { Cached::new() };
    static KEY_TABLE: Cell<Oid> = const { Cell::new(Oid::INVALID) };
}

/// The secret that the keys of masks are derived from.
///
/// Error: WD040 if the database has lost it.
pub fn mask_secret() -> Result<Rc<[u8; 32]>> {
    SECRET.with(|secret| secret.get_or_load(load_secret))
}

pub(super) fn relation_changed(relation: Option<Oid>) {
    if relation.is_none_or(|relation| relation == KEY_TABLE.get()) {
        SECRET.with(Cached::forget);
    }
}

fn load_secret() -> Result<Rc<[u8; 32]>> {
    let mut found = None;
    if let Some(objects) = objects()? {
        KEY_TABLE.set(objects.mask_key);
        table::scan(objects.mask_key, |row| found = row.bytes(2));
    }
    let secret: Option<[u8; 32]> = found.and_then(|bytes| bytes.try_into().ok());
    secret.map(Rc::new).ok_or_else(|| {
        WardError::new(Code::Registry, "the key of masked columns is missing")
            .hint("Restore the row of ward_internal.mask_key, or insert 32 random bytes.")
    })
}
