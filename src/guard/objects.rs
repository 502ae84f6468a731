#![forbid(unsafe_code)]
//! The rules that object access hooks enforce: what happens to objects whichever statement does it,
//! by CASCADE, DROP SCHEMA, DROP OWNED or REASSIGN OWNED.

use super::alter::column_in_use;
use super::{family, functions, immutable, is_administrator, is_ward, record, reserved, settings};
use crate::errors::{Code, Result, WardError};
use crate::pg::access::{self, Access, Object};
use crate::pg::{Oid, catalog};
use crate::registry;
use crate::session::{self, level};

/// Checks one access. Called for every function that a query is about to run, so cheap first. `internal`
/// changes are core's own, such as another file for the same table.
///
/// Errors: WD032.
#[inline]
pub fn inspect(access: Access, internal: bool) -> Result<()> {
    match access {
        Access::Execute(function) => settings::note_call(function),
        _ if internal => {}
        Access::Other => {}
        _ => {
            immutable::inspect(access)?;
            record::changed(access);
        }
    }
    match access {
        Access::Execute(function) if session::has_token() => functions::inspect(function),
        Access::Execute(_) | Access::Other => Ok(()),
        Access::Truncate(relation) => truncate(relation),
        Access::Drop(object) => drop(object),
        Access::Create(object) => create(object),
        Access::Alter(object) => alter(object),
    }
}

fn truncate(relation: Oid) -> Result<()> {
    session::refuse_catalog_write(relation)?;
    if !catalog::is_user_object(relation) || is_administrator() {
        return Ok(());
    }
    match registry::protection(relation)? {
        Some(p) => Err(reserved("TRUNCATE of", &p)),
        None => Ok(()),
    }
}

fn drop(object: Object) -> Result<()> {
    if is_ward() {
        return Ok(());
    }
    if is_administrator() {
        // The registry goes with the extension, and cannot be read any more.
        if level::current().drops_ward {
            return Ok(());
        }
        drop_column(object)?;
        object.relation().into_iter().for_each(drop_part);
        return Ok(());
    }
    if object.is_ward() {
        return Err(WardError::new(
            Code::Guarded,
            "DROP EXTENSION ward is reserved to administrators",
        )
        .hint(super::administrator_hint()));
    }
    if !registry::any()? {
        return Ok(());
    }
    // A table's policies, constraints, triggers and rules may be reported before the table itself.
    let column = object.column().map(|(relation, _)| relation);
    let relation = object
        .relation()
        .or(column)
        .or_else(|| object.enforced_on());
    // A temporary table is its session's alone, and has to go when the session does.
    let relation = relation.filter(|relation| !catalog::is_temporary(*relation));
    match relation.map(registry::protection) {
        Some(found) => found?.map_or(Ok(()), |p| Err(reserved("dropping (parts of)", &p))),
        None => Ok(()),
    }
}

/// A part of a source may take rows away that others are derived from: looked at when the statement is
/// through, since it may drop those as well.
fn drop_part(relation: Oid) {
    // While the extension itself is being dropped its registry cannot be read, and need not be.
    if let Ok(Some(p)) = registry::protection(relation)
        && p.root != relation
        && !p.derivatives.is_empty()
    {
        family::dropped(p);
    }
}

/// Not even an administrator drops a column that a relation is protected by.
fn drop_column(object: Object) -> Result<()> {
    // While the extension itself is being dropped its registry cannot be read, and need not be.
    let Some((relation, number)) = object.column() else {
        return Ok(());
    };
    let Ok(Some(p)) = registry::protection(relation) else {
        return Ok(());
    };
    match super::columns(&p).find(|column| column.attno == number) {
        Some(column) => Err(column_in_use(&p, &column.name)),
        None => Ok(()),
    }
}

fn create(object: Object) -> Result<()> {
    if let Some(relation) = object.relation() {
        family::created(relation);
    }
    // CREATE OR REPLACE FUNCTION reports a creation, too.
    match object.function() {
        Some(function) => change_function(object, function),
        None => Ok(()),
    }
}

fn alter(object: Object) -> Result<()> {
    if let Some(function) = object.function() {
        return change_function(object, function);
    }
    if is_ward() || is_administrator() || !registry::any()? {
        return Ok(());
    }
    refuse_wards_own(object)?;
    match object.relation() {
        Some(relation) if level::current().reassign => match registry::protection(relation)? {
            Some(p) => Err(reserved("giving another owner to", &p)),
            None => Ok(()),
        },
        _ => Ok(()),
    }
}

/// A function that a trigger, a constraint, a default, a policy or an index of a protected relation
/// calls runs in the sessions of all tenants. Replacing it is like altering the relation.
fn change_function(object: Object, function: Oid) -> Result<()> {
    if is_ward() || is_administrator() || !registry::any()? {
        return Ok(());
    }
    refuse_wards_own(object)?;
    for relation in access::relations_using_function(function) {
        if let Some(p) = registry::protection(relation)? {
            return Err(reserved("replacing a function used by", &p));
        }
    }
    Ok(())
}

fn refuse_wards_own(object: Object) -> Result<()> {
    let in_registry = || object.enforced_on().is_some_and(registry::is_own_table);
    if !object.belongs_to_ward() && !in_registry() {
        return Ok(());
    }
    Err(WardError::new(
        Code::Guarded,
        "altering an object of the extension ward is reserved to administrators",
    )
    .hint(super::administrator_hint()))
}
