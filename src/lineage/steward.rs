#![forbid(unsafe_code)]
//! What only an administrator does to labels: lowering them, and hiding rows with all that was made
//! from them.

use super::cascade::{self, Kept, Lowered, Mode};
use super::key;
use crate::errors::{Code, Result, WardError};
use crate::pg::{Datum, Oid, log, own, spi, xact};
use crate::registry::{self, Place, Protection};
use crate::rows::columns;
use crate::rows::protect::in_maintenance;
use serde_json::Value;
use std::rc::Rc;
use ward_core::{Category, Label};

/// One row that an administrator names.
struct Named {
    p: Rc<Protection>,
    table: String,
    /// Where the label is.
    place: Place,
    /// The row's label, as SQL.
    label: String,
    condition: String,
    key: Value,
}

/// Gives a row a lower label, and with it those derived rows that carry exactly what they inherited.
/// The number of rows whose label changed.
///
/// Errors: WD036 without a reason or for a key that names no row; WD030 if the label is not lower,
/// or lower than the row's own sources.
pub fn declassify(relation: Oid, key: &Value, label: Label, reason: &str) -> Result<u64> {
    let row = named(relation, key)?;
    need_reason("ward.declassify", reason)?;
    let hidden = Label::PUBLIC.with(Category::QUARANTINE);
    let old = row.label()?;
    // Hiding is another decision than lowering.
    let label = match old {
        Some(old) if old.has(Category::QUARANTINE) => label.join(hidden),
        _ => label.without(Category::QUARANTINE),
    };
    if !old.is_some_and(|old| old.dominates(label)) {
        return Err(WardError::new(
            Code::Label,
            "ward.declassify lowers a label, and the new one is not dominated by the old",
        )
        .hint("Raise labels with an ordinary UPDATE."));
    }
    let changed = cascade::in_mode(Mode::Lower(Rc::new(Lowered::default())), || {
        row.set(&format!("{}::ward.label", spi::literal(&label.to_string())))
    })?;
    if row.label()? != Some(label) {
        return Err(WardError::new(
            Code::Label,
            "the row is derived from sources that carry more than this label",
        )
        .hint("Declassify its sources: ward.lineage(relation, key, 'sources') names them."));
    }
    row.record(&format!("declassified to {label}"), reason);
    Ok(changed + 1)
}

/// Hides a row and everything derived from it, at once. The number of rows whose label changed.
pub fn quarantine(relation: Oid, key: &Value, reason: &str) -> Result<u64> {
    let row = named(relation, key)?;
    need_reason("ward.quarantine", reason)?;
    spi::run(
        "INSERT INTO ward_internal.quarantine (relation, key, reason) VALUES ($1, $2, $3)
         ON CONFLICT (relation, key) DO UPDATE SET reason = excluded.reason",
        &[
            relation.into(),
            pgrx::JsonB(row.key.clone()).into(),
            reason.into(),
        ],
    )?;
    let hidden = cascade::quarantined();
    let changed = cascade::in_mode(Mode::Raise, || {
        row.set(&format!(
            "COALESCE({0} OPERATOR(ward.+) {hidden}, {hidden})",
            row.label
        ))
    })?;
    row.record("put in quarantine", reason);
    Ok(changed + 1)
}

/// Takes a row, and what is hidden because of it alone, out of quarantine. The number of rows whose
/// label changed.
pub fn release(relation: Oid, key: &Value, reason: &str) -> Result<u64> {
    let row = named(relation, key)?;
    need_reason("ward.release", reason)?;
    let ended = spi::run(
        "DELETE FROM ward_internal.quarantine WHERE relation = $1 AND key = $2 RETURNING 1",
        &[relation.into(), pgrx::JsonB(row.key.clone()).into()],
    )?;
    if ended == 0
        && !row
            .label()?
            .is_some_and(|label| label.has(Category::QUARANTINE))
    {
        return Err(WardError::new(
            Code::Argument,
            "the row is not in quarantine",
        ));
    }
    let changed = cascade::in_mode(Mode::Release(Rc::new(kept()?)), || {
        let visible = Label::TOP.without(Category::QUARANTINE);
        row.set(&format!(
            "{} OPERATOR(ward.*) '{visible}'::ward.label",
            row.label
        ))
    })?;
    if row
        .label()?
        .is_some_and(|label| label.has(Category::QUARANTINE))
    {
        return Err(WardError::new(
            Code::Label,
            "the row is made from a source that is in quarantine, or is gone",
        )
        .hint("Release that source: ward.lineage(relation, key, 'sources') names it."));
    }
    row.record("released from quarantine", reason);
    Ok(changed + 1)
}

