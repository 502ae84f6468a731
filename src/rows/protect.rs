#![forbid(unsafe_code)]
//! `ward.protect` and `ward.unprotect`: the registry row, row security and ward's catalog policies.
//!
//! The policies are for everything that is not the pass: the catalog shows them, dumps carry them,
//! `pg_stats` and error texts hide rows because of them, and they refuse where the library is not
//! loaded. ENABLE and FORCE go with them for the same reasons.

pub use super::columns::Columns;

use super::{changes, columns};
use crate::errors::{Code, Result, WardError};

use crate::pg::{Oid, catalog, guc, spi};
use crate::registry::{self, Place};
use serde_json::{Map, Value};
use ward_core::Label;

/// Options of `ward.protect`, checked.
#[derive(Default)]
pub(super) struct Options {
    pub add_columns: bool,
    pub tenant_type: Option<String>,
    pub default_label: Option<Label>,
    pub label_existing: Option<Label>,
    pub label_from_watermark: bool,
    pub shared_tenant: Option<String>,
    pub audit_reads: Option<String>,
    pub audit_rows: bool,
}

/// Protects a relation; see `ward.protect` in the reference.
pub fn protect(relation: Oid, columns: &Columns, options: &Value) -> Result<()> {
    let table = protectable(relation)?;
    let options = parse_options(options)?;
    if columns.used().next().is_none() {
        return Err(bad(
            &table,
            "needs at least one of tenant, label, owner and acl",
        ));
    }
    if options.label_from_watermark && columns.label.is_none() {
        return Err(bad(
            &table,
            "needs a label column for the option label_default",
        ));
    }
    refuse_derived(relation, &table, columns)?;
    refuse_related(relation, &table)?;
    if options.add_columns {
        columns.add(relation, &table, &options)?;
    }
    columns.check(relation, &table, &options)?;
    columns.refuse_masked(relation, &table)?;
    in_maintenance(|| {
        if let (Some(place), Some(label)) = (&columns.label, options.label_existing) {
            columns::label_existing(relation, &table, place, label)?;
        }
        store(relation, columns, &options)?;
        cover_tree(relation, columns)?;
        changes::install(relation, options.audit_rows)
    })
}

/// Protects a table that a session has just made of protected rows.
pub fn protect_new(relation: Oid, columns: &Columns) -> Result<()> {
    let table = protectable(relation)?;
    let options = Options::default();
    columns.check(relation, &table, &options)?;
    spi::as_owner(|| {
        in_maintenance(|| {
            store(relation, columns, &options)?;
            cover_tree(relation, columns)
        })
    })
}

/// The name of a table that can be given rules of its own: a table, and not a child of another.
pub fn protectable_root(relation: Oid) -> Result<String> {
    let table = protectable(relation)?;
    refuse_related(relation, &table)?;
    Ok(table)
}

/// Brings a table under ward for the sake of its masks alone: every row is open to every verified
/// identity, and nobody reads it without one.
pub fn protect_columns_only(relation: Oid) -> Result<()> {
    in_maintenance(|| {
        store(relation, &Columns::default(), &Options::default())?;
        cover_tree(relation, &Columns::default())
    })
}

/// Ends the protection of a table that has neither protected rows nor masks any more.
pub fn forget_if_idle(relation: Oid) -> Result<()> {
    match registry::protection(relation)? {
        Some(p) if p.masks.is_empty() && p.columns().next().is_none() => {
            end(relation, p.rls_before)
        }
        _ => Ok(()),
    }
}

/// Ends a protection; see `ward.unprotect` in the reference.
pub fn unprotect(relation: Oid, reason: &str) -> Result<()> {
    let table = catalog::qualified_name(relation).ok_or_else(missing)?;
    if reason.trim().is_empty() {
        return Err(WardError::new(
            Code::Argument,
            "ward.unprotect needs a reason",
        ));
    }
    let rls_before = match registry::protection(relation)? {
        Some(p) if p.root == relation && !p.masks.is_empty() => {
            return Err(
                bad(&table, "has masked columns").hint("End their masks with ward.unmask() first.")
            );
        }
        Some(p) if p.root == relation && !(p.sources.is_empty() && p.derivatives.is_empty()) => {
            return Err(bad(&table, "derives from other relations, or they from it")
                .hint("End that with ward.underive() first: view ward.derivations."));
        }
        Some(p) if p.root == relation => p.rls_before,
        Some(p) => {
            return Err(bad(&table, "is protected through its parent").hint(format!(
                "Unprotect \"{}\" instead.",
                catalog::relation_name(p.root).unwrap_or_default()
            )));
        }
        None => return Err(bad(&table, "is not protected")),
    };
    end(relation, rls_before)?;
    crate::pg::log::record(&format!("ward: protection of {table} ended: {reason}"));
    Ok(())
}

