#![forbid(unsafe_code)]
//! A protected column that is renamed keeps protecting.

use crate::errors::Result;
use crate::pg::{Oid, spi};

/// Tells the registry the new name of a column, before the statement gives it that name.
///
/// Until it does, the registry and the table disagree, and whatever reads the table is refused.
pub fn column(root: Oid, old: &str, new: &str) -> Result<()> {
    spi::as_owner(|| {
        for dimension in ["tenant", "label", "owner", "acl"] {
            let sql = format!(
                "UPDATE ward_internal.protection SET {dimension} = $3::pg_catalog.name
                 WHERE relation = $1 AND {dimension} = $2::pg_catalog.name"
            );
            spi::run(&sql, &[root.into(), old.into(), new.into()])?;
        }
        for column in ["column_name", "unless_owner"] {
            let sql = format!(
                "UPDATE ward_internal.mask SET {column} = $3::pg_catalog.name
                 WHERE relation = $1 AND {column} = $2::pg_catalog.name"
            );
            spi::run(&sql, &[root.into(), old.into(), new.into()])?;
        }
        for role in ["child", "parent"] {
            let sql = format!(
                "UPDATE ward_internal.derivation
                 SET {role}_key = pg_catalog.array_replace({role}_key, $2::text, $3::text)
                 WHERE {role} = $1 AND $2::text = ANY ({role}_key)"
            );
            spi::run(&sql, &[root.into(), old.into(), new.into()])?;
        }
        Ok(())
    })
}
