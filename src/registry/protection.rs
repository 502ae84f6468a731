#![forbid(unsafe_code)]
//! Which relations are protected, and by which columns.

use super::derivation::{self, Derivation};
use super::mask::{self, Mask};
use super::place::{Content, Place};
use super::{Cached, objects};
use crate::errors::{Code, Result, WardError};
use crate::pg::expr::Column;
use crate::pg::scalar::Scalar;
use crate::pg::{Oid, catalog, table, trigger};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use ward_core::{Label, Level};

/// A column whose values are compared with claims.
#[derive(Clone, Debug)]
pub struct Dimension {
    pub column: Column,
    /// The type of its values (of its elements, for an acl).
    pub scalar: Scalar,
}

/// A column that a derivation finds rows by.
#[derive(Clone, Debug)]
pub struct Key {
    /// As the derivation names it: `column`, or `column->key`.
    pub name: String,
    pub column: Column,
}

/// How one relation is protected. For a partition or an inheritance child it is the protection of
/// its root, with the child's own column numbers.
#[derive(Clone, Debug)]
pub struct Protection {
    /// The relation itself.
    pub relation: Oid,
    /// The relation that `ward.protect` was called for.
    pub root: Oid,
    /// Its name, for messages.
    pub name: String,
    pub tenant: Option<Dimension>,
    pub label: Option<Column>,
    pub owner: Option<Dimension>,
    pub acl: Option<Dimension>,
    /// What a row inserted without a label gets.
    pub default_label: Label,
    /// Are written labels raised to the watermark of the transaction?
    pub label_from_watermark: bool,
    /// The tenant whose rows all may read and none may write.
    pub shared_tenant: Option<String>,
    /// Had the root row security before it was protected?
    pub rls_before: bool,
    /// Does ward's permissive policy stand alone? Where the table has others, it must not widen them.
    /// (A change of a policy invalidates the relation, and with it this entry.)
    pub permits: bool,
    /// The masked columns.
    pub masks: Vec<Mask>,
    /// What its rows are made from.
    pub sources: Vec<Rc<Derivation>>,
    /// What is made from its rows.
    pub derivatives: Vec<Rc<Derivation>>,
    /// The columns that derivations find rows by.
    pub keys: Vec<Key>,
    /// How reads are recorded at least: `async`, `commit` or `strict`.
    pub audit_reads: Option<String>,
    /// Is each changed row recorded?
    pub audit_rows: bool,
    /// Is the trigger that records them in place, here and in every child?
    pub is_recording: bool,
    /// Tells this state of the relation from earlier ones, in this process.
    pub serial: u64,
    /// Are the triggers that keep derived rows in step in place, here and in every child?
    pub in_step: bool,
}

impl Protection {
    /// The columns that decide about rows.
    pub fn columns(&self) -> impl Iterator<Item = &Column> {
        let dimensions = [&self.tenant, &self.owner, &self.acl].into_iter().flatten();
        dimensions
            .map(|dimension| &dimension.column)
            .chain(&self.label)
    }

    /// The key column of this name.
    pub fn key(&self, name: &str) -> Option<&Column> {
        let key = self.keys.iter().find(|key| key.name == name);
        key.map(|key| &key.column)
    }

    /// Are the sources of its rows named one by one?
    pub fn is_recorded(&self) -> bool {
        self.sources.iter().any(|derivation| derivation.recorded)
    }
}

/// The option that lists the dimensions whose values live under keys of jsonb columns. It is written
/// down, so that a column which is added later under such a name changes nothing.
pub const CARRIED: &str = "carried";

/// The option that says where labels come from, and its one value.
pub const LABEL_DEFAULT: &str = "label_default";
pub const WATERMARK: &str = "watermark";

/// The option that has changed rows recorded.
pub const AUDIT_ROWS: &str = "audit_rows";

/// The prefix of the names of ward's own catalog policies.
pub const POLICY_PREFIX: &str = "ward_";

/// A row of `ward_internal.protection`.
struct Stored {
    tenant: Option<String>,
    label: Option<String>,
    owner: Option<String>,
    acl: Option<String>,
    options: serde_json::Value,
    rls_before: bool,
    masks: Vec<mask::Stored>,
    sources: Vec<Rc<Derivation>>,
    derivatives: Vec<Rc<Derivation>>,
}

impl Stored {
    fn audit_rows(&self) -> bool {
        self.options
            .get(AUDIT_ROWS)
            .and_then(serde_json::Value::as_bool)
            == Some(true)
    }

    fn needs_watermark(&self) -> bool {
        self.options
            .get(LABEL_DEFAULT)
            .is_some_and(|value| value == WATERMARK)
    }
}

type StoredMap = Rc<HashMap<Oid, Stored>>;
type Resolved = HashMap<Oid, Option<Rc<Protection>>>;

