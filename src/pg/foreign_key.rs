//! Telling core's own foreign-key queries from the code that runs inside them.
//!
//! Core checks and cascades foreign keys in a context of its own, and the rows of every tenant must
//! count there. But whatever such a query sets off (a BEFORE trigger on a cascaded row, a function
//! behind an operator or a cast) inherits the context, and can write statements of the same shape.
//! So the context counts only outside of any foreign-key query: there, nothing but core runs in it.

use super::invalidate;
use super::node::{Command, Query, list_items};
use super::raw;
use super::xact::Event;
use pgrx::pg_sys::{self, NodeTag};
use std::cell::{Cell, RefCell};

thread_local! {
    /// How many queries are being planned or run in the context of foreign keys.
    static DEPTH: Cell<u32> = const { Cell::new(0) };
    /// The depth at the start of each open savepoint: an error leaves without notice.
    static SAVEPOINTS: RefCell<Vec<u32>> = const { RefCell::new(Vec::new()) };
    /// Was such a query planned for the identity because it ran inside another?
    static FILTERED: Cell<bool> = const { Cell::new(false) };
}

/// Is this a query with which core itself checks or cascades a foreign key?
///
/// One that core runs for a statement inside another foreign-key query cannot be told from its
/// imitation, and is filtered like any statement: it sees too little rather than too much.
pub fn is_own_query(query: Query) -> bool {
    if !in_context() || !has_shape(query) {
        return false;
    }
    if DEPTH.get() > 0 {
        FILTERED.set(true);
        return false;
    }
    true
}

/// Are we in the context in which core checks and cascades foreign keys?
fn in_context() -> bool {
    // SAFETY: S1; it reads a flag and cannot fail.
    unsafe { raw::InNoForceRLSOperation() }
}

/// A query begins to be planned, or to run. True if it does so in the context of foreign keys, and
/// [`leave`] must follow.
#[inline]
pub fn enter() -> bool {
    let inside = in_context();
    if inside {
        DEPTH.set(DEPTH.get() + 1);
    }
    inside
}

/// The query has been planned, or has run.
pub fn leave() {
    settle(DEPTH.get().saturating_sub(1));
}

/// Follows transactions and savepoints.
pub fn on_event(event: Event) {
    SAVEPOINTS.with_borrow_mut(|savepoints| match event {
        Event::Commit | Event::Abort => {
            savepoints.clear();
            settle(0);
        }
        Event::SavepointStart => savepoints.push(DEPTH.get()),
        Event::SavepointCommit => {
            savepoints.pop();
        }
        Event::SavepointAbort => {
            if let Some(depth) = savepoints.pop() {
                settle(depth);
            }
        }
    });
}

/// Core keeps the plans of its foreign-key queries; a filtered one must not serve outside.
fn settle(depth: u32) {
    DEPTH.set(depth);
    if depth == 0 && FILTERED.replace(false) {
        invalidate::forget_identity_plans();
    }
}

/// One plain table, and nothing computed from its columns.
fn has_shape(query: Query) -> bool {
    let raw = query.raw();
    // SAFETY: S2.
    let plain = unsafe {
        let q = &*raw;
        !q.hasSubLinks
            && !q.hasAggs
            && !q.hasWindowFuncs
            && !q.hasTargetSRFs
            && q.cteList.is_null()
            && q.returningList.is_null()
            && q.setOperations.is_null()
    };
    let relations: Vec<_> = query.rtes().collect();
    let one_table = matches!(relations.as_slice(), [(_, rte)] if rte.table().is_some());
    let constants_only = match query.command() {
        Command::Select | Command::Update => target_values_are_constant(query),
        Command::Delete => true,
        _ => false,
    };
    plain && one_table && constants_only
}

fn target_values_are_constant(query: Query) -> bool {
    // SAFETY: S2.
    unsafe {
        list_items::<pg_sys::TargetEntry>((*query.raw()).targetList).all(|entry| {
            let node = (*entry).expr.cast::<pg_sys::Node>();
            let computed = ![NodeTag::T_Const, NodeTag::T_Param].contains(&(*node).type_);
            // UPDATE and DELETE carry the row's ctid as a junk entry.
            (*entry).resjunk || !computed || is_default(node)
        })
    }
}

/// ON DELETE SET DEFAULT assigns the column's default, which may be any expression without Vars.
///
/// # Safety
/// `node` is live (S2).
unsafe fn is_default(node: *mut pg_sys::Node) -> bool {
    // SAFETY: by contract.
    unsafe { !pg_sys::contain_var_clause(node) }
}
