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
//! What a query shows to a function that could store or tell it is noted before the function sees it,
//! and an error in a query that runs counts as everything it could read.
//!
//! The mark never goes down before the transaction ends: not with a savepoint, since what was seen was
//! seen, and not with another identity.

use super::cargo::{Cargo, Flow};
use super::carry::Carrier;
use crate::config;
use crate::errors::Result;
use crate::pg::node::{Command, Expr, Query, Rte};
use crate::pg::sublink::Sublink;
use crate::pg::watermark as state;
use crate::pg::xact::Event;
use crate::pg::{BOOLEAN, expr};
use crate::registry::{self, Objects};
use crate::session::Identity;
use std::cell::RefCell;
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

/// How many plans that note are running, now and when each savepoint began; and what they could see.
#[derive(Default)]
struct Running {
    plans: u32,
    at_savepoints: Vec<u32>,
    bound: Option<Label>,
}

thread_local! {
    static RUNNING: RefCell<Running> = RefCell::default();
}

/// A plan that notes what it returns runs, until [`leave`] or an error.
pub fn enter(identity: &Identity) {
    let clearance = identity.principal().clearance;
    RUNNING.with_borrow_mut(|running| {
        running.plans += 1;
        running.bound = Some(
            running
                .bound
                .map_or(clearance, |bound| bound.join(clearance)),
        );
    });
}

/// It has returned its rows.
pub fn leave() {
    RUNNING.with_borrow_mut(|running| running.plans = running.plans.saturating_sub(1));
}

/// Follows transactions. A plan that failed may have shown a row in its error, which whoever goes on
/// after the savepoint has seen: then everything that it could read counts as seen.
pub fn on_event(event: Event) {
    RUNNING.with_borrow_mut(|running| match event {
        Event::Commit | Event::Abort => {
            state::reset();
            *running = Running::default();
        }
        Event::SavepointStart => running.at_savepoints.push(running.plans),
        Event::SavepointCommit => {
            running.at_savepoints.pop();
        }
        Event::SavepointAbort => {
            let before = running.at_savepoints.pop().unwrap_or_default();
            if running.plans > before {
                running.bound.into_iter().for_each(state::note);
                running.plans = before;
            }
        }
    });
}

/// Lets the query note what it returns, unless a new table takes that (`stores`). Its row conditions are
/// in place.
pub fn enforce(query: Query, stores: bool, objects: &Objects) -> Result<()> {
    let carrier = Carrier::new(Cargo::Labels, query, objects)?.leaving_sublinks();
    let mut notes = Notes { carrier, objects };
    if query.may_pass_on() || query.shows_rows_to_triggers() {
        notes.reads(query)?;
    }
    if !stores && (query.command() == Command::Select || query.is_returning()) {
        notes.of_level(query, &[])?;
    }
    Ok(())
}

/// Puts the notes of one statement in their places.
struct Notes<'a> {
    carrier: Carrier<'a>,
    objects: &'a Objects,
}

impl Notes<'_> {
    /// Each row that is read is noted before anything else sees it: what is shown to a function may
    /// be stored or told by it, though the query never returns the row.
    fn reads(&self, query: Query) -> Result<()> {
        query.visit(&mut |level| {
            for (index, rte) in level.rtes() {
                let Some(p) = rte.table().map_or(Ok(None), registry::protection)? else {
                    continue;
                };
                let Some(label) = &p.label else { continue };
                rte.call_for_each_row(self.note(label.var(index)));
                if index == level.result_index() && level.updates_on_conflict() {
                    level.prepend_conflict_condition(self.note(label.var(index)));
                }
            }
            Ok(())
        })
    }

    /// Notes each row that `level` puts out; `outer` are the levels around it.
    fn of_level(&mut self, level: Query, outer: &[Query]) -> Result<()> {
        if level.is_set_operation() {
            // Before rows that are equal become one, and before LIMIT.
            let chain = [outer, &[level]].concat();
            return level
                .branches()
                .try_for_each(|branch| self.of_level(branch, &chain));
        }
        self.in_sublinks(level)?;
        match self.carrier.of(level, outer)? {
            Flow::Nothing => Ok(()),
            Flow::Value(label) => {
                level.call_for_each_output(self.note(label));
                Ok(())
            }
            Flow::Unknown => self.inputs(level),
        }
    }

    /// The sub-selects in the expressions of all levels that rows are carried through.
    fn in_sublinks(&self, level: Query) -> Result<()> {
        let sublinks = if level.is_returning() {
            level.returning_sublinks()
        } else {
            level.data_sublinks()
        };
        for query in sublinks.into_iter().filter_map(Sublink::query) {
            self.inputs(query)?;
        }
        let mut nested = level.queries_below().into_iter();
        nested.try_for_each(|nested| self.in_sublinks(nested))
    }

    /// Each level notes the rows that pass its conditions.
    fn inputs(&self, query: Query) -> Result<()> {
        query.visit(&mut |level| {
            let target = level.result_index();
            for index in level.leaves().into_iter().filter(|index| *index != target) {
                let table = level.rte(index).and_then(Rte::rows_of);
                if let Some(p) = table.map_or(Ok(None), registry::protection)?
                    && let Some(label) = &p.label
                {
                    level.add_condition(self.note(level.column_value(index, label)));
                }
            }
            Ok(())
        })
    }

    fn note(&self, label: Expr) -> Expr {
        expr::call(self.objects.watermark.note, BOOLEAN, &[label])
    }
}