thread_local! {
    static STORED: Cached<StoredMap> = const { Cached::new() };
    static RESOLVED: RefCell<Resolved> = RefCell::default();
    static RESOLVED_STALE: Cell<bool> = const { Cell::new(true) };
    static IDLE: Cell<bool> = const { Cell::new(false) };
    static TABLES: Cell<[Oid; 3]> = const { Cell::new([Oid::INVALID; 3]) };
    static SERIAL: Cell<u64> = const { Cell::new(0) };
    static NEEDS_WATERMARK: Cell<bool> = const { Cell::new(false) };
}

/// Is it known that nothing is protected in this database? False while it is not known.
///
/// For hooks on the path of every statement: it neither loads anything nor raises.
#[inline]
pub fn is_idle() -> bool {
    IDLE.get()
}

/// Is anything protected in this database? The cheap first question of every hook.
pub fn any() -> Result<bool> {
    Ok(!stored()?.is_empty())
}

/// Is a relation of this database protected with labels from the watermark?
pub fn needs_watermark() -> Result<bool> {
    stored()?;
    Ok(NEEDS_WATERMARK.get())
}

/// The protection of a relation, its own or that of its root; `None` if it has none.
///
/// Errors: WD040 if a protected column is missing, or if two protected parents disagree.
pub fn protection(relation: Oid) -> Result<Option<Rc<Protection>>> {
    let stored = stored()?;
    if stored.is_empty() {
        return Ok(None);
    }
    if RESOLVED_STALE.replace(false) {
        RESOLVED.with_borrow_mut(HashMap::clear);
    }
    if let Some(found) = RESOLVED.with_borrow(|resolved| resolved.get(&relation).cloned()) {
        return Ok(found);
    }
    let found = match root_of(relation, &stored)? {
        Some(root) => Some(Rc::new(resolve(relation, root, &stored)?)),
        None => None,
    };
    if !RESOLVED_STALE.get() {
        RESOLVED.with_borrow_mut(|resolved| resolved.insert(relation, found.clone()));
    }
    Ok(found)
}

pub(super) fn relation_changed(relation: Option<Oid>) {
    let Some(relation) = relation else {
        forget();
        return;
    };
    if TABLES.get().contains(&relation) {
        forget();
    }
    // Whoever holds the map now is filling it; then the entry must not be kept either.
    let known = RESOLVED.with(|map| {
        map.try_borrow()
            .map_or(true, |map| map.contains_key(&relation))
    });
    if known {
        RESOLVED_STALE.set(true);
    }
}

fn stored() -> Result<StoredMap> {
    STORED.with(|stored| {
        let map = stored.get_or_load(load)?;
        IDLE.set(map.is_empty() && stored.is_fresh());
        Ok(map)
    })
}

fn forget() {
    IDLE.set(false);
    STORED.with(Cached::forget);
    RESOLVED_STALE.set(true);
}

fn load() -> Result<StoredMap> {
    let mut map = HashMap::new();
    if let Some(objects) = objects()? {
        TABLES.set([objects.protection, objects.mask, objects.derivation]);
        let mut masks = mask::load(objects.mask);
        let mut derivations = derivation::load(objects.derivation);
        table::scan(objects.protection, |row| {
            if let Some(relation) = row.oid(1) {
                map.insert(
                    relation,
                    Stored {
                        tenant: row.name(2),
                        label: row.name(3),
                        owner: row.name(4),
                        acl: row.name(5),
                        options: row.json(6).unwrap_or_default(),
                        rls_before: row.boolean(7).unwrap_or_default(),
                        masks: masks.remove(&relation).unwrap_or_default(),
                        sources: derivations.sources.remove(&relation).unwrap_or_default(),
                        derivatives: derivations
                            .derivatives
                            .remove(&relation)
                            .unwrap_or_default(),
                    },
                );
            }
        });
    }
    NEEDS_WATERMARK.set(map.values().any(Stored::needs_watermark));
    Ok(Rc::new(map))
}

/// The nearest protected relation among this one and its ancestors.
fn root_of(relation: Oid, stored: &HashMap<Oid, Stored>) -> Result<Option<Oid>> {
    if stored.contains_key(&relation) {
        return Ok(Some(relation));
    }
    if !catalog::is_user_object(relation) {
        return Ok(None);
    }
    let mut roots = Vec::new();
    for parent in catalog::parents(relation) {
        roots.extend(root_of(parent, stored)?);
    }
    roots.sort_unstable_by_key(|root| root.to_u32());
    roots.dedup();
    match roots.as_slice() {
        [] => Ok(None),
        [root] => Ok(Some(*root)),
        _ => Err(WardError::new(
            Code::Registry,
            format!(
                "relation \"{}\" inherits from several protected relations",
                name_of(relation)
            ),
        )
        .hint("Protect the relation itself, or let it inherit from one of them.")),
    }
}

