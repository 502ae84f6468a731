#![forbid(unsafe_code)]
//! The one pass over each rewritten query, before it is planned; and the checks of its plan at each use.
//!
//! - here: what is touched, what is refused, then row conditions ([`rows`]), masks ([`mask`]), fold;
//! - [`fold`]: context functions become constants;
//! - [`search`]: which rows a vector search returns;
//! - [`trail`]: what the audit is told;
//! - [`run`]: what is checked again when a plan starts and each time it is fetched from.
//!
//! It is the single authority on rows: for every protected relation it removes what the catalog
//! policies contributed and puts the identity's conditions there instead. So it makes no difference
//! whether core applied row security or skipped it (BYPASSRLS, table owner, owner-rights views).

mod fold;
pub mod run;
mod search;
pub mod trail;

use crate::config;
use crate::errors::{Code, Result, WardError};
use crate::lineage::{flow, new_table, stored, watermark};
use crate::mask;
use crate::pg::Oid;
use crate::pg::access;
use crate::pg::catalog;
use crate::pg::check;
use crate::pg::foreign_key;
use crate::pg::inline::{Expansion, Inlined};
use crate::pg::node::{Command, Query, Rte};
use crate::pg::own;
use crate::pg::plan::{Fingerprint, Limit};
use crate::pg::xact;
use crate::registry::{self, Protection};
use crate::rows;
use crate::session::{self, Access};
use std::rc::Rc;

/// Listens to transactions; once, from `_PG_init`.
pub fn install() {
    xact::watch(foreign_key::on_event);
    xact::watch(own::on_event);
}

/// What the planner hook must do with the finished plan.
#[derive(Clone, Copy, Default)]
pub struct Pass {
    /// The identity that the plan is bound to; `None` if it touches nothing protected.
    pub fingerprint: Option<Fingerprint>,
    /// What expanding SQL functions made the plan depend on.
    pub inlined: Inlined,
    /// Will a new table hold its rows, with all that protects them?
    pub fills_new_table: bool,
    /// Does it note what it returns?
    pub notes: bool,
    /// Is it a vector search?
    pub search: Option<Limit>,
    /// Is it planned in the context of foreign keys?
    pub foreign_key: bool,
    /// When planning began (see [`session::consulted`]); `None` where the pass did not look.
    pub began: Option<u64>,
}

impl Pass {
    /// Has planning itself run something that asked for the identity, into a plan that is not yet
    /// bound to it?
    pub fn has_folded(&self) -> bool {
        self.fingerprint.is_none()
            && self
                .began
                .is_some_and(|began| began != session::consulted::times())
    }
}

/// Whom a plan belongs to that keeps results of functions which asked for the identity.
///
/// Errors: those of [`session::access`].
pub fn folded_for() -> Result<Fingerprint> {
    session::consulted::note_folded();
    Ok(match session::access()? {
        Access::Maintenance => MAINTENANCE,
        Access::Bound(identity) => identity.fingerprint,
    })
}

/// The fingerprint of plans made in maintenance. No identity has it (they are hashes).
pub const MAINTENANCE: Fingerprint = [0; 4];

/// Enforces every protection that the query touches, in place.
///
/// `None` means that `expansion` has found a call of an SQL function: run it, and ask again.
/// `hold` says that the query is for a WITH HOLD cursor, and `new_table` that CREATE TABLE AS of this
/// text will store its rows. Errors: those of [`session::access`];
/// WD034 for what cannot be enforced; WD014 if the identity does not fit the relation.
pub fn enforce(
    query: Query,
    params: check::Params,
    expansion: &mut Expansion,
    hold: bool,
    new_table: Option<new_table::Text>,
) -> Result<Option<Pass>> {
    if !registry::any()? {
        return Ok(Some(Pass::default()));
    }
    if own::takes_plan() {
        open_all(query)?;
        return Ok(Some(Pass {
            fingerprint: Some(own::FINGERPRINT),
            ..Pass::default()
        }));
    }
    if hold && session::has_token() {
        return Err(refused_hold());
    }
    if expansion.find(query, params) {
        return Ok(None);
    }
    enforce_expanded(query, expansion.dependencies(), new_table).map(Some)
}

fn enforce_expanded(
    query: Query,
    inlined: Inlined,
    new_table: Option<new_table::Text>,
) -> Result<Pass> {
    let touched = touched(query)?;
    if !touched.protected {
        return Ok(Pass {
            inlined,
            ..Pass::default()
        });
    }
    let Some(objects) = registry::objects()? else {
        return Ok(Pass {
            inlined,
            ..Pass::default()
        });
    };
    if foreign_key::is_own_query(query) {
        // Core's own check: it must see the rows of every tenant, and returns none of them.
        mark_all(query)?;
        return Ok(Pass {
            inlined,
            ..Pass::default()
        });
    }
    trail::planning(query)?;
    let notes = watermark::is_tracked()?;
    let mut search = None;
    let fingerprint = match session::access()? {
        Access::Maintenance => {
            mark_all(query)?;
            MAINTENANCE
        }
        Access::Bound(identity) => {
            refuse_unsafe(new_table.is_some())?;
            if let Some(view) = touched.opaque {
                let name = catalog::relation_name(view).unwrap_or_default();
                return Err(stored::refused(&name));
            }
            query.visit(&mut |level| {
                rows::enforce(level, &identity, &objects)?;
                refuse_unknown_command(level)
            })?;
            flow::enforce(query, &identity, &objects)?;
            if let Some(text) = new_table {
                new_table::prepare(query, text, &identity, &objects)?;
            }
            if notes {
                watermark::enforce(query, new_table.is_some(), &objects)?;
            }
            search = search::enforce(query, &objects)?;
            if touched.masks {
                mask::enforce(query, &identity, &objects)?;
            }
            fold::context(query, &identity, &objects);
            identity.fingerprint
        }
    };
    Ok(Pass {
        fingerprint: Some(fingerprint),
        notes,
        search,
        inlined,
        fills_new_table: new_table.is_some(),
        ..Pass::default()
    })
}

