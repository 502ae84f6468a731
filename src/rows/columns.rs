#![forbid(unsafe_code)]
//! The columns that `ward.protect` names: whether they are there and fit, adding those that are not.

use super::protect::{Options, bad};
use crate::errors::Result;
use crate::pg::scalar::Scalar;
use crate::pg::{Oid, catalog, own, spi, types};
use crate::registry::{Content, Dimension, Place, Protection, objects};
use ward_core::Label;

/// Where the protected values live; `None` for a dimension that is not used.
#[derive(Default)]
pub struct Columns {
    pub tenant: Option<Place>,
    pub label: Option<Place>,
    pub owner: Option<Place>,
    pub acl: Option<Place>,
}

impl Columns {
    /// The places of these names, in the order tenant, label, owner, acl.
    pub fn named(relation: Oid, names: &[Option<String>; 4]) -> Result<Self> {
        let place = |name: &Option<String>| {
            name.as_ref()
                .map(|name| Place::named(relation, name))
                .transpose()
        };
        let [tenant, label, owner, acl] = names;
        Ok(Self {
            tenant: place(tenant)?,
            label: place(label)?,
            owner: place(owner)?,
            acl: place(acl)?,
        })
    }

    /// Those of a protection.
    pub fn of(p: &Protection) -> Self {
        let claim = |dimension: &Option<Dimension>| {
            dimension
                .as_ref()
                .map(|dimension| Place::from(&dimension.column))
        };
        Self {
            tenant: claim(&p.tenant),
            label: p.label.as_ref().map(Place::from),
            owner: claim(&p.owner),
            acl: claim(&p.acl),
        }
    }

    /// Those in use, in the order tenant, label, owner, acl.
    pub fn used(&self) -> impl Iterator<Item = &Place> {
        self.dimensions().map(|(_, place)| place)
    }

