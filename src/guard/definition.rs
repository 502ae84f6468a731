#![forbid(unsafe_code)]
//! Who may define and alter protected relations.

use super::{administrator_hint, alter, family, is_administrator, rename, reserved};
use crate::errors::{Code, Result, WardError};
use crate::pg::definition::{
    AlterDomain, CreateIndex, CreateStatistics, Publication, Rename, row_type,
};
use crate::pg::statement::{Lock, Name, Source, Statement};
use crate::pg::{Oid, access, catalog};
use crate::registry::{self, Protection};
use std::rc::Rc;

/// Is this a statement that [`inspect`] has rules for?
pub fn is_one(statement: Statement) -> bool {
    !matches!(
        statement,
        Statement::Transaction
            | Statement::Discard
            | Statement::Set(_)
            | Statement::Load
            | Statement::Explain { .. }
            | Statement::CreateTableAs { .. }
            | Statement::Copy(_)
            | Statement::Other
    )
}

/// Checks a statement that defines or alters something, in a database with protected relations.
pub fn inspect(statement: Statement, source: Source) -> Result<()> {
    match statement {
        Statement::AlterTable(statement) => alter::inspect(statement),
        Statement::CreateIndex(statement) => index(statement, source),
        Statement::CreateStatistics(statement) => statistics(statement),
        Statement::AlterDomain(statement) => domain(statement),
        Statement::Rename(statement) => renaming(statement),
        Statement::SetSchema(name) => administrators("moving", name, Lock::ACCESS_EXCLUSIVE),
        Statement::Policy(name) => administrators("a policy of", name, Lock::ACCESS_EXCLUSIVE),
        Statement::Trigger(name) => administrators("a trigger on", name, Lock::SHARE_ROW),
        Statement::Rule(name) => administrators("a rule on", name, Lock::ACCESS_EXCLUSIVE),
        Statement::Publication(statement) => publication(statement),
        Statement::AlterWard if !is_administrator() => Err(WardError::new(
            Code::Guarded,
            "altering or dropping the extension ward is reserved to administrators",
        )
        .hint(administrator_hint())),
        Statement::CreateTable(statement) => {
            if statement.has_parents() && (statement.is_foreign() || statement.runs_code()) {
                family::risky();
            }
            Ok(())
        }
        // Owners are looked at as they change (objects).
        _ => Ok(()),
    }
}

/// Refuses to go on unless the session is an administrator's or the relation is not protected.
fn administrators(what: &str, name: Name, lock: Lock) -> Result<()> {
    match protected(name.lock_own(lock))? {
        Some(p) if !is_administrator() => Err(reserved(what, &p)),
        _ => Ok(()),
    }
}

/// The protection of a relation that a statement names, if it names one.
pub fn protected(relation: Option<Oid>) -> Result<Option<Rc<Protection>>> {
    match relation {
        Some(relation) => registry::protection(relation),
        None => Ok(None),
    }
}

/// An index is built from the rows of all tenants. What it computes must disclose none of them: not
/// through a function, not through an error ("invalid input syntax for type integer: …"), and not
/// by telling whether values repeat.
fn index(statement: CreateIndex, source: Source) -> Result<()> {
    let Some(relation) = statement.relation() else {
        return Ok(());
    };
    let Some(p) = registry::protection(relation)? else {
        return Ok(());
    };
    if is_administrator() {
        return Ok(());
    }
    if statement.compares_rows() {
        return Err(reserved("a unique index on", &p));
    }
    if statement.leaks(relation, source) {
        return Err(reserved(
            "an index with an expression or predicate that is not leakproof on",
            &p,
        ));
    }
    Ok(())
}

fn statistics(statement: CreateStatistics) -> Result<()> {
    match protected(statement.relation())? {
        Some(p) if statement.has_expressions() && !is_administrator() => {
            Err(reserved("statistics on an expression of", &p))
        }
        _ => Ok(()),
    }
}

/// A domain's checks run over every row that holds its values.
fn domain(statement: AlterDomain) -> Result<()> {
    match statement.type_oid() {
        Some(type_oid) => altered_type(type_oid),
        None => Ok(()),
    }
}

/// Refuses to alter a type that a protected relation uses.
pub fn altered_type(type_oid: Oid) -> Result<()> {
    for relation in access::relations_using_type(type_oid) {
        if let Some(p) = registry::protection(relation)?
            && !is_administrator()
        {
            return Err(reserved("altering a type of", &p));
        }
    }
    Ok(())
}

fn renaming(statement: Rename) -> Result<()> {
    if let Some(schema) = statement.schema() {
        return rename_schema(&schema);
    }
    let Some(relation) = statement.relation() else {
        return Ok(());
    };
    if statement.is_attribute() {
        return altered_type(row_type(relation));
    }
    let Some(p) = registry::protection(relation)? else {
        return Ok(());
    };
    if !is_administrator() {
        return Err(reserved("renaming", &p));
    }
    if let Some((old, new)) = statement.column()
        && is_protected_column(&p, &old)
    {
        rename::column(&p, &old, &new)?;
    }
    Ok(())
}

/// Ward finds its objects by the names of its schemas; under other names it would enforce nothing.
fn rename_schema(schema: &str) -> Result<()> {
    if ["ward", "ward_internal"].contains(&schema) {
        return Err(WardError::new(
            Code::Guarded,
            format!("schema \"{schema}\" cannot be renamed"),
        )
        .hint("It belongs to the extension ward."));
    }
    Ok(())
}

/// Does the protection compare this column with claims?
pub fn is_protected_column(p: &Protection, name: &str) -> bool {
    super::columns(p).any(|column| column.name == name)
}

/// A publication sends the rows of all tenants to whoever subscribes.
fn publication(statement: Publication) -> Result<()> {
    if is_administrator() {
        return Ok(());
    }
    if statement.is_sweeping() {
        return Err(WardError::new(
            Code::Guarded,
            "a publication of tables that it does not name is reserved to administrators",
        )
        .hint(administrator_hint()));
    }
    for relation in statement.tables() {
        if let Some(p) = registry::protection(relation)? {
            return Err(reserved("publishing", &p));
        }
    }
    Ok(())
}

/// A relation's name for messages.
pub fn name_of(relation: Oid) -> String {
    catalog::relation_name(relation).unwrap_or_default()
}
