#![forbid(unsafe_code)]
//! `ward.mask` and `ward.unmask`: what is checked at definition, and the registry row.

use super::expression;
use crate::errors::{Code, Result, WardError};
use crate::pg::expr::{self, Column};
use crate::pg::outline::generated_columns;
use crate::pg::scalar::Scalar;
use crate::pg::{Oid, catalog, error, log, operators, spi};
use crate::registry::{self, Protection};
use crate::rows::protect;
use serde_json::Value;
use ward_core::Label;
use ward_mask::{Method, Mode};

/// The arguments of `ward.mask`.
pub struct Wanted<'a> {
    pub column: &'a str,
    pub method: &'a str,
    pub label: Option<Label>,
    pub mode: &'a str,
    pub options: &'a Value,
}

/// Masks a column; see `ward.mask` in the reference.
pub fn mask(relation: Oid, wanted: &Wanted) -> Result<()> {
    let table = protect::protectable_root(relation)?;
    let column = catalog::column(relation, wanted.column)
        .ok_or_else(|| bad(&table, &format!("has no column \"{}\"", wanted.column)))?;
    let protection = registry::protection(relation)?;
    refuse_dimension(&table, &column, protection.as_deref())?;
    let method = Method::parse(wanted.method).map_err(definition)?;
    method
        .check(&expression::kind(&column))
        .map_err(definition)?;
    let mode = Mode::parse(wanted.mode).map_err(definition)?;
    check_mode(&method, mode)?;
    check_method(&table, relation, &column, &method)?;
    let unless_owner = unless_owner(&table, relation, wanted.options)?;
    if protection.is_none() {
        protect::protect_columns_only(relation)?;
    }
    spi::run(
        "INSERT INTO ward_internal.mask (relation, column_name, method, label, mode, unless_owner)
         VALUES ($1, $2::name, $3, $4::text::ward.label, $5, $6::name)
         ON CONFLICT (relation, column_name) DO UPDATE SET method = excluded.method,
             label = excluded.label, mode = excluded.mode, unless_owner = excluded.unless_owner,
             changed_at = now(), changed_by = SESSION_USER",
        &[
            relation.into(),
            column.name.clone().into(),
            method.to_string().into(),
            wanted.label.map(|label| label.to_string()).into(),
            mode.name().into(),
            unless_owner.into(),
        ],
    )?;
    Ok(())
}

/// Ends a mask; see `ward.unmask` in the reference.
pub fn unmask(relation: Oid, column: &str, reason: &str) -> Result<()> {
    let table = catalog::qualified_name(relation)
        .ok_or_else(|| WardError::new(Code::Definition, "the relation does not exist"))?;
    if reason.trim().is_empty() {
        return Err(WardError::new(Code::Argument, "ward.unmask needs a reason"));
    }
    let removed = spi::run(
        "DELETE FROM ward_internal.mask WHERE relation = $1 AND column_name = $2::name RETURNING 1",
        &[relation.into(), column.into()],
    )?;
    if removed == 0 {
        return Err(bad(&table, &format!("has no mask on column \"{column}\"")));
    }
    log::record(&format!(
        "ward: mask of column {} of {table} ended: {reason}",
        spi::identifier(column)
    ));
    protect::forget_if_idle(relation)
}

/// Columns that decide about rows are compared with the identity, and shown as they are.
fn refuse_dimension(table: &str, column: &Column, protection: Option<&Protection>) -> Result<()> {
    let dimensions = protection.into_iter().flat_map(Protection::columns);
    if dimensions.into_iter().any(|own| own.attno == column.attno) {
        return Err(bad(
            table,
            &format!(
                "is protected by column \"{}\", which cannot be masked",
                column.name
            ),
        ));
    }
    Ok(())
}

fn check_mode(method: &Method, mode: Mode) -> Result<()> {
    if method.is_search_only() && mode != Mode::Mask {
        return Err(WardError::new(
            Code::Definition,
            format!("search_only has rules of its own and no mode \"{mode}\""),
        )
        .hint("Leave the mode out."));
    }
    Ok(())
}

