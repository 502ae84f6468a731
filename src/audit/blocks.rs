#![forbid(unsafe_code)]
//! What alerts say of the blocks that an event refers to.

use serde_json::Value;
use std::collections::HashMap;
use ward_audit::{Block, BlockId, Event};

/// As many blocks are remembered as a busy server has in use.
const KEPT: usize = 20_000;

/// The blocks seen lately, as far as alerts need them.
#[derive(Default)]
pub struct Blocks(HashMap<BlockId, Known>);

enum Known {
    Session(Session),
    Identity { issuer: String, subject: String },
    Relations(Vec<String>),
    Other,
}

/// A session of the database.
pub struct Session {
    pub database: String,
    pub role: String,
    pub client_address: Option<String>,
}

impl Blocks {
    /// Remembers a block.
    pub fn add(&mut self, block: &Block) {
        let known = match block {
            Block::Session {
                database,
                role,
                client_address,
                ..
            } => Known::Session(Session {
                database: database.clone(),
                role: role.clone(),
                client_address: client_address.clone(),
            }),
            Block::Identity {
                issuer, subject, ..
            } => Known::Identity {
                issuer: issuer.clone(),
                subject: subject.clone(),
            },
            Block::Relations { relations } => Known::Relations(
                relations
                    .iter()
                    .map(|relation| relation.name.clone())
                    .collect(),
            ),
            Block::Text { .. } => return,
        };
        self.keep(block.id(), known);
    }

    /// Remembers a block that was projected (see `rows::block`).
    pub fn add_projected(&mut self, id: BlockId, kind: &str, body: &Value) {
        let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
        let known = match kind {
            "session" => Known::Session(Session {
                database: text("database").unwrap_or_default(),
                role: text("role").unwrap_or_default(),
                client_address: text("client_address"),
            }),
            "identity" => Known::Identity {
                issuer: text("issuer").unwrap_or_default(),
                subject: text("subject").unwrap_or_default(),
            },
            "relations" => {
                let relations = body
                    .get("relations")
                    .and_then(Value::as_array)
                    .into_iter()
                    .flatten();
                let names = relations.filter_map(|r| Some(r.get("name")?.as_str()?.to_owned()));
                Known::Relations(names.collect())
            }
            _ => Known::Other,
        };
        self.keep(id, known);
    }

    fn keep(&mut self, id: BlockId, known: Known) {
        if self.0.len() >= KEPT {
            self.0.clear();
        }
        self.0.insert(id, known);
    }

    /// The blocks that an alert for this event needs and that are not remembered.
    pub fn unknown(&self, event: &Event) -> impl Iterator<Item = BlockId> {
        let ids = [event.session, event.identity, event.relations];
        ids.into_iter()
            .flatten()
            .filter(|id| !self.0.contains_key(id))
    }

    /// Issuer and subject of the event's identity.
    pub fn identity(&self, event: &Event) -> Option<(&str, &str)> {
        match self.0.get(&event.identity?)? {
            Known::Identity { issuer, subject } => Some((issuer, subject)),
            _ => None,
        }
    }

    /// The event's session.
    pub fn session(&self, event: &Event) -> Option<&Session> {
        match self.0.get(&event.session?)? {
            Known::Session(session) => Some(session),
            _ => None,
        }
    }

    /// The names of the relations that the event touches.
    pub fn relations(&self, event: &Event) -> Vec<&str> {
        match event.relations.and_then(|id| self.0.get(&id)) {
            Some(Known::Relations(names)) => names.iter().map(String::as_str).collect(),
            _ => Vec::new(),
        }
    }
}