/// The rows that were put in quarantine themselves.
fn kept() -> Result<Kept> {
    let sql = "SELECT relation::oid::text, key::text FROM ward_internal.quarantine";
    own::query(sql, &[], |rows| {
        let row = |i| {
            let relation: u32 = rows.text(i, 1)?.parse().ok()?;
            let key: Value = serde_json::from_str(&rows.text(i, 2)?).ok()?;
            let texts = key.as_object()?.iter();
            let texts = texts.map(|(name, value)| (name.clone(), key::value_text(value)));
            Some((Oid::from(relation), texts.collect()))
        };
        Ok((0..rows.count as usize).filter_map(row).collect())
    })
}

fn need_reason(function: &str, reason: &str) -> Result<()> {
    if reason.trim().is_empty() {
        return Err(WardError::new(
            Code::Argument,
            format!("{function} needs a reason"),
        ));
    }
    Ok(())
}

/// The one row that the key names.
fn named(relation: Oid, key: &Value) -> Result<Named> {
    let table = key::table(relation)?;
    let p = match registry::protection(relation)? {
        Some(p) if p.root == relation => p,
        _ => {
            return Err(WardError::new(
                Code::Definition,
                format!("table {table} is not protected"),
            )
            .hint("Run ward.protect() for it first. Of a partition, name the parent."));
        }
    };
    let Some(place) = p.label.as_ref().map(Place::from) else {
        return Err(WardError::new(
            Code::Definition,
            format!("table {table} has no label column"),
        ));
    };
    let columns = key::columns_of(key)?;
    for name in &columns {
        if crate::pg::catalog::column(relation, name).is_none() {
            return Err(WardError::new(
                Code::Argument,
                format!("table {table} has no column \"{name}\""),
            ));
        }
    }
    key::refuse_unfit(relation, &columns)?;
    key::refuse_foreign_code(relation)?;
    let condition = key::equals_json(relation, "c", &columns)?;
    let row = Named {
        p,
        table,
        label: columns::label("c", &place),
        place,
        condition,
        key: key.clone(),
    };
    match row.query("1::text", |rows| Ok(rows.count))? {
        1 => Ok(row),
        0 => Err(WardError::new(
            Code::Argument,
            format!("no row of {} has this key", row.table),
        )),
        _ => Err(WardError::new(
            Code::Argument,
            format!("several rows of {} have this key", row.table),
        )
        .hint("Name the columns of the primary key.")),
    }
}

impl Named {
    fn arguments(&self) -> [(Oid, Datum); 1] {
        [(own::JSONB, own::json(&self.key))]
    }

    fn query<T>(&self, what: &str, f: impl FnOnce(&own::Rows) -> Result<T>) -> Result<T> {
        let sql = format!(
            "SELECT {what} FROM {} c WHERE {} FOR UPDATE",
            self.table, self.condition
        );
        own::query(&sql, &self.arguments(), f)
    }

    fn label(&self) -> Result<Option<Label>> {
        xact::make_changes_visible();
        let what = format!("{}::text", self.label);
        self.query(&what, |rows| {
            rows.text(0, 1).map(|text| key::label(&text)).transpose()
        })
    }

    fn set(&self, label: &str) -> Result<()> {
        let sql = format!(
            "UPDATE {} c SET {} WHERE {}",
            self.table,
            columns::assign_label("c", &self.place, label),
            self.condition
        );
        // In maintenance, so that the application's triggers do not run for what it did not write.
        in_maintenance(|| own::change(self.p.relation, &sql, &self.arguments()).map(|_| ()))
    }

    fn record(&self, what: &str, reason: &str) {
        log::record(&format!("ward: row of {} {what}: {reason}", self.table));
    }
}
