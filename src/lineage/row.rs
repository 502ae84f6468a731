#![forbid(unsafe_code)]
//! The trigger that gives a derived row what its sources have.
//!
//! It fires before each row is inserted or updated, whoever writes it and however: it is the last
//! of its kind, fires under every session_replication_role, and the pass refuses statements where
//! it is not in place.

use super::cascade::{self, Kept, Mode};
use super::key;
use super::source::{self, Inherited, Source};
use crate::errors::{Code, Result, WardError};
use crate::pg::expr::Column;
use crate::pg::scalar::{self, Value};
use crate::pg::trigger::{Answer, Call, Change, Event, Row, image};
use crate::pg::{Datum, catalog};
use crate::registry::{self, Derivation, Dimension, Protection};
use crate::session;
use std::rc::Rc;
use ward_core::{Category, Label};

/// The row as it is to be stored.
///
/// Errors: WD041 for a source that the session cannot see; WD014 for another tenant than the
/// source's, or sources of several.
pub fn derive(call: Call) -> Result<Answer> {
    let new = call.new_row();
    let Some(p) = registry::protection(call.relation())? else {
        return new.with(&[]);
    };
    let old = (call.event() == Event::Update).then(|| call.row());
    let mode = cascade::mode();
    if p.sources.is_empty() || (mode.is_none() && old.is_some_and(|old| !concerns(&p, old, new))) {
        return new.with(&[]);
    }
    let derived = Derived {
        p: &p,
        old,
        new,
        mode,
    };
    let changes = derived.changes()?;
    // A cascade touches every row of a changed source; most need no new version.
    if derived.mode.is_some() && changes.is_empty() && old.is_some_and(|old| old.equals(new)) {
        return Ok(Answer::NONE);
    }
    new.with(&changes)
}

/// Does the update change what the row is found, protected or derived by?
fn concerns(p: &Protection, old: Row, new: Row) -> bool {
    let keys = p.keys.iter().map(|key| &key.column);
    let mut columns = p.columns().chain(keys);
    columns.any(|column| old.image(column) != new.image(column))
}

struct Derived<'a> {
    p: &'a Protection,
    old: Option<Row>,
    new: Row,
    mode: Option<Mode>,
}

/// The label that a row has. What is damaged is as high as a label can be.
pub(super) fn stored_label(column: &Column, row: Row) -> Option<Label> {
    let label = if column.carrier.is_some() {
        key::label(&row.text(column)?).ok()
    } else {
        Label::from_bits(row.value(column)?.value() as u64)
    };
    Some(label.unwrap_or(Label::TOP))
}

/// The join of what is there.
fn join(a: Option<Label>, b: Option<Label>) -> Option<Label> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.join(b)),
        (a, b) => a.or(b),
    }
}