fn check_method(table: &str, relation: Oid, column: &Column, method: &Method) -> Result<()> {
    match method {
        Method::Constant(literal) => {
            refuse_key(table, relation, column, method)?;
            error::caught(|| expr::literal(column, literal).is_given())
                .map(|_| ())
                .map_err(|message| {
                    bad(
                        table,
                        &format!(
                            "cannot show constant as column \"{}\": {message}",
                            column.name
                        ),
                    )
                })
        }
        Method::Null => refuse_key(table, relation, column, method),
        Method::Function(name) => check_function(column, &name.schema, &name.name),
        _ => Ok(()),
    }
}

/// Rows are told apart by their primary key: under one value for all, joins and GROUP BY would
/// return wrong answers.
fn refuse_key(table: &str, relation: Oid, column: &Column, method: &Method) -> Result<()> {
    let in_key = spi::value::<bool>(
        "SELECT EXISTS (SELECT FROM pg_index
                        WHERE indrelid = $1 AND indisprimary AND $2 = ANY (indkey))",
        &[relation.into(), column.attno.into()],
    )?;
    if in_key == Some(true) {
        return Err(bad(
            table,
            &format!(
                "has column \"{}\" in its primary key: {} would make all keys alike",
                column.name,
                method.name()
            ),
        )
        .hint("Use hash, or another method that keeps different keys apart."));
    }
    Ok(())
}

/// Whoever can replace the function sees the values: it must be an administrator's.
fn check_function(column: &Column, schema: &str, name: &str) -> Result<()> {
    let called = format!("{}.{}", spi::identifier(schema), spi::identifier(name));
    let unfit = |what: &str| WardError::new(Code::Definition, format!("function {called} {what}"));
    let Some(function) = operators::mask_function(schema, name, column.type_oid) else {
        return Err(unfit("cannot serve as a mask")
            .hint("It must take and return exactly the column's type, return one value, and be IMMUTABLE or STABLE."));
    };
    let trusted = spi::value::<bool>(
        "SELECT NOT EXISTS (
             SELECT FROM aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) AS right_on
             WHERE right_on.privilege_type = 'CREATE' AND NOT (CASE right_on.grantee WHEN 0 THEN false
                   ELSE pg_has_role(right_on.grantee, 'ward_admin', 'USAGE') END))
             AND pg_has_role(p.proowner, 'ward_admin', 'USAGE')
             AND pg_has_role(n.nspowner, 'ward_admin', 'USAGE')
         FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE p.oid = $1",
        &[function.into()],
    )?;
    if trusted != Some(true) {
        return Err(unfit("is not in a trusted schema").hint(
            "The function, its schema, and every right to create in the schema must belong to superusers or members of ward_admin.",
        ));
    }
    Ok(())
}

/// The only option: the column that names whose row it is.
fn unless_owner(table: &str, relation: Oid, options: &Value) -> Result<Option<String>> {
    let Value::Object(options) = options else {
        return Err(argument("the options of ward.mask must be a jsonb object"));
    };
    let mut owner = None;
    for (name, value) in options {
        owner = match (name.as_str(), value.as_str()) {
            ("unless_owner", Some(column)) => Some(column.to_owned()),
            ("unless_owner", None) => {
                return Err(argument(
                    "option \"unless_owner\" must be the name of a column",
                ));
            }
            _ => {
                return Err(argument(&format!("ward.mask has no option \"{name}\""))
                    .hint("Options: unless_owner."));
            }
        }
    }
    if let Some(name) = &owner {
        let column = catalog::column(relation, name);
        let scalar = column.as_ref().and_then(|c| Scalar::of(c.type_oid));
        // Whoever changes what it is made of would change the owner.
        let is_generated = column.as_ref().is_some_and(|column| {
            let generated = generated_columns(relation);
            generated.iter().any(|(number, _)| *number == column.attno)
        });
        // Subjects that compare equal would see each other's values.
        let is_loose = column.is_some_and(|column| !catalog::is_deterministic(column.collation));
        if scalar.is_none() || is_generated || is_loose {
            return Err(bad(
                table,
                &format!("has no column \"{name}\" that could name an owner"),
            )
            .hint(
                "It must be smallint, integer, bigint, uuid, text or varchar, not generated, and of a deterministic collation.",
            ));
        }
    }
    Ok(owner)
}

fn argument(what: &str) -> WardError {
    WardError::new(Code::Argument, what)
}

fn definition(error: ward_mask::MethodError) -> WardError {
    WardError::new(Code::Definition, error.to_string())
}

fn bad(table: &str, what: &str) -> WardError {
    WardError::new(Code::Definition, format!("table {table} {what}"))
}
