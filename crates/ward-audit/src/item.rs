//! The content of a record: one event or one block.

use crate::cbor::{Reader, Writer};
use crate::error::Malformed;
use crate::record::MAX_BODY;
use crate::shorten::shorten;
use crate::{Block, Event};
use minicbor::Decoder;
use std::borrow::Cow;

/// What a record carries: a CBOR map whose key 0 says what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::large_enum_variant, reason = "one at a time, and never kept")]
pub enum Item {
    /// What events refer to.
    Block(Block),
    /// What happened.
    Event(Event),
}

const EVENT: u8 = 0;

impl Item {
    /// In deterministic CBOR, at most [`MAX_BODY`] bytes: what is longer is shortened, and says so
    /// where it was.
    pub fn encode(&self) -> Vec<u8> {
        bounded(self)
    }

    /// A block as [`Item::encode`] writes it.
    pub(crate) fn encode_block(block: &Block) -> Vec<u8> {
        let bytes = write(block.tag(), |to| block.put(to));
        if bytes.len() <= MAX_BODY {
            return bytes;
        }
        bounded(&Self::Block(block.clone()))
    }

    /// Reads what [`Item::encode`] wrote, and nothing else: of the many spellings that CBOR has,
    /// only the deterministic one.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut decoder = Decoder::new(bytes);
        let mut map = Reader::new(&mut decoder)?;
        let item = match map.take(0)? {
            EVENT => Self::Event(Event::take(&mut map)?),
            tag => Self::Block(Block::take(tag, &mut map)?),
        };
        map.finish()?;
        if plain(&item) != bytes {
            return Err(Malformed("not in deterministic form"));
        }
        Ok(item)
    }
}

fn write(tag: u8, fields: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut map = Writer::new();
    map.put(0, &tag);
    fields(&mut map);
    map.finish()
}

fn plain(item: &Item) -> Vec<u8> {
    match item {
        Item::Block(block) => write(block.tag(), |to| block.put(to)),
        Item::Event(event) => write(EVENT, |to| event.put(to)),
    }
}

fn bounded(item: &Item) -> Vec<u8> {
    let mut item = Cow::Borrowed(item);
    let mut bytes = plain(&item);
    // Halved until it fits: 64 bytes of each field always do.
    let mut limit = MAX_BODY / 2;
    while bytes.len() > MAX_BODY && limit >= 64 {
        shorten(item.to_mut(), limit);
        bytes = plain(&item);
        limit /= 2;
    }
    bytes
}
