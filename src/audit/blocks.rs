#![forbid(unsafe_code)]
//! The dictionary of a log: what events refer to by id.

use std::collections::HashMap;
use ward_audit::{Block, BlockId, Event};

/// As many blocks are kept as a busy server has in use.
const KEPT: usize = 20_000;

/// The blocks seen lately.
#[derive(Default)]
pub struct Blocks(HashMap<BlockId, Block>);

/// What alerts say of a session.
#[derive(Clone, Copy)]
pub struct Session<'a> {
    pub database: &'a str,
    pub role: &'a str,
    pub client_address: Option<&'a str>,
}

impl Blocks {
    /// Remembers a block.
    pub fn add(&mut self, block: &Block) {
        if self.0.len() >= KEPT {
            self.0.clear();
        }
        self.0.insert(block.id(), block.clone());
    }

    /// Issuer and subject of the event's identity.
    pub fn identity(&self, event: &Event) -> Option<(&str, &str)> {
        match self.0.get(&event.identity?)? {
            Block::Identity {
                issuer, subject, ..
            } => Some((issuer, subject)),
            _ => None,
        }
    }

    /// The event's session.
    pub fn session(&self, event: &Event) -> Option<Session<'_>> {
        match self.0.get(&event.session?)? {
            Block::Session {
                database,
                role,
                client_address,
                ..
            } => Some(Session {
                database,
                role,
                client_address: client_address.as_deref(),
            }),
            _ => None,
        }
    }

    /// The names of the relations that the event touches.
    pub fn relations(&self, event: &Event) -> Vec<&str> {
        match event.relations.and_then(|id| self.0.get(&id)) {
            Some(Block::Relations { relations }) => relations
                .iter()
                .map(|relation| relation.name.as_str())
                .collect(),
            _ => Vec::new(),
        }
    }
}
