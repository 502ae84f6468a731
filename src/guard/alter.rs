#![forbid(unsafe_code)]
//! ALTER TABLE on protected relations.

use super::definition::{altered_type, is_protected_column, name_of, protected};
use super::{family, is_administrator, reserved};
use crate::errors::{Code, Result, WardError};
use crate::pg::definition::{AlterTable, Change, Command, row_type};
use crate::pg::statement::{Lock, Name};
use crate::pg::{Oid, catalog};
use crate::registry::{self, Protection};

/// Checks ALTER TABLE and its like.
pub fn inspect(statement: AlterTable) -> Result<()> {
    let Some(relation) = statement.relation() else {
        return Ok(());
    };
    if statement.is_type() {
        return altered_type(row_type(relation));
    }
    let p = registry::protection(relation)?;
    for command in statement.commands() {
        if let Some(p) = &p {
            allowed(command, relation, p)?;
        }
        match command.change() {
            Change::Attach(child) => joins(child.lock_own(Lock::ACCESS_EXCLUSIVE), Some(relation))?,
            Change::Inherit(parent) => joins(Some(relation), parent.lock(Lock::SHARE_UPDATE))?,
            Change::Detach(child) => leaves(child.find(), Some(relation))?,
            Change::Disinherit(parent) => leaves(Some(relation), parent_of(parent))?,
            _ => {}
        }
    }
    Ok(())
}

fn parent_of(parent: Name) -> Option<Oid> {
    parent.find()
}

/// A relation that becomes a child must not be readable through its parent in another way than by
/// itself: refused to everybody, since the rows would leave their protection.
fn joins(child: Option<Oid>, parent: Option<Oid>) -> Result<()> {
    let (Some(child), Some(parent)) = (child, parent) else {
        return Ok(());
    };
    match (registry::protection(child)?, registry::protection(parent)?) {
        (None, None) => Ok(()),
        (None, Some(p)) => {
            if !is_administrator() {
                return Err(reserved("adding children to", &p));
            }
            family::joined(child);
            Ok(())
        }
        (Some(_), None) => Err(misfit(child, parent, "is not protected")
            .hint("Protect the parent with ward.protect() first, or unprotect the child.")),
        (Some(_), Some(_)) => Err(misfit(child, parent, "is protected as well")
            .hint("Unprotect the child first: its parent's protection will cover it.")),
    }
}

fn misfit(child: Oid, parent: Oid, why: &str) -> WardError {
    WardError::new(
        Code::Guarded,
        format!(
            "protected relation \"{}\" cannot become a child of \"{}\", which {why}",
            name_of(child),
            name_of(parent)
        ),
    )
}

/// A former child keeps the protection that it had through its parent.
fn leaves(child: Option<Oid>, parent: Option<Oid>) -> Result<()> {
    let (Some(child), Some(p)) = (child, protected(parent)?) else {
        return Ok(());
    };
    if !is_administrator() {
        return Err(reserved("taking children from", &p));
    }
    if let Some(own) = registry::protection(child)? {
        family::left(child, own);
    }
    Ok(())
}

/// May this session run this command on a protected relation?
fn allowed(command: Command, relation: Oid, p: &Protection) -> Result<()> {
    let column = String::from_utf8_lossy(command.column());
    let change = command.change();
    if matches!(change, Change::DropColumn | Change::ColumnType) && is_protected_column(p, &column)
    {
        return Err(column_in_use(p, &column));
    }
    let harmless = match change {
        Change::Harmless => true,
        Change::AddColumn(column) => !column.runs_code(),
        Change::Default(None) => true,
        Change::Default(Some(value)) => {
            catalog::column(relation, &column).is_none_or(|column| value.is_plain(column.type_oid))
        }
        _ => false,
    };
    if harmless || is_administrator() {
        return Ok(());
    }
    Err(reserved("this form of ALTER TABLE on", p))
}

/// The refusal to drop or retype a protected column, to everybody (WD032).
pub fn column_in_use(p: &Protection, column: &str) -> WardError {
    WardError::new(
        Code::Guarded,
        format!(
            "column \"{column}\" is what relation \"{}\" is protected by",
            p.name
        ),
    )
    .hint(format!(
        "Run ward.unprotect('{}', reason) first.",
        name_of(p.root)
    ))
}