impl<'a> Derived<'a> {
    fn changes(&self) -> Result<Vec<Change<'a>>> {
        let own = self.own_label();
        let mut inherited = Inherited::default();
        let mut before: Option<Label> = None;
        for d in &self.p.sources {
            let Some((sources, gone)) = self.sources(d, own)? else {
                continue;
            };
            inherited.gone |= gone;
            inherited.add(self.p, d, &sources)?;
            if let Some(Mode::Lower(lowered)) = &self.mode {
                let labels = sources.iter().map(|source| lowered.before(d, source));
                before = labels.fold(before, join);
            }
        }
        let mut changes = Vec::new();
        self.set_label(own, before, &inherited, &mut changes);
        self.set_tenant(&inherited, &mut changes)?;
        self.set_owner_and_acl(&inherited, &mut changes);
        Ok(changes)
    }

    /// The label that the row has of its own. An application's UPDATE does not lower it.
    fn own_label(&self) -> Option<Label> {
        let new = self.stored_label(self.new);
        let old = match self.old {
            Some(old) if self.mode.is_none() && session::has_token() => self.stored_label(old),
            _ => None,
        };
        join(new, old)
    }

    fn stored_label(&self, row: Row) -> Option<Label> {
        stored_label(self.p.label.as_ref()?, row)
    }

    /// The sources that one derivation gives the row, and whether one that it names is gone; `None` if
    /// it names none.
    fn sources(&self, d: &Derivation, own: Option<Label>) -> Result<Option<(Rc<[Source]>, bool)>> {
        if d.recorded && self.old.is_none() {
            return Ok(None);
        }
        let columns = columns(self.p, &d.child_key)?;
        let keyed = matches!(self.mode, Some(Mode::Lower(_)));
        let Some(sources) = source::find(d, self.new, &columns, keyed)? else {
            return match self.old {
                Some(old) if self.mode.is_none() && session::has_token() => {
                    refuse_detached(d, &columns, old).map(|()| None)
                }
                _ => Ok(None),
            };
        };
        let hidden = own.is_some_and(|own| own.has(Category::QUARANTINE));
        let gone = if d.recorded {
            source::is_gone(d, self.new, &columns)?
        } else {
            sources.is_empty()
        };
        // A cascade follows from a change that was allowed; an ordinary write needs to see its source.
        let invisible = self.mode.is_none() && sources.iter().any(|source| !source.visible);
        if (gone && !hidden) || invisible {
            return Err(missing_source(self.p, d));
        }
        Ok(Some((sources, gone)))
    }

    fn set_label(
        &self,
        own: Option<Label>,
        before: Option<Label>,
        inherited: &Inherited,
        changes: &mut Vec<Change<'a>>,
    ) {
        let Some(column) = &self.p.label else {
            return;
        };
        let own = match &self.mode {
            Some(Mode::Release(kept)) if !inherited.gone && !self.is_among(kept) => {
                own.map(|own| own.without(Category::QUARANTINE))
            }
            // What it carries is exactly what it inherited: it follows its sources down.
            Some(Mode::Lower(_)) if own.is_some() && own == before => None,
            _ => own,
        };
        let label = if inherited.unlabelled {
            // Hidden with its source; what it carried on its own account must not be forgotten.
            let hidden = Label::PUBLIC.with(Category::QUARANTINE);
            own.map(|own| own.join(hidden))
        } else {
            let default = || session::has_token().then_some(self.p.default_label);
            join(own, inherited.label).or_else(default)
        };
        if label != self.stored_label(self.new) {
            changes.push(Change {
                column,
                value: label.map(|label| Datum::from(label.to_bits())),
                text: label.map(|label| label.to_string()),
            });
        }
    }

    /// Was the row put in quarantine itself?
    fn is_among(&self, kept: &Kept) -> bool {
        let has = |(name, value): &(String, String)| {
            catalog::column(self.p.relation, name)
                .and_then(|column| self.new.text(&column))
                .as_ref()
                == Some(value)
        };
        kept.iter()
            .any(|(relation, key)| *relation == self.p.root && key.iter().all(has))
    }

    fn set_tenant(&self, inherited: &Inherited, changes: &mut Vec<Change<'a>>) -> Result<()> {
        let Some(dimension) = &self.p.tenant else {
            return Ok(());
        };
        let own = self.value(dimension);
        if inherited.tenantless {
            if own.is_some() {
                changes.push(claim(dimension, None));
            }
            return Ok(());
        }
        let Some(tenant) = &inherited.tenant else {
            return Ok(());
        };
        if own.as_ref() == Some(tenant) {
            return Ok(());
        }
        if own.is_some() && self.mode.is_none() {
            return Err(WardError::new(
                Code::Tenant,
                format!(
                    "row refused for \"{}\": its tenant is not that of its source",
                    self.p.name
                ),
            ));
        }
        changes.push(claim(dimension, Some(tenant)));
        Ok(())
    }

    fn set_owner_and_acl(&self, inherited: &Inherited, changes: &mut Vec<Change<'a>>) {
        if let (Some(dimension), Some(owner)) = (&self.p.owner, &inherited.owner)
            && self.value(dimension) != *owner
        {
            changes.push(claim(dimension, owner.as_ref()));
        }
        if let (Some(dimension), Some(names)) = (&self.p.acl, &inherited.acl) {
            let value = scalar::array_datum(dimension.scalar, names);
            let image = image(value, dimension.column.type_oid);
            if self.new.image(&dimension.column) != Some(image) {
                changes.push(Change {
                    column: &dimension.column,
                    value: Some(value),
                    text: None,
                });
            }
        }
    }

    fn value(&self, dimension: &Dimension) -> Option<Value> {
        let text = self.new.text(&dimension.column)?;
        dimension.scalar.parse(&text)
    }
}

/// A tenant or an owner to be stored.
fn claim<'a>(dimension: &'a Dimension, value: Option<&Value>) -> Change<'a> {
    Change {
        column: &dimension.column,
        value: value.map(|value| scalar::datum(dimension.scalar, value)),
        text: value.map(Value::to_string),
    }
}

/// The columns of these names, from those that the protection knows.
fn columns<'a>(p: &'a Protection, names: &[String]) -> Result<Vec<&'a Column>> {
    let found = names.iter().map(|name| {
        p.key(name).ok_or_else(|| {
            WardError::new(
                Code::Registry,
                format!("key column \"{name}\" of \"{}\" is missing", p.name),
            )
        })
    });
    found.collect()
}

/// An application cannot cut a row loose from its source: nothing would delete or relabel it then.
fn refuse_detached(d: &Derivation, columns: &[&Column], old: Row) -> Result<()> {
    if d.recorded || columns.iter().any(|column| old.value(column).is_none()) {
        return Ok(());
    }
    Err(WardError::new(
        Code::Source,
        format!(
            "a derived row cannot be detached from its row of \"{}\"",
            source::name(d)
        ),
    )
    .hint("Delete the row, or let it name another source."))
}

fn missing_source(p: &Protection, d: &Derivation) -> WardError {
    WardError::new(
        Code::Source,
        format!(
            "row refused for \"{}\": it names no row of \"{}\" that this session can read",
            p.name,
            source::name(d)
        ),
    )
    .hint(format!(
        "Insert the source first; ({}) must name it.",
        d.child_key.join(", ")
    ))
}
