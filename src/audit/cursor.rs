#![forbid(unsafe_code)]
//! How far the events of this server have been projected into this database.

use super::export;
use super::partitions;
use crate::errors::Result;
use crate::pg::batch::{self, Value};
use crate::pg::{Oid, client, table};

/// The row of `audit_cursor` for this server's logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    table: Oid,
    /// The number of this server and database among the origins of events.
    pub origin: i32,
    name: String,
    /// The next entry: its log and index.
    pub place: (u32, u64),
    /// Is it in the table already?
    is_stored: bool,
}

impl Cursor {
    /// Reads it. `None` where ward is not installed in this database. Error: WD043 without a key.
    pub fn read() -> Result<Option<Self>> {
        let Some(table) = partitions::table(c"audit_cursor") else {
            return Ok(None);
        };
        let key = export::key()?;
        // A copy of a database has the events of another one.
        let name = format!(
            "{}/{}",
            key.split('+').next().unwrap_or_default(),
            client::database()
        );
        let mut cursor = Self {
            table,
            origin: 1,
            name,
            place: (1, 0),
            is_stored: false,
        };
        table::scan(table, |row| {
            let origin = row.integer(1).unwrap_or_default();
            if row.text(2).as_ref() == Some(&cursor.name) {
                cursor.place = (
                    row.integer(3).unwrap_or(1) as u32,
                    row.eight_bytes(4).unwrap_or(0) as u64,
                );
                (cursor.origin, cursor.is_stored) = (origin, true);
            } else if !cursor.is_stored {
                cursor.origin = cursor.origin.max(origin + 1);
            }
        });
        Ok(Some(cursor))
    }

    /// Takes turns with other projectors, until the transaction ends.
    pub fn lock() {
        batch::take_turns(c"ward");
    }

    /// Moves it.
    pub fn advance(&self, log: u32, next: u64) {
        let row = [
            Value::Integer(self.origin),
            Value::Text(self.name.clone()),
            Value::Integer(log as i32),
            Value::Big(next),
        ];
        if self.is_stored {
            batch::replace(self.table, &row);
        } else {
            batch::insert(self.table, &[row.to_vec()]);
        }
    }

    /// The names of other origins whose events are in this database.
    pub fn others(&self) -> Vec<String> {
        let mut others = Vec::new();
        table::scan(self.table, |row| {
            others.extend(row.text(2).filter(|name| *name != self.name));
        });
        others
    }
}
