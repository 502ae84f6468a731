#![forbid(unsafe_code)]
//! A changed row as JSON: without masked values, and with digests for long ones.

use crate::audit::digest;
use crate::errors::Result;
use crate::pg::Oid;
use crate::pg::image::{self, Stored, quoted};
use crate::pg::trigger::Row;

/// How many bytes of JSON a row may have: an entry of the log ends at 65,535 and holds two of them.
const MAX_ROW: usize = 24_576;
/// Where a row has more, values longer than this are told by their digests, too.
const SHORT: usize = 64;
/// How many bytes the names of changed columns may have.
const MAX_NAMES: usize = 8_192;

/// How the columns of a relation are recorded.
pub struct Rules {
    columns: Vec<Told>,
    /// The columns that name a row, by their places in `columns`; empty if its place must do.
    key: Vec<usize>,
    /// How long a value may be that is recorded as it is.
    limit: usize,
}

struct Told {
    column: Stored,
    is_masked: bool,
}

/// What is recorded of one change.
#[derive(Default)]
pub struct Writing {
    pub key: String,
    pub columns: Vec<String>,
    pub old: Option<String>,
    pub new: Option<String>,
}

impl Rules {
    /// The rules for a relation as it is now; `masked` says which columns are never recorded in clear.
    pub fn new(relation: Oid, limit: usize, masked: impl Fn(&Stored) -> bool) -> Self {
        let columns: Vec<Told> = image::columns(relation)
            .into_iter()
            .map(|column| Told {
                is_masked: masked(&column),
                column,
            })
            .collect();
        let numbers = image::identity_key(relation);
        let place = |number: &i16| columns.iter().position(|told| told.column.attno == *number);
        let key = numbers.iter().filter_map(place).collect();
        Self {
            columns,
            key,
            limit,
        }
    }

    /// A row that came or went.
    pub fn whole(&self, old: Option<Row>, new: Option<Row>) -> Result<Writing> {
        let Some(row) = old.or(new) else {
            return Ok(Writing {
                key: String::from("{}"),
                ..Writing::default()
            });
        };
        let all: Vec<&Told> = self.columns.iter().collect();
        self.writing(row, &all, old, new)
    }

    /// A row that became another: what differs.
    pub fn updated(&self, old: Row, new: Row) -> Result<Writing> {
        let differs = |told: &&Told| told.column.differs(old, new);
        let changed: Vec<&Told> = self.columns.iter().filter(differs).collect();
        self.writing(old, &changed, Some(old), Some(new))
    }

    fn writing(
        &self,
        row: Row,
        told: &[&Told],
        old: Option<Row>,
        new: Option<Row>,
    ) -> Result<Writing> {
        let mut names: Vec<String> = told.iter().map(|told| told.column.name.clone()).collect();
        if names.iter().map(String::len).sum::<usize>() > MAX_NAMES {
            names.clear();
        }
        let values = |row: Option<Row>| row.map(|row| self.values(row, told)).transpose();
        Ok(Writing {
            key: self.key(row)?,
            columns: names,
            old: values(old)?,
            new: values(new)?,
        })
    }

    /// The row's key as an object. A masked part of it is told by its digest: rows must stay apart.
    fn key(&self, row: Row) -> Result<String> {
        if self.key.is_empty() {
            return Ok(format!("{{\"ctid\":{}}}", quoted(&row.place())));
        }
        object(
            self.key
                .iter()
                .filter_map(|place| self.columns.get(*place))
                .map(|told| {
                    let value = if told.is_masked {
                        let digest = digest::of(&told.column.bytes(row))?;
                        format!("{{\"masked\":true,\"hmac\":{}}}", quoted(&digest))
                    } else {
                        told.json(row, self.limit)?
                    };
                    Ok((&told.column, value))
                }),
        )
    }

    fn values(&self, row: Row, told: &[&Told]) -> Result<String> {
        let mut limit = self.limit;
        loop {
            let one = |told: &&Told| -> Result<String> {
                if told.is_masked {
                    return Ok(String::from("{\"masked\":true,\"changed\":true}"));
                }
                told.json(row, limit)
            };
            let all = object(told.iter().map(|told| Ok((&told.column, one(told)?))))?;
            if all.len() <= MAX_ROW {
                return Ok(all);
            }
            if limit <= SHORT {
                return long(all.as_bytes());
            }
            limit = SHORT;
        }
    }
}

impl Told {
    fn json(&self, row: Row, limit: usize) -> Result<String> {
        if self.column.is_long(row, limit) {
            return long(&self.column.bytes(row));
        }
        let json = self.column.json(row);
        // A short value can have a long text.
        if json.len() > 8 * limit {
            return long(&self.column.bytes(row));
        }
        Ok(json)
    }
}

fn long(bytes: &[u8]) -> Result<String> {
    let digest = digest::of(bytes)?;
    Ok(format!(
        "{{\"bytes\":{},\"hmac\":{}}}",
        bytes.len(),
        quoted(&digest)
    ))
}

fn object<'a>(fields: impl Iterator<Item = Result<(&'a Stored, String)>>) -> Result<String> {
    let mut json = String::from("{");
    for field in fields {
        let (column, value) = field?;
        if json.len() > 1 {
            json.push(',');
        }
        json.push_str(&quoted(&column.name));
        json.push(':');
        json.push_str(&value);
    }
    json.push('}');
    Ok(json)
}
