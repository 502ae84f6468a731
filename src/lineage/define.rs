#![forbid(unsafe_code)]
//! `ward.derive` and `ward.underive`: the registry row, and the triggers that keep rows in step.

use super::triggers::install;
use super::{backfill, cascade, key};
use crate::errors::{Code, Result, WardError};
use crate::pg::{Oid, catalog, own, spi, xact};
use crate::registry::{self, Dimension, OnDelete, Protection};
use crate::rows::protect::{self, Columns, in_maintenance};
use serde_json::{Value, json};
use std::rc::Rc;

/// What `ward.derive` was asked for.
pub struct Wanted<'a> {
    pub child: Oid,
    pub parent: Oid,
    /// Both empty: sources are recorded row by row.
    pub child_key: Vec<String>,
    pub parent_key: Vec<String>,
    pub on_delete: &'a str,
    pub options: &'a Value,
}

/// What becomes of existing rows that name no source that exists.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Orphans {
    Refuse,
    Delete,
    Quarantine,
}

struct Options {
    add_columns: bool,
    later: bool,
    orphans: Orphans,
}

/// Declares that rows of `child` are made from rows of `parent`; see `ward.derive` in the reference.
pub fn derive(wanted: &Wanted) -> Result<()> {
    let options = parse_options(wanted.options)?;
    let on_delete = OnDelete::parse(wanted.on_delete).ok_or_else(|| {
        WardError::new(
            Code::Argument,
            "on_delete must be delete, refuse or quarantine",
        )
    })?;
    let child = protect::protectable_root(wanted.child)?;
    let parent = protected_root(wanted.parent)?;
    refuse_cycle(wanted.child, wanted.parent, &child)?;
    key::refuse_foreign_code(wanted.child)?;
    key::refuse_foreign_code(wanted.parent)?;
    let recorded = wanted.child_key.is_empty() && wanted.parent_key.is_empty();
    let (child_key, parent_key) = if recorded {
        let keys = (primary_key(wanted.child)?, primary_key(wanted.parent)?);
        key::refuse_unfit(wanted.child, &keys.0)?;
        key::refuse_unfit(wanted.parent, &keys.1)?;
        keys
    } else {
        (wanted.child_key.clone(), wanted.parent_key.clone())
    };
    if !recorded {
        check_keys(wanted, &parent)?;
        refuse_foreign_key(wanted, &child, on_delete)?;
    }
    protect_child(wanted.child, &parent, options.add_columns)?;
    xact::make_changes_visible();
    let covered = protected_root(wanted.child)?;
    check_dimensions(&covered, &parent, on_delete)?;
    in_maintenance(|| {
        spi::run(
            "INSERT INTO ward_internal.derivation
                 (child, parent, child_key, parent_key, recorded, on_delete, pending)
             VALUES ($1, $2, $3, $4, $5, $6, $7)
             ON CONFLICT (child, parent, child_key) DO UPDATE SET parent_key = excluded.parent_key,
                 recorded = excluded.recorded, on_delete = excluded.on_delete,
                 pending = excluded.pending, changed_at = now(), changed_by = SESSION_USER",
            &[
                wanted.child.into(),
                wanted.parent.into(),
                child_key.clone().into(),
                parent_key.clone().into(),
                recorded.into(),
                wanted.on_delete.into(),
                (options.later && !recorded).into(),
            ],
        )?;
        install(wanted.child)?;
        install(wanted.parent)
    })?;
    xact::make_changes_visible();
    if recorded {
        return Ok(());
    }
    settle_orphans(wanted, options.orphans)?;
    if options.later {
        backfill::plan(wanted.child)
    } else {
        backfill::all(wanted.child)
    }
}

