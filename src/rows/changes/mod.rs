#![forbid(unsafe_code)]
//! Changed rows in the audit: of relations protected with the option `audit_rows`, and of the registry.
//!
//! A trigger of ward's own tells of each row after it was written, whoever wrote it: COPY, replication,
//! cascades of foreign keys and maintenance included.

mod policy;
mod record;
mod triggers;

pub use policy::changed as policy_changed;
pub use triggers::{cover, install};

use crate::audit::{self, Durability, References, statement};
use crate::errors::Result;
use crate::pg::image::{self, Stored};
use crate::pg::trigger::{Call, Event as Fired, Row};
use crate::pg::{Oid, catalog};
use crate::registry::{self, Protection};
use record::{Rules, Writing};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use ward_audit::{Change, Event, Kind};

/// How long a value may be that is recorded as it is.
const LONG: usize = 1024;

/// How many relations a session remembers.
const REMEMBERED: usize = 512;

/// How one relation's rows are recorded.
struct Layout {
    /// Which state of the protection it was made from.
    serial: u64,
    name: String,
    /// The protected relation that it is a part of.
    root: Option<String>,
    rules: Rules,
}

thread_local! {
    static LAYOUTS: RefCell<HashMap<Oid, Rc<Layout>>> = RefCell::default();
}

/// The trigger on protected relations. Error: WD043 if nothing can be recorded.
pub fn changed(call: Call) -> Result<()> {
    let relation = call.relation();
    // Whoever ended the protection ends this as well; until then there is nothing to look up.
    let Some(p) = registry::protection(relation)? else {
        return Ok(());
    };
    let layout = layout(relation, &p);
    let change = image::steadily(|| change(call, &layout.name, &layout.rules))?;
    let labelled = match call.event() {
        Fired::Truncate => None,
        Fired::Delete => Some(call.row()),
        Fired::Insert | Fired::Update => Some(call.new_row()),
    };
    let event = Event {
        kind: Kind::Row,
        statement: Some(change.operation.clone()),
        labels: labelled.and_then(|row| label(&p, row)),
        policy_version: Some(registry::version()),
        detail: layout
            .root
            .as_ref()
            .map(|root| serde_json::json!({ "root": root }).to_string()),
        change: Some(change),
        ..Event::default()
    };
    // The transaction's own commit makes it durable: without one there is no change.
    audit::emit(event, &references(), Durability::Soon).map(|_| ())
}

fn references() -> References {
    References {
        text: statement::client_text(),
        relations: None,
    }
}

fn label(p: &Protection, row: Row) -> Option<u64> {
    let column = p.label.as_ref()?;
    let text = row.text(column)?;
    let label = ward_core::Label::parse(&text, &registry::category).ok()?;
    Some(label.to_bits())
}

fn layout(relation: Oid, p: &Protection) -> Rc<Layout> {
    let known = LAYOUTS.with_borrow(|layouts| layouts.get(&relation).cloned());
    if let Some(layout) = known.filter(|layout| layout.serial == p.serial) {
        return layout;
    }
    let name = |relation| catalog::qualified_name(relation).unwrap_or_default();
    let masked = |column: &Stored| p.masks.iter().any(|mask| mask.column.attno == column.attno);
    let layout = Rc::new(Layout {
        serial: p.serial,
        name: name(relation),
        root: (p.root != relation).then(|| name(p.root)),
        rules: Rules::new(relation, LONG, masked),
    });
    LAYOUTS.with_borrow_mut(|layouts| {
        if layouts.len() >= REMEMBERED {
            layouts.clear();
        }
        layouts.insert(relation, Rc::clone(&layout));
    });
    layout
}

/// What a trigger's call tells of.
fn change(call: Call, relation: &str, rules: &Rules) -> Result<Change> {
    let (operation, rows) = match call.event() {
        Fired::Insert => ("insert", (None, Some(call.row()))),
        Fired::Update => ("update", (Some(call.row()), Some(call.new_row()))),
        Fired::Delete => ("delete", (Some(call.row()), None)),
        Fired::Truncate => ("truncate", (None, None)),
    };
    let writing = match rows {
        (Some(old), Some(new)) => rules.updated(old, new)?,
        (old, new) => rules.whole(old, new)?,
    };
    let Writing {
        key,
        columns,
        old,
        new,
    } = writing;
    Ok(Change {
        relation: relation.to_owned(),
        operation: operation.to_owned(),
        key,
        columns,
        old,
        new,
    })
}