/// What a query touches, on any level.
#[derive(Default)]
struct Touched {
    protected: bool,
    masks: bool,
    /// A materialised view of protected rows.
    opaque: Option<Oid>,
}

fn touched(query: Query) -> Result<Touched> {
    let mut touched = Touched::default();
    query.visit(&mut |level| {
        for (index, rte) in level.rtes() {
            refuse_statistics(rte)?;
            refuse_key(rte)?;
            if level.locks_rows_of(index) && rte.table().is_some_and(registry::is_trail) {
                return Err(refused_lock());
            }
            if index == level.result_index() {
                rte.table().map_or(Ok(()), |table| {
                    session::refuse_catalog_write(table)?;
                    trail::writing(table)
                })?;
            }
            if level.locks_rows_of(index) {
                rte.table().map_or(Ok(()), trail::refuse_kept)?;
            }
            if stored::is_opaque(rte)? {
                touched.protected = true;
                touched.opaque = rte.table();
            }
            if let Some(p) = protection_of(rte)? {
                touched.protected = true;
                touched.masks |= !p.masks.is_empty();
            }
        }
        Ok::<_, WardError>(())
    })?;
    Ok(touched)
}

/// Statistics hold samples of every tenant's values. Core hides them where row security applies to
/// the role; of the roles that it does not apply to, only a superuser without a token may read them.
fn refuse_statistics(rte: Rte) -> Result<()> {
    if !rte.table().is_some_and(catalog::is_statistics) {
        return Ok(());
    }
    let user = catalog::current_user();
    let allowed = if access::is_superuser(user) {
        !session::has_token()
    } else {
        !catalog::bypasses_row_security(user)
    };
    if allowed {
        return Ok(());
    }
    Err(WardError::new(
        Code::Guarded,
        "column statistics are refused to this session",
    )
    .hint("They hold samples of all tenants' values."))
}

/// The key of masks is for the functions that compute them, which do not read it by queries; and what
/// was recorded tells of all tenants.
fn refuse_key(rte: Rte) -> Result<()> {
    if !session::has_token() {
        return Ok(());
    }
    if rte.table().is_some_and(registry::is_trail) {
        return Err(WardError::new(
            Code::Guarded,
            "the audit is refused to sessions with a token",
        )
        .hint("It tells of all tenants: use a session without ward.token."));
    }
    if !registry::is_mask_key(rte.table()) {
        return Ok(());
    }
    Err(WardError::new(
        Code::Guarded,
        "the key of masked columns is refused to sessions with a token",
    ))
}

/// A lock of a row of the audit would hold up nobody, but it is written into the row.
fn refused_lock() -> WardError {
    WardError::new(
        Code::Guarded,
        "rows of the audit cannot be locked, since nobody changes them",
    )
}

/// The protection of what an entry shows rows of, those that a statement trigger is given included.
fn protection_of(rte: Rte) -> Result<Option<Rc<Protection>>> {
    match rte.rows_of() {
        Some(table) => registry::protection(table),
        None => Ok(None),
    }
}

/// Whatever such a cursor reads, by functions as well, would outlive its transaction and the identity.
fn refused_hold() -> WardError {
    WardError::new(
        Code::Unsupported,
        "a cursor WITH HOLD is refused in a session with a token",
    )
    .hint("Keep the cursor inside its transaction.")
}

/// Refuses what would carry rows, or what is known of them, out of reach of the checks at each use.
///
/// Asked when a query is planned, and again when it starts: EXPLAIN EXECUTE and CREATE TABLE AS
/// EXECUTE take a plan that was made before. `into_new_table` says that the rows are followed into the
/// table that they make. Errors: WD034.
fn refuse_unsafe(into_new_table: bool) -> Result<()> {
    let refused = |what: &str, hint: &str| {
        Err(WardError::new(
            Code::Unsupported,
            format!("{what} is refused over protected relations"),
        )
        .hint(hint))
    };
    if session::level::in_explain() && !config::allow_explain() {
        return refused(
            "EXPLAIN",
            "Its estimates and counts include rows of other tenants. An administrator can set \
             ward.allow_explain.",
        );
    }
    if session::level::in_create_table_as() && !into_new_table {
        return refused(
            "storing a query's result in a new table or materialised view",
            flow::STORE_HINT,
        );
    }
    Ok(())
}

/// Lets every protected relation of the query through the tripwire, unfiltered.
fn mark_all(query: Query) -> Result<()> {
    query.visit(&mut |level| {
        for (_, rte) in level.rtes() {
            if rte.table().is_some() && protection_of(rte)?.is_some() {
                rte.set_mark(check::mark(check::Stage::Masks));
            }
        }
        Ok::<_, WardError>(())
    })
}

/// A statement of ward's own sees every row, whichever role it runs as.
fn open_all(query: Query) -> Result<()> {
    query.visit(&mut |level| {
        level.forget_row_security();
        Ok::<_, WardError>(())
    })?;
    mark_all(query)
}

/// A command that this version does not know may write in a way that is not checked.
fn refuse_unknown_command(level: Query) -> Result<()> {
    if level.command() != Command::Other {
        return Ok(());
    }
    Err(WardError::new(
        Code::Unsupported,
        "this kind of statement is refused over protected relations",
    ))
}