/// Ends all derivations of `child` from `parent`; labels stay as they are.
pub fn underive(child: Oid, parent: Oid, reason: &str) -> Result<()> {
    if reason.trim().is_empty() {
        return Err(WardError::new(
            Code::Argument,
            "ward.underive needs a reason",
        ));
    }
    let name = key::table(child)?;
    let ended = spi::run(
        "DELETE FROM ward_internal.derivation WHERE child = $1 AND parent = $2 RETURNING 1",
        &[child.into(), parent.into()],
    )?;
    if ended == 0 {
        return Err(bad(
            &name,
            &format!("does not derive from {}", key::table(parent)?),
        ));
    }
    xact::make_changes_visible();
    in_maintenance(|| {
        install(child)?;
        install(parent)
    })?;
    crate::pg::log::record(&format!(
        "ward: derivation of {name} from {} ended: {reason}",
        key::table(parent)?
    ));
    Ok(())
}

/// Lets a detached partition or child go on to derive from what its parent derives from.
pub fn keep_detached(child: Oid, before: &Protection) -> Result<()> {
    if before.sources.is_empty() {
        return Ok(());
    }
    spi::as_owner(|| {
        in_maintenance(|| {
            spi::run(
                "INSERT INTO ward_internal.derivation
                     (child, parent, child_key, parent_key, recorded, on_delete, pending)
                 SELECT $1, parent, child_key, parent_key, recorded, on_delete, pending
                 FROM ward_internal.derivation WHERE child = $2
                 ON CONFLICT DO NOTHING",
                &[child.into(), before.root.into()],
            )?;
            xact::make_changes_visible();
            install(child)
        })
    })
}

fn protected_root(relation: Oid) -> Result<Rc<Protection>> {
    let name = key::table(relation)?;
    match registry::protection(relation)? {
        Some(p) if p.root == relation => Ok(p),
        Some(_) => {
            Err(bad(&name, "is protected through its parent").hint("Name that parent instead."))
        }
        None => Err(bad(&name, "is not protected").hint("Run ward.protect() for it first.")),
    }
}

/// A row must never be derived, over however many steps, from itself.
fn refuse_cycle(child: Oid, parent: Oid, name: &str) -> Result<()> {
    let mut open = vec![parent];
    let mut seen = Vec::new();
    while let Some(relation) = open.pop() {
        if relation == child {
            return Err(bad(name, "would derive from itself")
                .hint("Derivations must form no cycle: view ward.derivations shows them."));
        }
        if seen.contains(&relation) {
            continue;
        }
        seen.push(relation);
        if let Some(p) = registry::protection(relation)? {
            open.extend(p.sources.iter().map(|derivation| derivation.parent));
        }
    }
    Ok(())
}

/// The columns of a table's primary key.
pub fn primary_key(relation: Oid) -> Result<Vec<String>> {
    let columns = catalog::primary_key(relation).into_iter();
    let names: Vec<String> = columns.map(|column| column.name).collect();
    if names.is_empty() {
        return Err(bad(
            &key::table(relation).unwrap_or_default(),
            "has no primary key",
        )
        .hint("Recorded lineage names rows by their primary keys."));
    }
    Ok(names)
}

