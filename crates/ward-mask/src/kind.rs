//! The kinds of column a method may fit.

use std::fmt;

use crate::error::MethodError;
use crate::method::{Field, Method};

/// The type of a column, as far as methods care.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `text`, `varchar`, `char`; with the limit of `varchar(n)` and `char(n)` in characters.
    Text {
        /// The limit, if there is one.
        max_chars: Option<u32>,
    },
    /// `smallint`.
    Int2,
    /// `integer`.
    Int4,
    /// `bigint`.
    Int8,
    /// `numeric`.
    Numeric,
    /// `real`.
    Float4,
    /// `double precision`.
    Float8,
    /// `date`.
    Date,
    /// `timestamp`.
    Timestamp,
    /// `timestamp with time zone`.
    TimestampTz,
    /// `inet`.
    Inet,
    /// `cidr`.
    Cidr,
    /// `json`.
    Json,
    /// `jsonb`.
    Jsonb,
    /// `uuid`.
    Uuid,
    /// `bytea`.
    Bytea,
    /// `boolean`.
    Boolean,
    /// `vector` of pgvector.
    Vector,
    /// Any other type.
    Other,
}

impl Kind {
    /// The name, as PostgreSQL prints the type.
    pub fn name(self) -> &'static str {
        match self {
            Self::Text { .. } => "text",
            Self::Int2 => "smallint",
            Self::Int4 => "integer",
            Self::Int8 => "bigint",
            Self::Numeric => "numeric",
            Self::Float4 => "real",
            Self::Float8 => "double precision",
            Self::Date => "date",
            Self::Timestamp => "timestamp",
            Self::TimestampTz => "timestamp with time zone",
            Self::Inet => "inet",
            Self::Cidr => "cidr",
            Self::Json => "json",
            Self::Jsonb => "jsonb",
            Self::Uuid => "uuid",
            Self::Bytea => "bytea",
            Self::Boolean => "boolean",
            Self::Vector => "vector",
            Self::Other => "other",
        }
    }

    fn is_text(self) -> bool {
        matches!(self, Self::Text { .. })
    }

    fn is_integer(self) -> bool {
        matches!(self, Self::Int2 | Self::Int4 | Self::Int8)
    }

    fn is_number(self) -> bool {
        self.is_integer() || matches!(self, Self::Numeric | Self::Float4 | Self::Float8)
    }

    fn is_time(self) -> bool {
        matches!(self, Self::Date | Self::Timestamp | Self::TimestampTz)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Method {
    /// Does the method fit a column of this kind, and does it hide anything there?
    ///
    /// # Errors
    /// [`MethodError::Unfit`], [`MethodError::Idle`].
    pub fn check(&self, kind: &Kind) -> Result<(), MethodError> {
        let (method, kind_name) = (self.name(), kind.name());
        if !self.fits(*kind) {
            return Err(MethodError::Unfit {
                method,
                kind: kind_name,
                cure: self.columns(*kind),
            });
        }
        match self.idle(*kind) {
            Some(cure) => Err(MethodError::Idle {
                method,
                kind: kind_name,
                cure,
            }),
            None => Ok(()),
        }
    }

    fn fits(&self, kind: Kind) -> bool {
        match self {
            // A constant is read as the column's type by whoever knows the type.
            Self::Null | Self::Constant(_) | Self::Function(_) => true,
            Self::Partial { .. } | Self::Email | Self::Tokenise => kind.is_text(),
            Self::Hash => {
                kind.is_text() || kind.is_integer() || matches!(kind, Kind::Bytea | Kind::Uuid)
            }
            Self::Truncate(_) => kind.is_time(),
            Self::Bucket(width) if kind.is_integer() => width.as_i64().is_some(),
            Self::Round(_) | Self::Bucket(_) => kind.is_number(),
            Self::IpPrefix { .. } => matches!(kind, Kind::Inet | Kind::Cidr),
            Self::JsonPaths { .. } => matches!(kind, Kind::Json | Kind::Jsonb),
            Self::SearchOnly { .. } => kind == Kind::Vector,
        }
    }

    /// Which columns the method fits, or what fits this one.
    fn columns(&self, kind: Kind) -> &'static str {
        match self {
            Self::Null | Self::Constant(_) | Self::Function(_) => "it fits every column",
            // As a number, 0071 would become 71, and its token too: one token for two texts.
            Self::Tokenise if kind.is_integer() => {
                "use hash: numbers have no leading zeros, which tokens need"
            }
            Self::Partial { .. } | Self::Email | Self::Tokenise => {
                "use it for text, varchar or char"
            }
            Self::Hash => "use it for text, varchar, char, bytea, uuid or whole numbers",
            Self::Truncate(_) => "use it for date, timestamp or timestamp with time zone",
            Self::Bucket(_) if kind.is_integer() => "use a whole number as the width",
            Self::Round(_) | Self::Bucket(_) => "use it for numbers",
            Self::IpPrefix { .. } => "use it for inet or cidr",
            Self::JsonPaths { .. } => "use it for json or jsonb",
            Self::SearchOnly { .. } => "use it for vector",
        }
    }

    /// If the method would show every value as it is: what to use instead.
    fn idle(&self, kind: Kind) -> Option<&'static str> {
        match self {
            Self::Truncate(Field::Day) if kind == Kind::Date => Some("use month or year"),
            Self::Round(places) if kind.is_integer() && *places >= 0 => {
                Some("use a negative number of places, or bucket")
            }
            _ => None,
        }
    }
}
