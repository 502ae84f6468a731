#![forbid(unsafe_code)]
//! A protected column that is renamed keeps protecting.

use crate::errors::Result;
use crate::pg::expr::Column;
use crate::pg::spi;
use crate::registry::{Place, Protection};

/// Tells the registry the new name of a column, before the statement gives it that name.
///
/// Until it does, the registry and the table disagree, and whatever reads the table is refused.
/// Error: WD036 if the new name leaves no room for the key of a value in it.
pub fn column(p: &Protection, old: &str, new: &str) -> Result<()> {
    let claim = |dimension: &'_ Option<crate::registry::Dimension>| {
        dimension.as_ref().map(|dimension| dimension.column.clone())
    };
    let dimensions = [
        ("tenant", claim(&p.tenant)),
        ("label", p.label.clone()),
        ("owner", claim(&p.owner)),
        ("acl", claim(&p.acl)),
    ];
    spi::as_owner(|| {
        for (dimension, column) in dimensions {
            if let Some(column) = column.filter(|column| column.name == old) {
                let sql = format!(
                    "UPDATE ward_internal.protection SET {dimension} = $2::pg_catalog.name
                     WHERE relation = $1"
                );
                spi::run(&sql, &[p.root.into(), renamed(&column, new)?.into()])?;
            }
        }
        for column in ["column_name", "unless_owner"] {
            let sql = format!(
                "UPDATE ward_internal.mask SET {column} = $3::pg_catalog.name
                 WHERE relation = $1 AND {column} = $2::pg_catalog.name"
            );
            spi::run(&sql, &[p.root.into(), old.into(), new.into()])?;
        }
        for key in p.keys.iter().filter(|key| key.column.name == old) {
            let new = renamed(&key.column, new)?;
            for role in ["child", "parent"] {
                let sql = format!(
                    "UPDATE ward_internal.derivation
                     SET {role}_key = pg_catalog.array_replace({role}_key, $2::text, $3::text)
                     WHERE {role} = $1 AND $2::text = ANY ({role}_key)"
                );
                let name = key.name.clone();
                spi::run(&sql, &[p.root.into(), name.into(), new.clone().into()])?;
            }
        }
        Ok(())
    })
}

/// How the registry names a column, or a place in it, under its new name.
fn renamed(column: &Column, new: &str) -> Result<String> {
    Ok(match &column.carrier {
        Some(carrier) => Place::carried(new, &carrier.key)?.name(),
        None => new.to_owned(),
    })
}
