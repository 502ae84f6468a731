#![forbid(unsafe_code)]
//! What is checked when a plan starts, and again each time rows are fetched from it.

use super::{MAINTENANCE, refuse_unsafe, trail};
use crate::audit::statement;
use crate::errors::{Code, Result, WardError};
use crate::lineage::watermark;
use crate::pg;
use crate::pg::catalog;
use crate::pg::own;
use crate::pg::portal::Running;
use crate::pg::{foreign_key, guc, log, vector};
use crate::session::{self, Access};

/// What one execution changed and must take back.
#[derive(Clone, Copy, Default)]
pub struct Execution {
    /// The nest level of settings changed for it, if any.
    settings: Option<i32>,
    /// Does it run in the context of foreign keys?
    foreign_key: bool,
    /// Must the rows in core's error texts be hidden?
    hides_rows: bool,
    /// Does it note what it returns?
    notes: bool,
    /// Whose rows are counted for the audit.
    counted: Option<Running>,
}

impl Execution {
    /// Must core's error texts be kept from showing rows?
    pub fn hides_rows(self) -> bool {
        self.hides_rows
    }

    /// Is there anything for [`fetched`] to take back?
    pub fn leaves_work(self) -> bool {
        self.settings.is_some() || self.foreign_key || self.notes || self.counted.is_some()
    }
}

/// Before a plan starts. True if it depends on the identity and must be tracked as open.
///
/// Errors: those of [`session::access`] (so `exp`, revocation and key rotation act here); WD033 if
/// the plan was made for another identity or the transaction wrote under another; WD034 if its rows
/// would be explained or stored in a new table.
///
/// `announced` says that a statement of ward's own is due: it belongs to nobody and sees all rows.
pub fn start(query: Running, announced: bool) -> Result<bool> {
    if pg::in_parallel_worker() {
        return Ok(false);
    }
    session::note_statement()?;
    if query.plan().fingerprint() == Some(own::FINGERPRINT) {
        return if announced {
            Ok(false)
        } else {
            Err(another_identity())
        };
    }
    let bound = check(query)?;
    if bound {
        trail::admit()?;
        session::check_writer()?;
        if session::has_token() {
            refuse_unsafe(query.plan().is_for_new_table())?;
            note_missed(query)?;
        }
    }
    Ok(bound)
}

/// A plan from before the watermark was tracked does not note what it returns.
fn note_missed(query: Running) -> Result<()> {
    let plan = query.plan();
    if plan.returns_rows()
        && !plan.is_noting()
        && let Access::Bound(identity) = session::access()?
    {
        watermark::missed(&identity);
    }
    Ok(())
}

fn begin_notes(query: Running) -> Result<bool> {
    if !query.plan().is_noting() {
        return Ok(false);
    }
    match session::access()? {
        Access::Bound(identity) => {
            watermark::enter(&identity);
            Ok(true)
        }
        Access::Maintenance => Ok(false),
    }
}

/// Before rows are fetched. Returns what [`fetched`] must undo.
///
/// Errors: as [`start`], and WD034 where the rows would be kept beyond the transaction.
pub fn fetch(query: Running) -> Result<Execution> {
    let bound = !pg::in_parallel_worker() && check(query)?;
    if bound {
        statement::fetching(query.key());
    }
    Ok(Execution {
        counted: bound.then_some(query),
        settings: if bound { prepare(query)? } else { None },
        foreign_key: foreign_key::enter(),
        hides_rows: bound && query.plan().writes() && hides_rows(),
        notes: bound && begin_notes(query)?,
    })
}

/// Before the AFTER triggers and foreign keys are carried out: must core's error texts be kept
/// from showing rows?
pub fn finish(query: Running) -> bool {
    query.plan().fingerprint().is_some() && hides_rows()
}

/// Core itself hides rows from roles that row security binds.
fn hides_rows() -> bool {
    session::has_token() && catalog::bypasses_row_security(catalog::current_user())
}

fn prepare(query: Running) -> Result<Option<i32>> {
    if query.is_being_held() {
        return Err(WardError::new(
            Code::Unsupported,
            "rows of a protected relation cannot be kept beyond their transaction",
        )
        .hint("Do not COMMIT inside a loop over them, and declare the cursor without HOLD."));
    }
    Ok(query.plan().vector_mode().map(vector::fill_results))
}

/// After rows were fetched.
///
/// Error: WD043 if it cannot be recorded.
pub fn fetched(execution: Execution) -> Result<()> {
    if let Some(level) = execution.settings {
        guc::unnest(level);
    }
    if execution.foreign_key {
        foreign_key::leave();
    }
    if execution.notes {
        watermark::leave();
    }
    if let Some(query) = execution.counted {
        let labels = execution.notes.then(watermark::current);
        statement::fetched(query.key(), query.rows(), labels)?;
    }
    Ok(())
}

fn check(query: Running) -> Result<bool> {
    let Some(made_for) = query.plan().fingerprint() else {
        return Ok(false);
    };
    // Asked when it started.
    if made_for == own::FINGERPRINT {
        return Ok(false);
    }
    let now = match session::access()? {
        Access::Bound(identity) => identity.fingerprint,
        Access::Maintenance => MAINTENANCE,
    };
    if made_for == now {
        return Ok(true);
    }
    Err(another_identity())
}

fn another_identity() -> WardError {
    WardError::new(
        Code::IdentityChange,
        "this plan was made for another identity",
    )
    .hint("Run the statement again.")
}

/// A plan that depends on the identity has started. Error: WD043 if that cannot be recorded.
pub fn started(query: Running) -> Result<()> {
    match session::identity::last() {
        _ if query.plan().fingerprint() == Some(MAINTENANCE) => {
            record_maintenance();
            trail::begin(query, &Access::Maintenance)
        }
        Some(identity) => trail::begin(query, &Access::Bound(identity)),
        None => Ok(()),
    }
}

/// Records that an administrator's statement touched a protected relation.
fn record_maintenance() {
    if let Some(reason) = pg::guc::maintenance() {
        log::record(&format!(
            "ward: maintenance by role \"{}\": {reason}",
            pg::catalog::role_name(pg::catalog::session_roles().0)
        ));
    }
}
