#![forbid(unsafe_code)]
//! CREATE TABLE AS and SELECT INTO over protected relations: a table that is protected on the spot.
//!
//! The query is wrapped in one that puts out a tenant and a label as well, under the names that the
//! first protected source gives them, and whoever names such a column in the query itself has it
//! checked and raised. When the statement has run, `ward.protect`'s machinery covers the new table.
//!
//! Only the query that the statement itself names is followed: what functions in
//! it read is refused, as is CREATE TABLE AS of a prepared statement.

use super::cargo::Cargo;
use super::carry::Carrier;
use super::flow::refused_mixture;
use crate::errors::{Code, Result, WardError};
use crate::pg::carry::Kind;
use crate::pg::expr::{self, Column};
use crate::pg::node::{Expr, Query, TargetList};
use crate::pg::scalar::Scalar;
use crate::pg::xact::{self, Event};
use crate::pg::{self, Oid};
use crate::registry::{self, Dimension, Objects, Place, Protection};
use crate::rows::protect;
use crate::session::{Identity, level};
use std::cell::RefCell;
use std::rc::Rc;
use ward_core::Label;

/// A statement that is under way, by the address of its text.
pub type Text = usize;

/// How the table that a statement makes will be protected.
struct Coming {
    text: Text,
    columns: protect::Columns,
}

thread_local! {
    static COMING: RefCell<Vec<Coming>> = const { RefCell::new(Vec::new()) };
    /// How many were coming when each savepoint began.
    static SAVEPOINTS: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
}

/// What a failed statement has not made will not come; another may have its text's address.
pub fn on_event(event: Event) {
    COMING.with_borrow_mut(|coming| {
        SAVEPOINTS.with_borrow_mut(|savepoints| match event {
            Event::Commit | Event::Abort => {
                savepoints.clear();
                coming.clear();
            }
            Event::SavepointStart => savepoints.push(coming.len()),
            Event::SavepointCommit => {
                savepoints.pop();
            }
            Event::SavepointAbort => coming.truncate(savepoints.pop().unwrap_or_default()),
        });
    });
}

/// Has the query of the statement of this text been followed into a new table?
pub fn is_coming(text: Text) -> bool {
    COMING.with_borrow(|all| all.iter().any(|coming| coming.text == text))
}

/// Protects the table that the statement of this text has made, if it holds protected rows: `created`
/// are the relations that it created.
///
/// Errors: those of `ward.protect`.
pub fn finish(text: Text, created: impl Iterator<Item = Oid>) -> Result<()> {
    let coming = COMING.with_borrow_mut(|all| {
        let at = all.iter().rposition(|coming| coming.text == text)?;
        let coming = all.swap_remove(at);
        all.truncate(at);
        Some(coming)
    });
    let Some(coming) = coming else {
        return Ok(());
    };
    xact::make_changes_visible();
    let is_table = |relation: &Oid| pg::catalog::relation_kind(*relation) == Some(b'r');
    let Some(relation) = created.filter(is_table).last() else {
        return Err(WardError::new(
            Code::Unsupported,
            "the new table of protected rows was not found",
        ));
    };
    protect::protect_new(relation, &coming.columns)
}

/// Makes `query`, whose rows a new table will hold, put out what protects them.
///
/// Errors: WD034 where the new table could not be protected as its sources are; WD014 for tokens of
/// several tenants.
pub fn prepare(query: Query, text: Text, identity: &Identity, objects: &Objects) -> Result<()> {
    let chain = &[];
    if Carrier::new(Cargo::AnyRow, query, objects)?
        .of(query, chain)?
        .is_nothing()
    {
        return Ok(());
    }
    if query.writes_in_with() {
        // Core knows of it at the top of a statement only, and there stands the query around this one.
        return Err(WardError::new(
            Code::Unsupported,
            "CREATE TABLE AS over protected relations with INSERT, UPDATE or DELETE in WITH is refused",
        )
        .hint("Write first, and create the table in a statement of its own."));
    }
    let sources = sources(query)?;
    refuse_unfit(&sources)?;
    let mut tenant = sources.iter().find_map(|p| p.tenant.clone());
    let mut label = sources.iter().find_map(|p| p.label.clone());
    // What a document carries gets a column of its own.
    for column in tenant.iter_mut().map(|of| &mut of.column).chain(&mut label) {
        if let Some(carrier) = column.carrier.take() {
            column.name = carrier.key;
        }
    }
    let carried = Carrier::new(Cargo::Labels, query, objects)?.of(query, chain)?;
    let clearance = expr::eight_bytes(
        objects.label_type,
        identity.principal().clearance.to_bits() as i64,
    );
    let carried = carried.or_bound(|| clearance.copied());
    let carried = carried.map(|value| query.append_output(value));
    let visible = query.visible_targets().len() - usize::from(carried.is_some());
    rename(query, visible)?;
    query.wrap(visible);
    let outputs = query.targets();
    if let Some(tenant) = &tenant {
        put_tenant(outputs, tenant, identity, objects)?;
    }
    if let Some(label) = &label {
        let carried = carried.map(|number| query.column(1, number, Kind::of(objects.label_type)));
        put_label(outputs, label, carried, clearance, objects)?;
    }
    let columns = protect::Columns {
        tenant: tenant.map(|tenant| Place::from(&tenant.column)),
        label: label.as_ref().map(Place::from),
        ..protect::Columns::default()
    };
    COMING.with_borrow_mut(|all| all.push(Coming { text, columns }));
    Ok(())
}

