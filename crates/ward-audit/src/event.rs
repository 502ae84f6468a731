//! What happened.

use crate::BlockId;
use crate::cbor::{Reader, Value, Writer, nested, table, wrong};
use crate::error::Malformed;
use minicbor::{Decoder, Encoder};
use std::convert::Infallible;

/// Declares an enum whose variants are stored as stable numbers and shown by name;
/// one of them has `#[default]`.
macro_rules! named {
    ($(#[$about:meta])* $type:ident { $($(#[$doc:meta])* $variant:ident = $number:literal $name:literal,)+ }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $type {
            $($(#[$doc])* $variant = $number,)+
        }

        impl $type {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// As readers see it.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }
        }

        impl Value for $type {
            fn write(&self, to: &mut Encoder<Vec<u8>>) -> Result<(), minicbor::encode::Error<Infallible>> {
                (*self as u8).write(to)
            }

            fn read(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
                match from.u8().map_err(wrong)? {
                    $($number => Ok(Self::$variant),)+
                    _ => Err(Malformed(concat!("an unknown ", stringify!($type)))),
                }
            }
        }
    };
}

named! {
    /// The kind of an event.
    Kind {
        /// Rows were read.
        #[default]
        Read = 0 "read",
        /// Rows were looked for by distance.
        Search = 1 "search",
        /// Rows were written.
        Write = 2 "write",
        /// One row was changed.
        Row = 3 "row",
        /// Something was refused.
        Denial = 4 "denial",
        /// A connection was opened, or refused.
        Login = 5 "login",
        /// A definition was changed (DDL).
        Definition = 6 "definition",
        /// What ward protects or trusts was changed.
        Policy = 7 "policy",
        /// Rights or roles were changed.
        Privilege = 8 "privilege",
        /// Maintenance went around the rules, or began or ended to.
        Maintenance = 9 "maintenance",
        /// Earlier events of the session did not take effect.
        Rollback = 10 "rollback",
        /// The server started.
        Boot = 11 "boot",
        /// A record that ward did not write.
        Forged = 12 "forged",
        /// Records that should be there and are not.
        Gap = 13 "gap",
        /// A log begins.
        Origin = 14 "origin",
    }
}

named! {
    /// How it ended.
    Outcome {
        /// It was done.
        #[default]
        Allowed = 0 "allowed",
        /// It was refused.
        Denied = 1 "denied",
        /// It failed for another reason.
        Error = 2 "error",
    }
}

named! {
    /// The part of a read that is recorded before its first row and after its last.
    Stage {
        /// Before the first row.
        #[default]
        Start = 0 "start",
        /// After the last.
        End = 1 "end",
    }
}

/// One event. References are to blocks that were written before it, on the same day.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// When, in microseconds since 1970.
    pub at: i64,
    /// What.
    pub kind: Kind,
    /// How it ended.
    pub outcome: Outcome,
    /// The connection ([`Block::Session`](crate::Block::Session)).
    pub session: Option<BlockId>,
    /// Who ([`Block::Identity`](crate::Block::Identity)).
    pub identity: Option<BlockId>,
    /// The statement's text ([`Block::Text`](crate::Block::Text)).
    pub text: Option<BlockId>,
    /// What it touched ([`Block::Relations`](crate::Block::Relations)).
    pub relations: Option<BlockId>,
    /// The current role.
    pub role: Option<String>,
    /// The kind of statement: `select`, `copy`, `ALTER TABLE`.
    pub statement: Option<String>,
    /// Of a read that is recorded twice.
    pub stage: Option<Stage>,
    /// ward's code, `WDnnn`.
    pub code: Option<String>,
    /// The error's SQLSTATE.
    pub sqlstate: Option<String>,
    /// The error's message.
    pub message: Option<String>,
    /// How many rows.
    pub rows: Option<u64>,
    /// The join of the labels of what was read, as bits.
    pub labels: Option<u64>,
    /// How many rows a search asked for.
    pub k: Option<u64>,
    /// The keys of the rows, each a JSON object.
    pub keys: Vec<String>,
    /// The row that was changed.
    pub change: Option<Change>,
    /// The version of the rules.
    pub policy_version: Option<u64>,
    /// The transaction, where it has an id.
    pub xid: Option<u64>,
    /// Rollback: this session's events from here on did not take effect. End of a read: its start.
    pub first_seq: Option<u64>,
    /// More, as JSON.
    pub detail: Option<String>,
    /// The database, where the session has none: a failed login.
    pub database: Option<String>,
    /// Raised by code of users, such as RAISE in a function.
    pub user_origin: bool,
}

/// A changed row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// `schema.name`.
    pub relation: String,
    /// `insert`, `update`, `delete`.
    pub operation: String,
    /// Its key, as a JSON object.
    pub key: String,
    /// The columns that changed.
    pub columns: Vec<String>,
    /// What was there, as a JSON object.
    pub old: Option<String>,
    /// What is there now, as a JSON object.
    pub new: Option<String>,
}

impl Event {
    pub(crate) fn put(&self, to: &mut Writer) {
        put_event(to, self);
    }

    pub(crate) fn take(from: &mut Reader<'_, '_>) -> Result<Self, Malformed> {
        take_event(from)
    }
}

table!(put_event, take_event: Event, Event {
    1 at, 2 kind, 3 outcome, 4 session, 5 identity, 6 text, 7 relations, 8 role, 9 statement, 10 stage,
    11 code, 12 sqlstate, 13 message, 14 rows, 15 labels, 16 k, 17 keys, 18 change, 19 policy_version,
    20 xid, 21 first_seq, 22 detail, 23 database, 24 user_origin,
});
table!(put_change, take_change: Change, Change {
    1 relation, 2 operation, 3 key, 4 columns, 5 old, 6 new,
});
nested!(Change, put_change, take_change);