fn check_keys(wanted: &Wanted, parent: &Protection) -> Result<()> {
    let (child, of) = (key::table(wanted.child)?, key::table(parent.relation)?);
    if wanted.child_key.len() != wanted.parent_key.len() || wanted.child_key.len() > 16 {
        return Err(bad(
            &child,
            "and its source need keys of the same number of columns, 16 at most",
        ));
    }
    for (own, source) in wanted.child_key.iter().zip(&wanted.parent_key) {
        let missing = |table: &str, name: &str| bad(table, &format!("has no column \"{name}\""));
        let own_column = key::column(wanted.child, own)?.ok_or_else(|| missing(&child, own))?;
        let source_column =
            catalog::column(wanted.parent, source).ok_or_else(|| missing(&of, source))?;
        if !key::comparable(own_column.type_oid, source_column.type_oid) {
            return Err(bad(&child, &format!("key column \"{own}\" cannot be compared with \"{source}\""))
                .hint("Both must be integers, or of the same type: uuid, text, varchar, date, timestamp, numeric."));
        }
    }
    let generated = spi::value::<bool>(
        "SELECT EXISTS (SELECT FROM pg_attribute WHERE attrelid = $1 AND attname::text = ANY ($2) AND attgenerated <> '')",
        &[wanted.child.into(), wanted.child_key.clone().into()],
    )?;
    if generated == Some(true) {
        return Err(bad(&child, "has a generated column in its key")
            .hint("It is computed after the row's source was looked up: use the columns that it is computed from."));
    }
    let unique = spi::value::<bool>(
        "SELECT EXISTS (
             SELECT FROM pg_index i
             WHERE i.indrelid = $1 AND i.indisunique AND i.indisvalid AND i.indimmediate
               AND i.indpred IS NULL AND i.indexprs IS NULL
               AND (SELECT array_agg(a.attname::text ORDER BY a.attname::text)
                    FROM pg_attribute a
                    WHERE a.attrelid = i.indrelid AND a.attnum = ANY ((i.indkey::int2[])[0:i.indnkeyatts - 1]))
                 = (SELECT array_agg(name ORDER BY name) FROM unnest($2::text[]) name))",
        &[wanted.parent.into(), wanted.parent_key.clone().into()],
    )?;
    if unique != Some(true) {
        return Err(bad(
            &of,
            "has no unique index on exactly the columns of the parent key",
        )
        .hint(
            "A derived row must name one source: use the primary key, or add a unique constraint.",
        ));
    }
    Ok(())
}

/// A foreign key over the same columns says what becomes of the rows as well, and acts first.
fn refuse_foreign_key(wanted: &Wanted, child: &str, on_delete: OnDelete) -> Result<()> {
    let action = spi::value::<String>(
        "SELECT c.confdeltype::text FROM pg_constraint c
         WHERE c.contype = 'f' AND c.conrelid = $1 AND c.confrelid = $2 AND c.conparentid = 0
           AND (SELECT array_agg(a.attname::text ORDER BY a.attname::text) FROM pg_attribute a
                WHERE a.attrelid = c.conrelid AND a.attnum = ANY (c.conkey))
             = (SELECT array_agg(name ORDER BY name) FROM unnest($3::text[]) name)
         LIMIT 1",
        &[
            wanted.child.into(),
            wanted.parent.into(),
            wanted.child_key.clone().into(),
        ],
    )?;
    let fits = match (action.as_deref(), on_delete) {
        (None, _) => true,
        (Some("c"), on_delete) => on_delete == OnDelete::Delete,
        (Some("a" | "r"), on_delete) => on_delete == OnDelete::Refuse,
        _ => false,
    };
    if fits {
        return Ok(());
    }
    Err(bad(child, "has a foreign key to the source that acts otherwise than on_delete")
        .hint("ON DELETE CASCADE goes with 'delete', NO ACTION and RESTRICT with 'refuse'; drop the foreign key for 'quarantine'. \
               SET NULL and SET DEFAULT would leave rows without their source."))
}

/// Protects a child that is not protected yet, by columns of the same names as its source's.
fn protect_child(child: Oid, parent: &Protection, add_columns: bool) -> Result<()> {
    if registry::protection(child)?.is_some_and(|p| p.columns().next().is_some()) {
        return Ok(());
    }
    let columns = Columns::of(parent);
    if add_columns {
        for column in parent.columns() {
            if catalog::column(child, &column.name).is_none() {
                let sql = format!(
                    "ALTER TABLE {} ADD COLUMN {} {}",
                    key::table(child)?,
                    spi::identifier(&column.name),
                    match column.carrier {
                        Some(_) => "jsonb".to_owned(),
                        None => catalog::type_name(column.type_oid),
                    }
                );
                spi::run(&sql, &[])?;
            }
        }
    }
    protect::protect(child, &columns, &json!({}))
}

