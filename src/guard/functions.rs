#![forbid(unsafe_code)]
//! Functions that a session with a token may not run.
//!
//! Sessions of all tenants usually share one database role, so EXECUTE rights cannot tell them
//! apart. Each entry names what the function would show or do past the tables' protection.

use crate::errors::{Code, Result, WardError};
use crate::pg::{Oid, access};
use std::cell::RefCell;
use std::collections::HashMap;

/// Whose function it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Home {
    Core,
    Extension(&'static str),
}
use Home::{Core, Extension};

/// A refused function; a name that ends in `*` stands for all that begin so.
struct Refused {
    home: Home,
    name: &'static str,
    reason: &'static str,
}

const fn refused(home: Home, name: &'static str, reason: &'static str) -> Refused {
    Refused { home, name, reason }
}

const ROWS: &str = "it tells about rows by their place in the table, whoever they belong to";
const QUERIES: &str = "it shows the queries of other sessions";
const SHARED: &str = "large objects belong to database roles, not to tenants";
const FILES: &str = "it reads or writes files of the server";
const LOG: &str = "it reads or writes the write-ahead log, where the rows of all tenants are";
const SESSIONS: &str = "it ends the work of other sessions";
const ELSEWHERE: &str = "it opens sessions that do not carry this session's identity";

const REFUSED: &[Refused] = &[
    refused(Core, "currtid*", ROWS),
    refused(Core, "pg_stat_get_activity", QUERIES),
    refused(Core, "pg_stat_get_backend_activity", QUERIES),
    refused(Core, "pg_prepared_statement", QUERIES),
    refused(Core, "pg_cursor", QUERIES),
    refused(Core, "lo_*", SHARED),
    refused(Core, "loread", SHARED),
    refused(Core, "lowrite", SHARED),
    refused(Core, "pg_read_*", FILES),
    refused(Core, "pg_stat_file", FILES),
    refused(Core, "pg_ls_*", FILES),
    refused(Core, "pg_logical_*", LOG),
    refused(Core, "pg_create_logical_replication_slot", LOG),
    refused(Core, "pg_create_physical_replication_slot", LOG),
    refused(Core, "pg_copy_*_replication_slot", LOG),
    refused(Core, "pg_replication_*", LOG),
    refused(Core, "pg_cancel_backend", SESSIONS),
    refused(Core, "pg_terminate_backend", SESSIONS),
    refused(
        Extension("pg_stat_statements"),
        "pg_stat_statements",
        QUERIES,
    ),
    refused(Extension("pg_stat_monitor"), "*", QUERIES),
    refused(Extension("pg_qualstats"), "*", QUERIES),
    refused(Extension("pg_show_plans"), "*", QUERIES),
    refused(Extension("pageinspect"), "*", ROWS),
    refused(Extension("pgstattuple"), "*", ROWS),
    refused(Extension("pgrowlocks"), "*", ROWS),
    refused(Extension("pg_visibility"), "*", ROWS),
    refused(Extension("pg_freespacemap"), "*", ROWS),
    refused(Extension("pg_surgery"), "*", ROWS),
    refused(Extension("amcheck"), "*", ROWS),
    refused(Extension("pg_walinspect"), "*", LOG),
    refused(Extension("adminpack"), "*", FILES),
    refused(Extension("dblink"), "*", ELSEWHERE),
    refused(Extension("pg_background"), "*", ELSEWHERE),
];

type Verdicts = HashMap<Oid, Option<&'static Refused>>;

thread_local! {
    /// What was decided, by function; emptied when any function or extension changes.
    static VERDICTS: RefCell<Verdicts> = RefCell::default();
}

/// Forgets what was decided.
pub fn forget() {
    VERDICTS.with(|verdicts| {
        if let Ok(mut verdicts) = verdicts.try_borrow_mut() {
            verdicts.clear();
        }
    });
}

/// Refuses a function of the list (WD032). For sessions with a token.
pub fn inspect(function: Oid) -> Result<()> {
    let known = VERDICTS.with_borrow(|verdicts| verdicts.get(&function).copied());
    let verdict = known.unwrap_or_else(|| {
        // Looking up may receive invalidations, so the map is not borrowed meanwhile.
        let verdict = decide(function);
        VERDICTS.with_borrow_mut(|verdicts| verdicts.insert(function, verdict));
        verdict
    });
    match verdict {
        None => Ok(()),
        Some(refused) => Err(refusal(function, refused)),
    }
}

fn decide(function: Oid) -> Option<&'static Refused> {
    let (name, extension) = access::function_home(function)?;
    REFUSED.iter().find(|refused| {
        let at_home = match refused.home {
            Core => !crate::pg::catalog::is_user_object(function),
            Extension(home) => extension.as_deref() == Some(home),
        };
        at_home && matches(refused.name, &name)
    })
}

/// Does `name` fit a pattern with at most one `*`?
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((start, end)) => {
            name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end)
        }
    }
}

fn refusal(function: Oid, refused: &Refused) -> WardError {
    let name = access::function_home(function).map_or_else(String::new, |(name, _)| name);
    WardError::new(
        Code::Guarded,
        format!("function {name}() is refused in a session with a token"),
    )
    .hint(format!("Reason: {}.", refused.reason))
}
