#![forbid(unsafe_code)]
//! Where a protected value lives: in a column of its own, or under a key of a jsonb column.

use super::objects;
use crate::errors::{Code, Result, WardError};
use crate::pg::carrier::Carrier;
use crate::pg::expr::Column;
use crate::pg::{Oid, catalog, types};

/// What separates column and key in the arguments of `ward.protect`.
const ARROW: &str = "->";

/// A name that an argument of type `name` was cut to has at least this many bytes (63, less what a
/// character of up to four bytes leaves over).
const CUT: usize = 60;

/// Where the values of one dimension live.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The table's column.
    pub column: String,
    /// In a jsonb column: the key.
    pub key: Option<String>,
}

/// What is read from a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// A tenant, an owner or an acl. Under a key it is a text.
    Claim,
    /// A label.
    Label,
}

impl Place {
    /// The place that an administrator named: a column of exactly that name, else `column->key`.
    ///
    /// Error: WD036 for a key that may have been cut.
    pub fn named(relation: Oid, name: &str) -> Result<Self> {
        match name.split_once(ARROW) {
            Some((column, key))
                if !column.is_empty()
                    && !key.is_empty()
                    && catalog::column(relation, name).is_none() =>
            {
                Self::carried(column, key)
            }
            _ => Ok(Self::column(name)),
        }
    }

    /// A place that the registry holds, which also says whether it is under a key.
    pub fn stored(name: &str, is_carried: bool) -> Self {
        match name.split_once(ARROW).filter(|_| is_carried) {
            Some((column, key)) => Self {
                column: column.to_owned(),
                key: Some(key.to_owned()),
            },
            None => Self::column(name),
        }
    }

    /// The place of a derivation's key column: `column->key` is always under a key.
    pub fn of_key(name: &str) -> Self {
        Self::stored(name, true)
    }

    /// The place under `key` of jsonb column `column`. Error: WD036 if both together are too long.
    pub fn carried(column: &str, key: &str) -> Result<Self> {
        if column.len() + ARROW.len() + key.len() >= CUT {
            return Err(WardError::new(
                Code::Argument,
                format!("\"{column}{ARROW}{key}\" is too long"),
            )
            .hint(format!(
                "Column and key have at most {} bytes together.",
                CUT - 1 - ARROW.len()
            )));
        }
        Ok(Self {
            column: column.to_owned(),
            key: Some(key.to_owned()),
        })
    }

    fn column(name: &str) -> Self {
        Self {
            column: name.to_owned(),
            key: None,
        }
    }

    /// As the registry stores it.
    pub fn name(&self) -> String {
        match &self.key {
            Some(key) => format!("{}{ARROW}{key}", self.column),
            None => self.column.clone(),
        }
    }

    /// The column that it is in `relation`; `None` if there is none, or none of jsonb for a key.
    pub fn find(&self, relation: Oid, content: Content) -> Result<Option<Column>> {
        let (Some(column), Some(key)) = (catalog::column(relation, &self.column), &self.key) else {
            return Ok(catalog::column(relation, &self.column));
        };
        let objects = objects()?.filter(|_| column.type_oid == types::JSONB);
        Ok(objects.map(|objects| {
            let (type_oid, collation, reader) = match content {
                Content::Claim => (types::TEXT, types::DEFAULT_COLLATION, None),
                Content::Label => (
                    objects.label_type,
                    Oid::INVALID,
                    Some(objects.carrier.label),
                ),
            };
            Column {
                type_oid,
                typmod: -1,
                collation,
                carrier: Some(Carrier {
                    key: key.clone(),
                    reader,
                }),
                ..column
            }
        }))
    }
}

impl From<&Column> for Place {
    fn from(column: &Column) -> Self {
        Self {
            column: column.name.clone(),
            key: column.carrier.as_ref().map(|carrier| carrier.key.clone()),
        }
    }
}