fn resolve(relation: Oid, root: Oid, stored: &HashMap<Oid, Stored>) -> Result<Protection> {
    let Some(row) = stored.get(&root) else {
        return Err(broken(relation, "registry row"));
    };
    let carried = |dimension: &str| {
        let carried = row.options.get(CARRIED).and_then(|list| list.as_array());
        carried.is_some_and(|list| list.iter().any(|name| name == dimension))
    };
    let column = |what: &str, name: &Option<String>, content| match name {
        None => Ok(None),
        Some(name) => Place::stored(name, carried(what))
            .find(relation, content)?
            .map(Some)
            .ok_or_else(|| broken(relation, &format!("column \"{name}\""))),
    };
    let dimension = |what: &str, name, scalar: fn(Oid) -> Option<Scalar>| match column(
        what,
        name,
        Content::Claim,
    )? {
        None => Ok(None),
        Some(column) => match scalar(column.type_oid) {
            Some(scalar) => Ok(Some(Dimension { column, scalar })),
            None => Err(broken(
                relation,
                &format!("type of column \"{}\"", column.name),
            )),
        },
    };
    let option = |name: &str| row.options.get(name).and_then(serde_json::Value::as_str);
    let default_label = match option("default_label") {
        None => Label::of(Level::Internal),
        Some(text) => Label::parse(text, &super::category)
            .map_err(|_| broken(relation, "option default_label"))?,
    };
    let name = name_of(relation);
    let keys = row.sources.iter().flat_map(|d| &d.child_key);
    let keys = keys.chain(row.derivatives.iter().flat_map(|d| &d.parent_key));
    let keys = keys.map(|name| {
        let column = Place::of_key(name).find(relation, Content::Claim)?;
        let column = column.ok_or_else(|| broken(relation, &format!("column \"{name}\"")))?;
        Ok(Key {
            name: name.clone(),
            column,
        })
    });
    Ok(Protection {
        relation,
        root,
        keys: keys.collect::<Result<_>>()?,
        in_step: triggers_in_place(relation, row)?,
        audit_rows: row.audit_rows(),
        is_recording: !row.audit_rows() || is_recording(relation)?,
        sources: row.sources.clone(),
        derivatives: row.derivatives.clone(),
        masks: mask::resolve(relation, &name, &row.masks)?,
        name,
        tenant: dimension("tenant", &row.tenant, Scalar::of)?,
        label: column("label", &row.label, Content::Label)?,
        owner: dimension("owner", &row.owner, Scalar::of)?,
        acl: dimension("acl", &row.acl, Scalar::of_array)?,
        audit_reads: option("audit_reads").map(str::to_owned),
        serial: SERIAL.replace(SERIAL.get() + 1),
        default_label,
        label_from_watermark: row.needs_watermark(),
        shared_tenant: option("shared_tenant").map(str::to_owned),
        rls_before: row.rls_before,
        permits: !catalog::has_other_permissive_policy(relation, POLICY_PREFIX),
    })
}

/// Looked at once per resolved relation: a changed trigger invalidates the relation, and each child
/// is resolved here, so that a change of a child's is noticed, too.
fn triggers_in_place(relation: Oid, row: &Stored) -> Result<bool> {
    if row.sources.is_empty() && row.derivatives.is_empty() {
        return Ok(true);
    }
    let Some(objects) = objects()? else {
        return Ok(false);
    };
    let triggers = trigger::of(relation);
    let derives = row.sources.is_empty() || trigger::is_last_before(&triggers, objects.derive_row);
    let recorded = row.sources.iter().any(|derivation| derivation.recorded);
    let followed = recorded || !row.derivatives.is_empty();
    let cascades = !followed || trigger::is_after(&triggers, objects.derive_source);
    let mut in_place = derives && cascades;
    for child in catalog::children(relation) {
        in_place &= protection(child)?.is_some_and(|p| p.in_step);
    }
    Ok(in_place)
}

/// As [`triggers_in_place`], for the trigger of the audit.
fn is_recording(relation: Oid) -> Result<bool> {
    let Some(objects) = objects()? else {
        return Ok(false);
    };
    let mut recording = trigger::records_all(relation, objects.audit_row);
    for child in catalog::children(relation) {
        recording &= protection(child)?.is_some_and(|p| p.is_recording);
    }
    Ok(recording)
}

fn name_of(relation: Oid) -> String {
    catalog::relation_name(relation).unwrap_or_else(|| relation.to_u32().to_string())
}

fn broken(relation: Oid, what: &str) -> WardError {
    WardError::new(
        Code::Registry,
        format!(
            "the {what} of protected relation \"{}\" is missing or unfit",
            name_of(relation)
        ),
    )
    .hint("An administrator can repair it with ward.unprotect() and ward.protect().")
}
