#![forbid(unsafe_code)]
//! COPY of protected relations.
//!
//! Core reads and writes tables in COPY without planning anything. For a session with a token,
//! `COPY t TO` therefore becomes `COPY (SELECT …) TO`, and `COPY t FROM` an INSERT from the rows of
//! the COPY: both then pass the pass like any other query (core itself refuses COPY FROM under row
//! security).

use crate::errors::{Code, Result, WardError};
use crate::pg::copy::{Job, Query, Statement};
use crate::pg::{catalog, guc, log};
use crate::registry::{self, Protection};
use crate::session::{self, Access};

/// How a COPY is carried out.
pub enum Way {
    /// By core, as it is.
    Core,
    /// By core, from a query in place of the table.
    Query(Query),
    /// By ward, as an INSERT.
    Insert(Job),
}

/// Decides how a COPY is carried out.
///
/// Errors: those of [`session::access`] for a protected relation; WD034 for options that ward
/// cannot honour; WD032 without the right to read files or to run programs on the server.
pub fn prepare(statement: Statement) -> Result<Way> {
    if !statement.names_table() || !registry::any()? {
        return Ok(Way::Core);
    }
    let Some(relation) = statement.lock_table() else {
        return Ok(Way::Core);
    };
    if statement.is_from() {
        session::refuse_catalog_write(relation)?;
    } else if catalog::is_statistics(relation) || registry::is_mask_key(Some(relation)) {
        // As a query, the pass decides who may read it.
        return Ok(Way::Query(statement.as_query(relation)));
    }
    let Some(p) = registry::protection(relation)? else {
        return Ok(Way::Core);
    };
    match session::access()? {
        Access::Maintenance => {
            record_maintenance(&p);
            // Core's own conversion under row security passes the pass; its refusal is not needed.
            if statement.is_from() && catalog::row_security_applies(relation) {
                return insert(statement, &p);
            }
            Ok(Way::Core)
        }
        Access::Bound(_) if statement.is_from() => insert(statement, &p),
        Access::Bound(_) => Ok(Way::Query(statement.as_query(relation))),
    }
}

fn insert(statement: Statement, p: &Protection) -> Result<Way> {
    if statement.freezes() {
        return Err(unsupported("COPY FROM with FREEZE", p).hint("Leave the option out."));
    }
    if statement.skips_errors() {
        return Err(unsupported("COPY FROM with ON_ERROR", p)
            .hint("Load into a staging table, and use INSERT … SELECT."));
    }
    if let Some(role) = statement.missing_server_role() {
        return Err(WardError::new(
            Code::Guarded,
            format!("COPY from a file or program of the server needs the role {role}"),
        )
        .hint("Anyone can COPY FROM STDIN, and use \\copy in psql."));
    }
    if catalog::has_insert_rule(p.relation) {
        return Err(
            unsupported("COPY FROM into a relation with rules on INSERT", p)
                .hint("COPY does not follow rules: use INSERT."),
        );
    }
    Ok(Way::Insert(statement.as_insert(p.relation)))
}

fn unsupported(what: &str, p: &Protection) -> WardError {
    WardError::new(
        Code::Unsupported,
        format!("{what} is refused for protected relation \"{}\"", p.name),
    )
}

fn record_maintenance(p: &Protection) {
    if let Some(reason) = guc::maintenance() {
        let role = catalog::role_name(catalog::session_roles().0);
        log::record(&format!(
            "ward: maintenance by role \"{role}\" (COPY of \"{}\"): {reason}",
            p.name
        ));
    }
}