    /// The dimensions whose values live under keys of jsonb columns.
    pub fn carried(&self) -> impl Iterator<Item = &'static str> {
        self.dimensions()
            .filter(|(_, place)| place.key.is_some())
            .map(|(dimension, _)| dimension)
    }

    fn dimensions(&self) -> impl Iterator<Item = (&'static str, &Place)> {
        let all = [
            ("tenant", &self.tenant),
            ("label", &self.label),
            ("owner", &self.owner),
            ("acl", &self.acl),
        ];
        all.into_iter()
            .filter_map(|(dimension, place)| place.as_ref().map(|place| (dimension, place)))
    }

    /// Adds the columns that are missing.
    pub(super) fn add(&self, relation: Oid, table: &str, options: &Options) -> Result<()> {
        for (dimension, place) in self.dimensions() {
            if catalog::column(relation, &place.column).is_some() {
                continue;
            }
            let type_name = match dimension {
                _ if place.key.is_some() => "jsonb",
                "tenant" => options.tenant_type.as_deref().unwrap_or("text"),
                "label" => "ward.label",
                "acl" => "text[]",
                _ => "text",
            };
            let name = spi::identifier(&place.column);
            spi::run(
                &format!("ALTER TABLE {table} ADD COLUMN {name} {type_name}"),
                &[],
            )?;
        }
        Ok(())
    }

    /// Columns that decide about rows are shown as they are.
    pub fn refuse_masked(&self, relation: Oid, table: &str) -> Result<()> {
        for name in self.used().map(|place| &place.column) {
            let is_masked = spi::value::<bool>(
                "SELECT EXISTS (SELECT FROM ward_internal.mask WHERE relation = $1 AND column_name = $2::name)",
                &[relation.into(), name.clone().into()],
            )?;
            if is_masked == Some(true) {
                return Err(bad(
                    table,
                    &format!("cannot be protected by column \"{name}\", which is masked"),
                )
                .hint("End its mask with ward.unmask() first."));
            }
        }
        Ok(())
    }

    /// Refuses columns that are missing, or of a type that cannot be compared with claims.
    pub(super) fn check(&self, relation: Oid, table: &str, options: &Options) -> Result<()> {
        let unfit =
            |name: &str, wanted: &str| bad(table, &format!("column \"{name}\" must be {wanted}"));
        let find = |place: &Place, content| {
            let name = &place.column;
            let stored = catalog::column(relation, name).ok_or_else(|| {
                bad(table, &format!("has no column \"{name}\""))
                    .hint("Name the column, pass NULL for an unused dimension, or use the option add_columns.")
            })?;
            if place.key.is_some() && stored.type_oid != types::JSONB {
                return Err(unfit(name, "jsonb to carry values under keys"));
            }
            Ok(place.find(relation, content)?.unwrap_or(stored))
        };
        for place in [&self.tenant, &self.owner].into_iter().flatten() {
            let column = find(place, Content::Claim)?;
            if Scalar::of(column.type_oid).is_none() {
                return Err(unfit(
                    &column.name,
                    "smallint, integer, bigint, uuid, text or varchar",
                ));
            }
            if !catalog::is_deterministic(column.collation) {
                return Err(unfit(
                    &column.name,
                    "of a deterministic collation (tenants that compare equal would mix)",
                ));
            }
        }
        if let Some(place) = &self.acl {
            if place.key.is_some() {
                return Err(
                    bad(table, "cannot have its acl under a key of a jsonb column")
                        .hint("Only tenant, label and owner can be: give the acl an array column."),
                );
            }
            if Scalar::of_array(find(place, Content::Claim)?.type_oid).is_none() {
                return Err(unfit(
                    &place.column,
                    "an array of smallint, integer, bigint, uuid, text or varchar",
                ));
            }
        }
        if let Some(place) = &self.label {
            let label_type = objects()?.map(|objects| objects.label_type);
            if Some(find(place, Content::Label)?.type_oid) != label_type {
                return Err(unfit(&place.column, "of type ward.label"));
            }
        }
        self.check_keys(table)?;
        self.check_shared(relation, table, options)
    }

    /// Two values under one key would be one value.
    fn check_keys(&self, table: &str) -> Result<()> {
        let mut seen: Vec<&Place> = Vec::new();
        for place in self.used().filter(|place| place.key.is_some()) {
            if seen.contains(&place) {
                return Err(
                    bad(table, &format!("has two uses for \"{}\"", place.name()))
                        .hint("Give each dimension a key of its own."),
                );
            }
            seen.push(place);
        }
        Ok(())
    }

    fn check_shared(&self, relation: Oid, table: &str, options: &Options) -> Result<()> {
        let (Some(place), Some(shared)) = (&self.tenant, &options.shared_tenant) else {
            return Ok(());
        };
        let value = place
            .find(relation, Content::Claim)?
            .and_then(|column| Scalar::of(column.type_oid))
            .and_then(|scalar| scalar.parse(shared));
        match value {
            Some(_) => Ok(()),
            None => Err(bad(
                table,
                "option shared_tenant is not a value of the tenant column",
            )),
        }
    }
}

/// How ward's policies read a place, as an SQL expression.
pub fn reading(place: &Place) -> String {
    let column = spi::identifier(&place.column);
    match &place.key {
        Some(key) => format!("{column} OPERATOR(pg_catalog.->>) {}", spi::literal(key)),
        None => column,
    }
}

/// How the label of row `row` is read, as an SQL expression.
pub fn label(row: &str, place: &Place) -> String {
    match place.key {
        Some(_) => format!("({row}.{})::ward.label", reading(place)),
        None => format!("{row}.{}", reading(place)),
    }
}

/// The assignment of a label (an SQL expression) to row `row`, as UPDATE takes it.
pub fn assign_label(row: &str, place: &Place, label: &str) -> String {
    let column = spi::identifier(&place.column);
    match &place.key {
        Some(key) => format!(
            "{column} = COALESCE({row}.{column}, '{{}}') OPERATOR(pg_catalog.||)
                        pg_catalog.jsonb_build_object({}, ({label})::pg_catalog.text)",
            spi::literal(key)
        ),
        None => format!("{column} = {label}"),
    }
}

/// Labels the rows that have no label, with the rights of the table's owner: its constraints and
/// indexes may call functions of its owner's.
pub fn label_existing(relation: Oid, table: &str, place: &Place, label: Label) -> Result<()> {
    let assigned = assign_label("t", place, "$1::pg_catalog.text::ward.label");
    let missing = format!("(t.{}) IS NULL", reading(place));
    let sql = format!("UPDATE {table} t SET {assigned} WHERE {missing}");
    let label = own::text(&label.to_string());
    own::change(relation, &sql, &[(own::TEXT, label)])?;
    Ok(())
}
