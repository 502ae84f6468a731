#![forbid(unsafe_code)]
//! Finding the sources of a row, and what they have in common.
//!
//! A source that was found is locked (FOR SHARE) until the transaction ends: nobody relabels it
//! between our look and our commit. For the same reason it need be looked up only once.

use super::key;
use crate::errors::{Code, Result, WardError};
use crate::pg::expr::Column;
use crate::pg::own::{self, Lookup, Rows};
use crate::pg::scalar::{Scalar, Value};
use crate::pg::trigger::Row;
use crate::pg::xact::Event;
use crate::pg::{Datum, Oid, catalog, spi};
use crate::registry::{self, Derivation, OnDelete, Place, Protection};
use crate::rows::marker::{self, RowTexts};
use crate::session::{self, Access};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use ward_core::Label;

/// One row that another row is made from.
pub struct Source {
    /// Its key, as text; empty unless it was asked for.
    pub key: Vec<Option<String>>,
    pub label: Option<Label>,
    tenant: Option<String>,
    owner: Option<String>,
    acl: Option<Vec<Option<String>>>,
    /// May the session read it?
    pub visible: bool,
}

type Sources = Rc<[Source]>;

/// What was found in this transaction, by derivation, whether with keys, and the images of the key.
type Found = HashMap<(u64, bool, Vec<u8>), Sources>;

/// More are not kept: a bulk load of as many different sources would only fill memory.
const MAX_FOUND: usize = 50_000;

thread_local! {
    static FOUND: RefCell<Found> = RefCell::default();
    static LOOKUPS: RefCell<HashMap<(u64, bool), Rc<Lookup>>> = RefCell::default();
}

/// Forgets what was found: a source has changed.
pub fn forget() {
    FOUND.with_borrow_mut(HashMap::clear);
}

/// The locks go with the transaction or the savepoint that took them.
pub fn on_event(event: Event) {
    if matches!(event, Event::Commit | Event::Abort | Event::SavepointAbort) {
        forget();
    }
}

/// The sources that `row` names by `columns`, and (`keyed`) their keys; `None` if a part of the key
/// is NULL.
pub fn find(d: &Derivation, row: Row, columns: &[&Column], keyed: bool) -> Result<Option<Sources>> {
    let mut image = Vec::new();
    let mut values = Vec::with_capacity(columns.len());
    for column in columns {
        let (Some(bytes), Some(value)) = (row.image(column), row.value(column)) else {
            return Ok(None);
        };
        image.extend((bytes.len() as u32).to_ne_bytes());
        image.extend(bytes);
        values.push(value);
    }
    let wanted = (d.id, keyed, image);
    if let Some(found) = FOUND.with_borrow(|found| found.get(&wanted).cloned()) {
        return Ok(Some(found));
    }
    let parent = parent(d)?;
    let found: Sources = spi::as_owner(|| {
        lookup(d, &parent, columns, keyed)?.run(&values, |rows| read(rows, &parent))
    })?;
    FOUND.with_borrow_mut(|all| {
        if all.len() >= MAX_FOUND {
            all.clear();
        }
        all.insert(wanted, Rc::clone(&found));
    });
    Ok(Some(found))
}

/// Has a recorded source of this row been deleted? (Only quarantine lets its outputs stay.)
pub fn is_gone(d: &Derivation, row: Row, columns: &[&Column]) -> Result<bool> {
    if d.on_delete != OnDelete::Quarantine {
        return Ok(false);
    }
    let values = columns.iter().map(|column| row.value(column));
    let values: Option<Vec<Datum>> = values.collect();
    let Some(values) = values else {
        return Ok(false);
    };
    let sql = format!(
        "SELECT FROM ward_internal.lineage l
         WHERE l.output = {}::oid AND l.source = {}::oid AND l.output_key = {}
           AND NOT EXISTS (SELECT FROM {} {} p WHERE {} = l.source_key)
         LIMIT 1",
        d.child.to_u32(),
        d.parent.to_u32(),
        key::parameters_object(&d.child_key),
        key::only(d.parent),
        key::table(d.parent)?,
        key::object("p", &d.parent_key)
    );
    let types = columns.iter().map(|column| column.type_oid);
    let arguments: Vec<_> = types.zip(values).collect();
    own::query(&sql, &arguments, |rows| Ok(rows.count > 0))
}