fn end(relation: Oid, rls_before: bool) -> Result<()> {
    in_maintenance(|| {
        for part in tree(relation) {
            uncover(part, rls_before && part == relation)?;
        }
        changes::install(relation, false)?;
        spi::run(
            "DELETE FROM ward_internal.protection WHERE relation = $1",
            &[relation.into()],
        )?;
        Ok(())
    })
}

/// Brings a new partition or inheritance child under its parent's protection.
pub fn cover_child(child: Oid) -> Result<()> {
    let Some(p) = registry::protection(child)? else {
        return Ok(());
    };
    spi::as_owner(|| in_maintenance(|| cover_tree(child, &Columns::of(&p))))
}

/// Gives a detached partition or child the protection that it had through its parent.
pub fn keep_detached(child: Oid, before: &registry::Protection) -> Result<()> {
    spi::as_owner(|| {
        in_maintenance(|| {
            spi::run(
                "INSERT INTO ward_internal.protection
                     (relation, tenant, label, owner, acl, options, rls_before)
                 SELECT $1, tenant, label, owner, acl, options, false
                 FROM ward_internal.protection WHERE relation = $2
                 ON CONFLICT (relation) DO NOTHING",
                &[child.into(), before.root.into()],
            )?;
            spi::run(
                "INSERT INTO ward_internal.mask
                     (relation, column_name, method, label, mode, unless_owner)
                 SELECT $1, column_name, method, label, mode, unless_owner
                 FROM ward_internal.mask WHERE relation = $2
                 ON CONFLICT (relation, column_name) DO NOTHING",
                &[child.into(), before.root.into()],
            )?;
            cover_tree(child, &Columns::of(before))
        })
    })
}

/// Runs ward's own statements with protected relations open to them.
pub fn in_maintenance<T>(f: impl FnOnce() -> Result<T>) -> Result<T> {
    let level = guc::nest();
    guc::save(c"ward.maintenance", guc::ADMINISTRATION);
    // Triggers of the table's owner must not run while its rows are open.
    guc::save(c"session_replication_role", "replica");
    let result = f();
    guc::unnest(level);
    result
}

fn protectable(relation: Oid) -> Result<String> {
    let table = catalog::qualified_name(relation).ok_or_else(missing)?;
    if !catalog::is_user_object(relation) || catalog::is_extension_member(relation) {
        return Err(bad(&table, "belongs to the system or to an extension"));
    }
    match catalog::relation_kind(relation) {
        Some(b'r' | b'p') => Ok(table),
        Some(b'v') => Err(bad(&table, "is a view")
            .hint("Protect the tables under it: views show only what they show.")),
        Some(b'm') => Err(bad(&table, "is a materialised view").hint(
            "It holds rows of all tenants, and no session with a token reads it. Protect a table \
             instead, and fill it by INSERT … SELECT.",
        )),
        _ => {
            Err(bad(&table, "is not a table")
                .hint("Tables and partitioned tables can be protected."))
        }
    }
}

/// What derives, or is derived from, has its values in columns.
fn refuse_derived(relation: Oid, table: &str, columns: &Columns) -> Result<()> {
    let derives = registry::protection(relation)?
        .is_some_and(|p| !p.sources.is_empty() || !p.derivatives.is_empty());
    if derives && columns.carried().next().is_some() {
        return Err(bad(
            table,
            "is derived or a source, and cannot have its tenant, label or owner in a jsonb column",
        )
        .hint("End the derivations with ward.underive() first."));
    }
    Ok(())
}

