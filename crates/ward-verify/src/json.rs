//! Entries for readers.

use crate::time::rfc3339;
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use ward_audit::{Block, BlockId, Change, Entry, Event, Item, Touched};

/// Bytes in hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Blocks that were seen.
#[derive(Default)]
pub struct Blocks(HashMap<BlockId, Value>);

impl Blocks {
    /// Notes a block.
    pub fn add(&mut self, block: &Block) {
        self.0.insert(block.id(), block_json(block));
    }

    /// A block, or its id where it was not seen.
    fn resolve(&self, id: BlockId) -> Value {
        let known = self.0.get(&id).cloned();
        known.unwrap_or_else(|| json!({ "block": hex(&id.0) }))
    }
}

/// An object without its null members.
fn object(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let kept = members.into_iter().filter(|(_, value)| !value.is_null());
            Value::Object(kept.collect())
        }
        other => other,
    }
}

/// JSON in text, or the text.
fn inner(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| json!(text))
}

fn list(texts: &[String]) -> Value {
    if texts.is_empty() {
        Value::Null
    } else {
        json!(texts)
    }
}

fn block_json(block: &Block) -> Value {
    object(match block {
        Block::Session {
            pid,
            database_oid,
            database,
            role,
            client_address,
            client_port,
            application,
            started,
        } => json!({
            "pid": pid, "database_oid": database_oid, "database": database, "role": role,
            "client_address": client_address, "client_port": client_port, "application": application,
            "started": rfc3339(*started),
        }),
        Block::Identity {
            issuer,
            subject,
            kind,
            tenants,
            clearance,
            token_id,
            token_hash,
            sid,
            actors,
            on_behalf_of,
            expires_at,
        } => json!({
            "issuer": issuer, "subject": subject, "kind": kind, "tenants": list(tenants),
            "clearance": format!("{clearance:016x}"), "token_id": token_id, "token_hash": hex(token_hash),
            "sid": sid, "actors": list(actors), "on_behalf_of": on_behalf_of,
            "expires_at": rfc3339(expires_at.saturating_mul(1_000_000)),
        }),
        Block::Text {
            text,
            truncated,
            sha256,
        } => json!({"text": text, "truncated": truncated.then_some(true), "sha256": hex(sha256)}),
        Block::Relations { relations } => relations.iter().map(touched_json).collect(),
    })
}

fn touched_json(touched: &Touched) -> Value {
    object(json!({
        "oid": touched.oid, "name": touched.name, "actions": list(&touched.actions),
        "read": list(&touched.read), "written": list(&touched.written),
    }))
}

fn change_json(change: &Change) -> Value {
    object(json!({
        "relation": change.relation, "operation": change.operation, "key": inner(&change.key),
        "columns": list(&change.columns), "old": change.old.as_deref().map(inner),
        "new": change.new.as_deref().map(inner),
    }))
}

/// An event with what it refers to.
pub fn event_json(event: &Event, blocks: &Blocks) -> Value {
    let resolve = |id: Option<BlockId>| id.map(|id| blocks.resolve(id));
    let keys: Vec<Value> = event.keys.iter().map(|key| inner(key)).collect();
    object(json!({
        "at": rfc3339(event.at), "kind": event.kind.name(), "outcome": event.outcome.name(),
        "session": resolve(event.session), "identity": resolve(event.identity), "query": resolve(event.text),
        "relations": resolve(event.relations), "role": event.role, "statement": event.statement,
        "stage": event.stage.map(|stage| stage.name()), "code": event.code, "sqlstate": event.sqlstate,
        "message": event.message, "rows": event.rows,
        "labels": event.labels.map(|labels| format!("{labels:016x}")), "k": event.k,
        "keys": (!keys.is_empty()).then_some(keys), "change": event.change.as_ref().map(change_json),
        "policy_version": event.policy_version, "xid": event.xid, "first_seq": event.first_seq,
        "detail": event.detail.as_deref().map(inner), "database": event.database,
        "user_origin": event.user_origin.then_some(true),
    }))
}

/// Adds where an entry comes from.
pub fn frame_json(entry: &Entry<'_>, shown: &mut Value) {
    let frame = &entry.frame;
    let members = [
        (
            "lsn",
            json!(format!(
                "{:X}/{:X}",
                entry.lsn >> 32,
                entry.lsn & 0xffff_ffff
            )),
        ),
        ("boot", json!(hex(&frame.boot))),
        ("backend", json!(frame.session)),
        ("seq", json!(frame.seq)),
    ];
    if let Value::Object(shown) = shown {
        shown.extend(members.map(|(name, value)| (name.to_owned(), value)));
    }
}

/// One entry by itself.
pub fn entry_json(bytes: &[u8]) -> Option<Value> {
    let entry = Entry::decode(bytes).ok()?;
    let mut shown = match Item::decode(entry.frame.body).ok()? {
        Item::Event(event) => event_json(&event, &Blocks::default()),
        Item::Block(block) => {
            let mut members = Map::new();
            members.insert(block.kind().to_owned(), block_json(&block));
            members.insert("block".to_owned(), json!(hex(&block.id().0)));
            Value::Object(members)
        }
    };
    frame_json(&entry, &mut shown);
    Some(shown)
}
