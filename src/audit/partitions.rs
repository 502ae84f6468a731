#![forbid(unsafe_code)]
//! One partition per UTC day of the tables behind `ward.audit`.

use super::time;
use crate::errors::Result;
use crate::pg::{Oid, catalog, own};
use std::ffi::{CStr, CString};

/// A partitioned table and the first moment of a day as its bounds have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Table {
    Event,
    Block,
}

impl Table {
    fn name(self) -> &'static str {
        match self {
            Self::Event => "audit_event",
            Self::Block => "audit_block",
        }
    }

    /// The first moment of a day, as a literal.
    pub fn bound(self, day: i64) -> String {
        match self {
            Self::Event => format!("'{} 00:00:00+00'", time::day(day)),
            Self::Block => format!("'{}'", time::day(day)),
        }
    }
}

/// A table of ward's own in this database. Whoever may make schemas can make tables of these names where ward
/// is not installed: only members of the extension count.
pub fn table(name: &CStr) -> Option<Oid> {
    let found = catalog::relation(name, catalog::schema(c"ward_internal")?)?;
    catalog::is_of_extension(found, c"ward").then_some(found)
}

/// The partition of a day, if there is one.
pub fn find(table: Table, day: i64) -> Option<Oid> {
    self::table(&CString::new(name(table, day)).ok()?)
}

fn name(table: Table, day: i64) -> String {
    format!("{}_{}", table.name(), time::day(day).replace('-', ""))
}

/// Makes the partition of a day. It is attached, not created in place: that would wait for every reader.
pub fn make(table: Table, day: i64) -> Result<()> {
    let (parent, name) = (table.name(), name(table, day));
    let (from, to) = (table.bound(day), table.bound(day + 1));
    for sql in [
        format!("CREATE TABLE ward_internal.{name} (LIKE ward_internal.{parent} INCLUDING ALL)"),
        format!(
            "ALTER TABLE ward_internal.{parent} ATTACH PARTITION ward_internal.{name} FOR VALUES FROM ({from}) TO ({to})"
        ),
        format!("ALTER EXTENSION ward ADD TABLE ward_internal.{name}"),
    ] {
        own::query(&sql, &[], |_| Ok(()))?;
    }
    Ok(())
}

/// The days that have partitions.
pub fn days(table: Table) -> Vec<i64> {
    let parent = CString::new(table.name())
        .ok()
        .and_then(|name| self::table(&name));
    let partitions = parent.map(catalog::children).unwrap_or_default();
    let names = partitions.into_iter().filter_map(catalog::relation_name);
    let mut days: Vec<i64> = names
        .filter_map(|name| time::parse_day(name.rsplit('_').next()?))
        .collect();
    days.sort_unstable();
    days
}

/// Drops the partition of a day.
pub fn drop(table: Table, day: i64) -> Result<()> {
    let name = name(table, day);
    own::query(
        &format!("ALTER EXTENSION ward DROP TABLE ward_internal.{name}"),
        &[],
        |_| Ok(()),
    )?;
    own::query(&format!("DROP TABLE ward_internal.{name}"), &[], |_| Ok(()))
}