/// Protection belongs to the root: rows are reached through parents as well.
fn refuse_related(relation: Oid, table: &str) -> Result<()> {
    if let Some(parent) = catalog::parents(relation).first() {
        let parent = catalog::relation_name(*parent).unwrap_or_default();
        return Err(
            bad(table, "is a partition or an inheritance child").hint(format!(
                "Protect its parent \"{parent}\": its children are covered with it."
            )),
        );
    }
    for child in tree(relation).into_iter().skip(1) {
        if registry::protection(child)?.is_some_and(|p| p.root == child) {
            let child = catalog::relation_name(child).unwrap_or_default();
            return Err(bad(table, "has a child with a protection of its own")
                .hint(format!("Unprotect \"{child}\" first.")));
        }
    }
    Ok(())
}

/// The relation and all its descendants.
pub fn tree(relation: Oid) -> Vec<Oid> {
    let mut all = vec![relation];
    let mut next = 0;
    while let Some(&one) = all.get(next) {
        for child in catalog::children(one) {
            if !all.contains(&child) {
                all.push(child);
            }
        }
        next += 1;
    }
    all
}

fn store(relation: Oid, columns: &Columns, options: &Options) -> Result<()> {
    // Temporary tables go with their session, and nothing is told of it.
    spi::run(
        "DELETE FROM ward_internal.protection p
         WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_class WHERE oid = p.relation)",
        &[],
    )?;
    let mut kept = Map::new();
    if let Some(label) = options.default_label {
        kept.insert("default_label".into(), label.to_string().into());
    }
    if let Some(shared) = &options.shared_tenant {
        kept.insert("shared_tenant".into(), shared.clone().into());
    }
    if let Some(level) = &options.audit_reads {
        kept.insert("audit_reads".into(), level.clone().into());
    }
    if options.audit_rows {
        kept.insert(registry::AUDIT_ROWS.into(), true.into());
    }
    if options.label_from_watermark {
        kept.insert(registry::LABEL_DEFAULT.into(), registry::WATERMARK.into());
    }
    let carried: Vec<_> = columns.carried().map(Value::from).collect();
    if !carried.is_empty() {
        kept.insert(registry::CARRIED.into(), carried.into());
    }
    let text = |place: &Option<Place>| place.as_ref().map(Place::name).into();
    spi::run(
        "INSERT INTO ward_internal.protection
             (relation, tenant, label, owner, acl, options, rls_before)
         SELECT $1, $2::name, $3::name, $4::name, $5::name, $6, relrowsecurity
         FROM pg_class WHERE oid = $1
         ON CONFLICT (relation) DO UPDATE SET tenant = excluded.tenant, label = excluded.label,
             owner = excluded.owner, acl = excluded.acl, options = excluded.options,
             changed_at = now(), changed_by = SESSION_USER",
        &[
            relation.into(),
            text(&columns.tenant),
            text(&columns.label),
            text(&columns.owner),
            text(&columns.acl),
            pgrx::JsonB(Value::Object(kept)).into(),
        ],
    )?;
    Ok(())
}

fn cover_tree(relation: Oid, columns: &Columns) -> Result<()> {
    tree(relation)
        .into_iter()
        .try_for_each(|part| cover(part, columns))
}

/// The names of ward's policies, each with its command and what it is for.
const POLICIES: [&str; 4] = ["ward_rows", "ward_update", "ward_delete", "ward_permit"];

fn cover(relation: Oid, columns: &Columns) -> Result<()> {
    let table = catalog::qualified_name(relation).ok_or_else(missing)?;
    let subject = format!("{}::pg_catalog.regclass", spi::literal(&table));
    let mut names = columns
        .used()
        .map(|place| format!(", {}", columns::reading(place)))
        .collect::<String>();
    if names.is_empty() {
        // A table with masks alone; the functions take at least one value.
        names.push_str(", NULL::pg_catalog.text");
    }
    let read = format!("ward.may_read({subject}{names})");
    let write = format!("ward.may_write({subject}{names})");
    let permit = format!("ward.permit({subject})");
    drop_policies(&table)?;
    for statement in [
        format!("ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY"),
        format!(
            "CREATE POLICY ward_rows ON {table} AS RESTRICTIVE USING ({read}) WITH CHECK ({write})"
        ),
        format!("CREATE POLICY ward_update ON {table} AS RESTRICTIVE FOR UPDATE USING ({write})"),
        format!("CREATE POLICY ward_delete ON {table} AS RESTRICTIVE FOR DELETE USING ({write})"),
        format!("CREATE POLICY ward_permit ON {table} USING ({permit}) WITH CHECK ({permit})"),
    ] {
        spi::run(&statement, &[])?;
    }
    Ok(())
}

