#![forbid(unsafe_code)]
//! The audit's own tables, views and functions: nobody changes them, administrators in maintenance and
//! superusers included. Only DROP EXTENSION takes them away; the sealed log stays.
//!
//! Their rows are kept by a trigger, which the rules here keep in place.

use crate::audit::{kept, project};
use crate::errors::Result;
use crate::pg::access::{self, Access};
use crate::pg::{Oid, catalog};
use crate::session::level;

/// Checks a report of the object access hook.
///
/// Error: WD032.
pub fn inspect(access: Access) -> Result<()> {
    let object = match access {
        Access::Truncate(relation) => return refuse([relation]),
        Access::Drop(object) | Access::Alter(object) => object,
        // A new relation is nobody's yet; a new column, trigger, rule or constraint belongs to one.
        Access::Create(object) if object.relation().is_none() => object,
        Access::Create(_) | Access::Execute(_) | Access::Other => return Ok(()),
    };
    let column = object.column().map(|(relation, _)| relation);
    refuse(
        object
            .relation()
            .or(column)
            .or_else(|| object.enforced_on()),
    )?;
    refuse_functions(object.function())
}

/// Checks functions that a statement changes or drops.
///
/// Error: WD032.
pub fn refuse_functions(functions: impl IntoIterator<Item = Oid>) -> Result<()> {
    if functions.into_iter().any(is_own_function) && !is_exempt() {
        return Err(kept::refusal("a function"));
    }
    Ok(())
}

/// Checks the relations that a definition names: not every change of one is reported to the hook.
///
/// Error: WD032.
pub fn refuse(relations: impl IntoIterator<Item = Oid>) -> Result<()> {
    match relations.into_iter().find_map(kept::name) {
        Some(name) if !is_exempt() => Err(kept::refusal(&name)),
        _ => Ok(()),
    }
}

/// Checks ALTER EXTENSION ward ADD or DROP: what is no member any more could be dropped.
///
/// Error: WD032.
pub fn refuse_members() -> Result<()> {
    if is_exempt() {
        return Ok(());
    }
    Err(kept::refusal("what the extension ward consists of"))
}

/// Is it the projector, the extension's own script, a restore of it, or DROP EXTENSION?
fn is_exempt() -> bool {
    project::is_projecting()
        || access::in_ward_script()
        || access::in_binary_upgrade()
        || level::current().drops_ward
}

fn is_own_function(function: Oid) -> bool {
    let Some((name, extension)) = access::function_home(function) else {
        return false;
    };
    catalog::is_user_object(function)
        && extension.as_deref() == Some("ward")
        && name.contains("audit")
}