/// What protects the source must be able to protect what is made from it.
fn check_dimensions(child: &Protection, parent: &Protection, on_delete: OnDelete) -> Result<()> {
    let lacks = |what: &str| {
        Err(bad(&key::table(child.relation)?, &format!("has no {what} column, and its source has one"))
            .hint("Name one with ward.protect(), or let ward.derive() add it to an unprotected table: option add_columns."))
    };
    let differs = |own: &Option<Dimension>, source: &Option<Dimension>| match (own, source) {
        (_, None) => false,
        // A text in a document holds any of them.
        (Some(own), Some(source)) => {
            let in_document = own.column.carrier.is_some() || source.column.carrier.is_some();
            own.scalar != source.scalar && !in_document
        }
        (None, Some(_)) => true,
    };
    if differs(&child.tenant, &parent.tenant) {
        return lacks("tenant column of the same type; no such");
    }
    if parent.label.is_some() && child.label.is_none() {
        return lacks("label");
    }
    if differs(&child.owner, &parent.owner) {
        return lacks("owner");
    }
    if differs(&child.acl, &parent.acl) {
        return lacks("acl");
    }
    if on_delete == OnDelete::Quarantine && child.label.is_none() {
        return Err(bad(
            &key::table(child.relation)?,
            "needs a label column for on_delete 'quarantine'",
        ));
    }
    Ok(())
}

fn settle_orphans(wanted: &Wanted, orphans: Orphans) -> Result<()> {
    let table = key::table(wanted.child)?;
    let orphan = format!(
        "{} AND NOT EXISTS (SELECT FROM {} {} p WHERE {})",
        key::named("c", &wanted.child_key),
        key::only(wanted.parent),
        key::table(wanted.parent)?,
        key::pairs("c", &wanted.child_key, "p", &wanted.parent_key)
    );
    match (orphans, cascade::hide(wanted.child, "c")?) {
        (Orphans::Delete, _) => {
            own::change(
                wanted.child,
                &format!("DELETE FROM {table} c WHERE {orphan}"),
                &[],
            )?;
        }
        (Orphans::Quarantine, Some(hidden)) => {
            let sql = format!("UPDATE {table} c SET {hidden} WHERE {orphan}");
            cascade::in_mode(cascade::Mode::Raise, || {
                own::change(wanted.child, &sql, &[]).map(|_| ())
            })?;
        }
        _ => {
            let count = own::query(
                &format!("SELECT FROM {table} c WHERE {orphan} LIMIT 1"),
                &[],
                |rows| Ok(rows.count),
            )?;
            if count > 0 {
                return Err(WardError::new(Code::Source, format!("rows of {table} name a source that does not exist"))
                    .hint("Delete or repair them, or use the option \"orphans\": 'delete' or 'quarantine'."));
            }
        }
    }
    Ok(())
}

fn parse_options(options: &Value) -> Result<Options> {
    let Value::Object(options) = options else {
        return Err(argument(
            "the options of ward.derive must be a jsonb object",
        ));
    };
    let mut parsed = Options {
        add_columns: false,
        later: false,
        orphans: Orphans::Refuse,
    };
    for (name, value) in options {
        match (name.as_str(), value.as_bool(), value.as_str()) {
            ("add_columns", Some(add), _) => parsed.add_columns = add,
            ("existing", _, Some("now")) => parsed.later = false,
            ("existing", _, Some("later")) => parsed.later = true,
            ("orphans", _, Some("refuse")) => parsed.orphans = Orphans::Refuse,
            ("orphans", _, Some("delete")) => parsed.orphans = Orphans::Delete,
            ("orphans", _, Some("quarantine")) => parsed.orphans = Orphans::Quarantine,
            ("add_columns" | "existing" | "orphans", ..) => {
                return Err(argument(&format!("option \"{name}\" has no such value"))
                    .hint("add_columns: true or false; existing: now or later; orphans: refuse, delete or quarantine."));
            }
            _ => {
                return Err(argument(&format!("ward.derive has no option \"{name}\""))
                    .hint("Options: add_columns, existing, orphans."));
            }
        }
    }
    Ok(parsed)
}

fn argument(message: &str) -> WardError {
    WardError::new(Code::Argument, message)
}

fn bad(table: &str, what: &str) -> WardError {
    WardError::new(Code::Definition, format!("table {table} {what}"))
}