fn uncover(relation: Oid, keep_row_security: bool) -> Result<()> {
    let table = catalog::qualified_name(relation).ok_or_else(missing)?;
    drop_policies(&table)?;
    spi::run(
        &format!("ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY"),
        &[],
    )?;
    if !keep_row_security {
        spi::run(
            &format!("ALTER TABLE {table} DISABLE ROW LEVEL SECURITY"),
            &[],
        )?;
    }
    Ok(())
}

fn drop_policies(table: &str) -> Result<()> {
    let level = guc::nest();
    guc::save(c"client_min_messages", "warning");
    let result = POLICIES.iter().try_for_each(|policy| {
        spi::run(&format!("DROP POLICY IF EXISTS {policy} ON {table}"), &[]).map(|_| ())
    });
    guc::unnest(level);
    result
}

fn parse_options(options: &Value) -> Result<Options> {
    let Value::Object(options) = options else {
        return Err(WardError::new(
            Code::Argument,
            "the options of ward.protect must be a jsonb object",
        ));
    };
    let mut parsed = Options::default();
    for (name, value) in options {
        let text = || match value {
            Value::String(text) => Ok(text.clone()),
            Value::Number(number) => Ok(number.to_string()),
            _ => Err(WardError::new(
                Code::Argument,
                format!("option \"{name}\" must be a text"),
            )),
        };
        let boolean = || {
            value.as_bool().ok_or_else(|| {
                let message = format!("option \"{name}\" must be true or false");
                WardError::new(Code::Argument, message)
            })
        };
        let label = || {
            Label::parse(&text()?, &registry::category).map_err(|error| {
                WardError::new(Code::Argument, format!("option \"{name}\": {error}"))
            })
        };
        match name.as_str() {
            "add_columns" => parsed.add_columns = boolean()?,
            registry::AUDIT_ROWS => parsed.audit_rows = boolean()?,
            "tenant_type" => parsed.tenant_type = Some(tenant_type(&text()?)?),
            "default_label" => parsed.default_label = Some(label()?),
            "label_existing" => parsed.label_existing = Some(label()?),
            registry::LABEL_DEFAULT => parsed.label_from_watermark = is_watermark(&text()?)?,
            "shared_tenant" => parsed.shared_tenant = Some(text()?),
            "audit_reads" => parsed.audit_reads = Some(audit_level(text()?)?),
            _ => {
                return Err(WardError::new(Code::Argument, format!("ward.protect has no option \"{name}\""))
                    .hint("Options: add_columns, tenant_type, default_label, label_default, label_existing, shared_tenant, audit_reads, audit_rows."));
            }
        }
    }
    Ok(parsed)
}

/// The one value that `label_default` may have.
fn is_watermark(text: &str) -> Result<bool> {
    if text == registry::WATERMARK {
        return Ok(true);
    }
    Err(WardError::new(
        Code::Argument,
        "option \"label_default\" must be \"watermark\"",
    )
    .hint("A label for rows without one is the option default_label."))
}

/// How reads are recorded at least.
fn audit_level(text: String) -> Result<String> {
    if ["async", "commit", "strict"].contains(&text.as_str()) {
        return Ok(text);
    }
    Err(WardError::new(
        Code::Argument,
        "option \"audit_reads\" must be async, commit or strict",
    ))
}

/// The type for an added tenant column; a fixed list, because it becomes part of a statement.
fn tenant_type(text: &str) -> Result<String> {
    const TYPES: [&str; 6] = ["smallint", "integer", "bigint", "uuid", "text", "varchar"];
    match TYPES.iter().find(|known| **known == text) {
        Some(known) => Ok((*known).to_owned()),
        None => Err(WardError::new(
            Code::Argument,
            "option \"tenant_type\" is not a type that a tenant may have",
        )
        .hint(format!("Use one of: {}.", TYPES.join(", ")))),
    }
}

pub(super) fn bad(table: &str, what: &str) -> WardError {
    WardError::new(Code::Definition, format!("table {table} {what}"))
}

fn missing() -> WardError {
    WardError::new(Code::Definition, "the relation does not exist")
}
