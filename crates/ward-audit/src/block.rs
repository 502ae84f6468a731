//! What many events have in common, written once.

use crate::Item;
use crate::cbor::{Reader, Value, Writer, nested, table};
use crate::error::Malformed;
use aws_lc_rs::digest::{SHA256, digest};
use minicbor::{Decoder, Encoder};

/// What events call a block by: the first 16 bytes of the SHA-256 of its encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlockId(pub [u8; 16]);

impl Value for BlockId {
    fn write(
        &self,
        to: &mut Encoder<Vec<u8>>,
    ) -> Result<(), minicbor::encode::Error<std::convert::Infallible>> {
        self.0.write(to)
    }

    fn read(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        Value::read(from).map(Self)
    }
}

/// A dictionary item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Block {
    /// A connection.
    Session {
        /// The backend's process.
        pid: u32,
        /// 0 where the connection has no database, or not yet.
        database_oid: u32,
        /// Its name.
        database: String,
        /// The role that logged in.
        role: String,
        /// Where the client is; absent for a local socket.
        client_address: Option<String>,
        /// Its port.
        client_port: Option<u16>,
        /// `application_name`.
        application: Option<String>,
        /// When it began, in microseconds since 1970.
        started: i64,
    },
    /// A verified identity.
    Identity {
        /// Who says so.
        issuer: String,
        /// Who it is.
        subject: String,
        /// `human`, `service` or `agent`.
        kind: String,
        /// The tenants it may act for.
        tenants: Vec<String>,
        /// Its clearance, as the bits of a label.
        clearance: u64,
        /// `jti`.
        token_id: Option<String>,
        /// SHA-256 of the token.
        token_hash: [u8; 32],
        /// `sid`.
        sid: Option<String>,
        /// Who acts, outermost first (`act`).
        actors: Vec<String>,
        /// For whom, where somebody else acts.
        on_behalf_of: Option<String>,
        /// When it ends, in seconds since 1970.
        expires_at: i64,
    },
    /// The text of a statement, without literals.
    Text {
        /// The text, or its beginning.
        text: String,
        /// Whether something was cut off.
        truncated: bool,
        /// SHA-256 of the whole text.
        sha256: [u8; 32],
    },
    /// What a statement touches.
    Relations {
        /// One for each relation.
        relations: Vec<Touched>,
    },
}

/// A relation, and what is done with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Touched {
    /// Its OID.
    pub oid: u32,
    /// `schema.name`.
    pub name: String,
    /// `select`, `insert`, `update`, `delete`, `truncate`.
    pub actions: Vec<String>,
    /// The columns that are read.
    pub read: Vec<String>,
    /// The columns that are written.
    pub written: Vec<String>,
}

/// The longest text of a statement that is kept whole, in bytes.
const MAX_TEXT: usize = 32_768;

impl Block {
    /// A statement's text; a long one is cut, and its hash is of the whole.
    pub fn text(text: &str) -> Self {
        let sha256 = digest(&SHA256, text.as_bytes());
        let kept = text
            .get(..text.floor_char_boundary(MAX_TEXT))
            .unwrap_or(text);
        Self::Text {
            text: kept.to_owned(),
            truncated: kept.len() < text.len(),
            sha256: sha256.as_ref().try_into().unwrap_or_default(),
        }
    }

    /// What events call it by.
    pub fn id(&self) -> BlockId {
        Self::id_of(&Item::encode_block(self))
    }

    /// The id of the block that is encoded so.
    pub fn id_of(encoded: &[u8]) -> BlockId {
        let hash = digest(&SHA256, encoded);
        let first = hash.as_ref().first_chunk();
        BlockId(first.copied().unwrap_or_default())
    }

    /// `session`, `identity`, `text` or `relations`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Session { .. } => "session",
            Self::Identity { .. } => "identity",
            Self::Text { .. } => "text",
            Self::Relations { .. } => "relations",
        }
    }

    /// What key 0 says; 0 is an event.
    pub(crate) fn tag(&self) -> u8 {
        match self {
            Self::Session { .. } => 1,
            Self::Identity { .. } => 2,
            Self::Text { .. } => 3,
            Self::Relations { .. } => 4,
        }
    }

    pub(crate) fn put(&self, to: &mut Writer) {
        match self {
            Self::Session { .. } => put_session(to, self),
            Self::Identity { .. } => put_identity(to, self),
            Self::Text { .. } => put_text(to, self),
            Self::Relations { .. } => put_relations(to, self),
        }
    }

    pub(crate) fn take(tag: u8, from: &mut Reader<'_, '_>) -> Result<Self, Malformed> {
        match tag {
            1 => take_session(from),
            2 => take_identity(from),
            3 => take_text(from),
            4 => take_relations(from),
            _ => Err(Malformed("an item of an unknown type")),
        }
    }
}

table!(put_session, take_session: Block, Block::Session {
    1 pid, 2 database_oid, 3 database, 4 role, 5 client_address, 6 client_port, 7 application, 8 started,
});
table!(put_identity, take_identity: Block, Block::Identity {
    1 issuer, 2 subject, 3 kind, 4 tenants, 5 clearance, 6 token_id, 7 token_hash, 8 sid, 9 actors,
    10 on_behalf_of, 11 expires_at,
});
table!(put_text, take_text: Block, Block::Text { 1 text, 2 truncated, 3 sha256 });
table!(put_relations, take_relations: Block, Block::Relations { 1 relations });
table!(put_touched, take_touched: Touched, Touched { 1 oid, 2 name, 3 actions, 4 read, 5 written });
nested!(Touched, put_touched, take_touched);