fn parent(d: &Derivation) -> Result<Rc<Protection>> {
    registry::protection(d.parent)?.ok_or_else(|| {
        WardError::new(
            Code::Registry,
            "a relation that others derive from is not protected",
        )
        .hint("An administrator can run ward.protect() for it again, or ward.underive().")
    })
}

fn lookup(
    d: &Derivation,
    parent: &Protection,
    columns: &[&Column],
    keyed: bool,
) -> Result<Rc<Lookup>> {
    if let Some(known) = LOOKUPS.with_borrow(|all| all.get(&(d.id, keyed)).cloned()) {
        return Ok(known);
    }
    let types: Vec<Oid> = columns.iter().map(|column| column.type_oid).collect();
    let made = Rc::new(Lookup::prepare(&statement(d, parent, keyed)?, &types)?);
    LOOKUPS.with_borrow_mut(|all| {
        // Derivations that were loaded anew have new numbers: the plans of the old ones go.
        if all.len() >= 100 {
            all.clear();
        }
        all.insert((d.id, keyed), Rc::clone(&made));
    });
    Ok(made)
}

/// Tenant, label, owner, acl and (`keyed`) key of the sources. Each expression costs at every
/// look-up, so columns are taken as they are; setting a search path would, too, so every name is
/// qualified.
fn statement(d: &Derivation, parent: &Protection, keyed: bool) -> Result<String> {
    let table = key::table(d.parent)?;
    let only = key::only(d.parent);
    let plain = |column: Option<&Column>| match column {
        Some(column) => key::reference("p", &Place::from(column).name()),
        None => "NULL".to_owned(),
    };
    let mut columns = vec![
        plain(parent.tenant.as_ref().map(|d| &d.column)),
        plain(parent.label.as_ref()),
        plain(parent.owner.as_ref().map(|d| &d.column)),
    ];
    let acl = parent.acl.as_ref().map(|acl| plain(Some(&acl.column)));
    columns.push(acl.map_or("NULL".to_owned(), |acl| format!("{acl}::pg_catalog.text[]")));
    if keyed {
        columns.push(key::texts("p", &d.parent_key));
    }
    let columns = columns.join(", ");
    let (from, condition) = if d.recorded {
        let recorded = key::object("p", &d.parent_key);
        let output = key::parameters_object(&d.child_key);
        (
            format!("ward_internal.lineage l JOIN {only} {table} p ON l.source_key OPERATOR(pg_catalog.=) {recorded}"),
            format!(
                "l.output OPERATOR(pg_catalog.=) {}::pg_catalog.oid AND l.source OPERATOR(pg_catalog.=) {}::pg_catalog.oid
                 AND l.output_key OPERATOR(pg_catalog.=) {output}",
                d.child.to_u32(),
                d.parent.to_u32()
            ),
        )
    } else {
        (
            format!("{only} {table} p"),
            key::equals_parameters("p", &d.parent_key),
        )
    };
    Ok(format!(
        "SELECT {columns} FROM {from} WHERE {condition} FOR SHARE OF p"
    ))
}

fn read(rows: &Rows, parent: &Protection) -> Result<Sources> {
    let bound = session::has_token() && matches!(session::access()?, Access::Bound(_));
    let carried = (parent.label.as_ref()).is_some_and(|label| label.carrier.is_some());
    // What is no label is as high as one can be: a document may hold anything.
    let label = |i| match carried {
        true => (rows.text(i, 2)).map(|text| key::label(&text).unwrap_or(Label::TOP)),
        false => (rows.bits(i, 2)).map(|bits| Label::from_bits(bits).unwrap_or(Label::TOP)),
    };
    (0..rows.count as usize)
        .map(|i| {
            let source = Source {
                tenant: rows.output(i, 1),
                label: label(i),
                owner: rows.output(i, 3),
                acl: rows.texts(i, 4),
                key: rows.texts(i, 5).unwrap_or_default(),
                visible: true,
            };
            let visible = !bound || marker::decide(parent.relation, &source.texts(parent), false)?;
            Ok(Source { visible, ..source })
        })
        .collect()
}