/// Gives the outputs the names that the statement's list gives the columns: core would do it later, and
/// rename what protects the rows after it was put in place.
fn rename(query: Query, visible: usize) -> Result<()> {
    let names = level::current().new_names.list();
    if names.len() > visible {
        return Err(WardError::new(
            Code::Argument,
            "the new table has fewer columns than names",
        ));
    }
    for (target, name) in query.visible_targets().into_iter().zip(&names) {
        target.rename(name);
    }
    Ok(())
}

/// Puts out the session's tenant; a column of that name must hold it already.
fn put_tenant(
    outputs: TargetList,
    tenant: &Dimension,
    identity: &Identity,
    objects: &Objects,
) -> Result<()> {
    let column = &tenant.column;
    let own = own_tenant(tenant, identity)?;
    let Some(given) = outputs.named(&column.name) else {
        outputs.append(&column.name, own);
        return Ok(());
    };
    if Scalar::of(given.value().type_oid()).is_none() {
        return Err(unfit(&column.name));
    }
    let nothing_shared = Kind::of(pg::TEXT).null();
    let own = [own.to_text(column.type_oid), nothing_shared];
    let own = expr::call(objects.flow.tenant_set, pg::TEXT_ARRAY, &own);
    given.replace(|value| {
        let type_oid = value.type_oid();
        let arguments = [expr::oid(Oid::INVALID), value.to_text(type_oid), own];
        expr::call(objects.flow.only_tenant, pg::TEXT, &arguments).text_as(value)
    });
    Ok(())
}

/// Puts out the label, raised to what the row came from and within the clearance.
fn put_label(
    outputs: TargetList,
    label: &Column,
    carried: Option<Expr>,
    clearance: Expr,
    objects: &Objects,
) -> Result<()> {
    let lowest = expr::eight_bytes(objects.label_type, Label::PUBLIC.to_bits() as i64);
    let raised = |base: Expr| match carried {
        Some(carried) => {
            let function = objects.flow.raise_label;
            expr::call(function, objects.label_type, &[base, carried.copied()])
        }
        None => base,
    };
    let Some(given) = outputs.named(&label.name) else {
        outputs.append(&label.name, raised(lowest));
        return Ok(());
    };
    if given.value().type_oid() != objects.label_type {
        return Err(unfit(&label.name));
    }
    given.replace(|value| {
        let value = raised(expr::coalesce(label, value, lowest));
        let dominated = objects.label_dominated;
        let within = expr::operator_call(dominated, value.copied(), clearance, Oid::INVALID);
        let arguments = [expr::oid(Oid::INVALID), expr::text("label")];
        let deny = expr::call(objects.deny, pg::BOOLEAN, &arguments);
        expr::when(expr::or(within, deny), value)
    });
    Ok(())
}

/// The protections of what the query reads, conditions included.
fn sources(query: Query) -> Result<Vec<Rc<Protection>>> {
    let mut found = Vec::new();
    query.visit(&mut |level| {
        for (_, rte) in level.rtes() {
            if let Some(table) = rte.table() {
                found.extend(registry::protection(table)?);
            }
        }
        Ok::<_, WardError>(())
    })?;
    Ok(found)
}

/// A new table gets tenants and labels; what else decides about its sources' rows, it could not keep.
fn refuse_unfit(sources: &[Rc<Protection>]) -> Result<()> {
    for p in sources {
        let has_persons = p.owner.is_some() || p.acl.is_some();
        if has_persons || (p.tenant.is_none() && p.label.is_none()) {
            return Err(WardError::new(
                Code::Unsupported,
                format!("a new table cannot be protected as \"{}\" is", p.name),
            )
            .hint(super::flow::STORE_HINT));
        }
    }
    Ok(())
}

fn unfit(column: &str) -> WardError {
    WardError::new(
        Code::Unsupported,
        format!("column \"{column}\" of the new table must be of the type that protects its rows"),
    )
    .hint("Give that output column another name.")
}

/// The session's only tenant, as a value of the source's column.
fn own_tenant(tenant: &Dimension, identity: &Identity) -> Result<Expr> {
    let value = match identity.principal().tenants.as_slice() {
        [only] => tenant.scalar.parse(only),
        _ => None,
    };
    match value {
        Some(value) => Ok(tenant.column.constant(tenant.scalar, &value)),
        None => Err(refused_mixture("the new table")),
    }
}
