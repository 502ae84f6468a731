#![forbid(unsafe_code)]
//! The watermark: the join of the labels of all protected rows that a transaction was given to see.
//!
//! What leaves a query and comes back as a parameter (an answer of a model, say) no rewriting can
//! follow. The watermark bounds it. Each query that runs under a token notes the labels of the rows
//! that it returns, to the client or to the function that runs it; where this cannot be told row by
//! row it notes those of all rows that pass the conditions of its levels, which are more.
//!
//! A plan that was made while nothing tracked the mark notes nothing. When it runs, everything that
//! the session can see counts as seen ([`missed`]): the mark is a bound, always.
//!
//! The mark never goes down before the transaction ends: not with a savepoint, since what was seen was
//! seen, and not with another identity.

use crate::config;
use crate::errors::Result;
use crate::pg::node::{Command, Expr, Query};
use crate::pg::watermark as state;
use crate::pg::xact::Event;
use crate::pg::{BOOLEAN, expr};
use crate::registry::{self, Objects};
use crate::session::Identity;
use ward_core::Label;

/// Is anything to be noted: does a table need the mark, or does the session want it exact?
pub fn is_tracked() -> Result<bool> {
    Ok(config::track_watermark() || registry::needs_watermark()?)
}

/// The mark: the lowest label where nothing was seen.
pub fn current() -> Label {
    state::mark().unwrap_or(Label::PUBLIC)
}

/// A plan runs that notes nothing.
pub fn missed(identity: &Identity) {
    state::note(identity.principal().clearance);
}

/// Follows transactions.
pub fn on_event(event: Event) {
    if matches!(event, Event::Commit | Event::Abort) {
        state::reset();
    }
}

/// Lets the query note what it returns. Its row conditions are in place.
pub fn enforce(query: Query, objects: &Objects) -> Result<()> {
    let is_row_by_row = query.is_plain_select() || query.is_returning();
    if query.command() != Command::Select && !query.is_returning() {
        return Ok(());
    }
    if !is_row_by_row {
        return note_inputs(query, objects);
    }
    for label in own_labels(query, true)? {
        query.call_for_each_output(note(label, objects));
    }
    for nested in query.nested_queries() {
        note_inputs(nested, objects)?;
    }
    Ok(())
}

/// Lets each level note the rows that pass its conditions.
fn note_inputs(query: Query, objects: &Objects) -> Result<()> {
    query.visit(&mut |level| {
        for label in own_labels(level, false)? {
            level.add_condition(note(label, objects));
        }
        Ok(())
    })
}

/// The labels of the tables that the rows of a level are made of, and of the one that it writes if
/// `written`.
fn own_labels(level: Query, written: bool) -> Result<Vec<Expr>> {
    let mut entries = level.from_entries();
    entries.retain(|index| *index != level.result_index());
    if written && level.result_index() != 0 {
        entries.push(level.result_index());
    }
    let mut labels = Vec::new();
    for (index, rte) in level.rtes().filter(|(index, _)| entries.contains(index)) {
        if let Some(p) = rte.table().map_or(Ok(None), registry::protection)?
            && let Some(label) = &p.label
        {
            labels.push(label.var(index));
        }
    }
    Ok(labels)
}

fn note(label: Expr, objects: &Objects) -> Expr {
    expr::call(objects.watermark.note, BOOLEAN, &[label])
}