impl Source {
    fn texts(&self, p: &Protection) -> RowTexts {
        let one = |text: &Option<String>| text.clone().map(|text| vec![Some(text)]);
        let mut texts = Vec::new();
        if p.tenant.is_some() {
            texts.push(one(&self.tenant));
        }
        if p.label.is_some() {
            texts.push(one(&self.label.map(|label| label.to_string())));
        }
        if p.owner.is_some() {
            texts.push(one(&self.owner));
        }
        if p.acl.is_some() {
            texts.push(self.acl.clone());
        }
        texts
    }
}

/// What a row gets from all its sources.
#[derive(Default)]
pub struct Inherited {
    /// The join of their labels.
    pub label: Option<Label>,
    /// Has one of them no label? Then nobody may see what is made from it, either.
    pub unlabelled: bool,
    /// Is one of them not there any more? Then the row stays in quarantine.
    pub gone: bool,
    pub tenant: Option<Value>,
    /// Is one of them nobody's? Then what is made from it is, too.
    pub tenantless: bool,
    /// Outer `None`: no source has an owner.
    pub owner: Option<Option<Value>>,
    /// Who may see all of them; outer `None`: no source has an acl.
    pub acl: Option<Vec<Value>>,
}

impl Inherited {
    /// Adds what the sources of one derivation have. `child` says which types the values get.
    ///
    /// Errors: WD014 for sources of different tenants; WD021 for different owners.
    pub fn add(&mut self, child: &Protection, d: &Derivation, sources: &[Source]) -> Result<()> {
        let parent = parent(d)?;
        for source in sources {
            if parent.label.is_some() {
                match source.label {
                    Some(label) => self.join(label),
                    None => self.unlabelled = true,
                }
            }
            self.add_tenant(child, &parent, source)?;
            self.add_owner(child, &parent, source)?;
            if let (Some(acl), true) = (&child.acl, parent.acl.is_some()) {
                let names = parsed(acl.scalar, source.acl.as_deref().unwrap_or_default());
                match &mut self.acl {
                    None => self.acl = Some(names),
                    Some(all) => all.retain(|name| names.contains(name)),
                }
            }
        }
        Ok(())
    }

    fn join(&mut self, label: Label) {
        self.label = Some(self.label.map_or(label, |own| own.join(label)));
    }

    fn add_tenant(
        &mut self,
        child: &Protection,
        parent: &Protection,
        source: &Source,
    ) -> Result<()> {
        let (Some(dimension), Some(_)) = (&child.tenant, &parent.tenant) else {
            return Ok(());
        };
        let Some(text) = &source.tenant else {
            self.tenantless = true;
            return Ok(());
        };
        // What all tenants share belongs to none of them.
        if parent.shared_tenant.as_ref() == Some(text) {
            return Ok(());
        }
        let tenant = dimension.scalar.parse(text);
        if tenant.is_none()
            || self
                .tenant
                .as_ref()
                .is_some_and(|own| Some(own) != tenant.as_ref())
        {
            return Err(WardError::new(
                Code::Tenant,
                format!(
                    "row refused for \"{}\": its sources belong to different tenants",
                    child.name
                ),
            ));
        }
        self.tenant = tenant;
        Ok(())
    }

    fn add_owner(
        &mut self,
        child: &Protection,
        parent: &Protection,
        source: &Source,
    ) -> Result<()> {
        let (Some(dimension), true) = (&child.owner, parent.owner.is_some()) else {
            return Ok(());
        };
        let owner = source
            .owner
            .as_ref()
            .and_then(|text| dimension.scalar.parse(text));
        if self.owner.as_ref().is_some_and(|own| *own != owner) {
            return Err(WardError::new(
                Code::DefaultDeny,
                format!(
                    "row refused for \"{}\": its sources belong to different owners",
                    child.name
                ),
            ));
        }
        self.owner = Some(owner);
        Ok(())
    }
}

fn parsed(scalar: Scalar, names: &[Option<String>]) -> Vec<Value> {
    let names = names.iter().flatten();
    names.filter_map(|name| scalar.parse(name)).collect()
}

/// The name of a source's relation, for messages.
pub fn name(d: &Derivation) -> String {
    catalog::relation_name(d.parent).unwrap_or_default()
}
