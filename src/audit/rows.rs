#![forbid(unsafe_code)]
//! Sealed entries as rows of the tables behind `ward.audit` (sql/install/60_audit.sql).

use super::intake::hexadecimal;
use super::time;
use crate::pg::batch::Value;
use serde_json::{Value as Json, json};
use ward_audit::{Block, BlockId, Change, Entry, Event, Touched};
use ward_core::Label;

/// Where an event comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source {
    /// The number of the origin in this database.
    pub origin: i32,
    /// The log.
    pub log: u32,
}

/// A row of `audit_event`.
pub fn event(source: Source, index: u64, entry: &Entry<'_>, event: &Event) -> Vec<Value> {
    let id = |id: Option<BlockId>| id.map_or(Value::Null, |id| Value::Uuid(id.0));
    let text = |text: &Option<String>| Value::text(text.as_deref());
    let keys: Vec<Json> = event.keys.iter().map(|key| parsed(key)).collect();
    vec![
        Value::Timestamp(event.at),
        Value::Integer(source.origin),
        Value::Integer(source.log as i32),
        Value::Big(index),
        Value::Text(event.kind.name().to_owned()),
        Value::Text(event.outcome.name().to_owned()),
        Value::Big(entry.lsn),
        Value::Big(u64::from_be_bytes(entry.frame.boot)),
        Value::Big(entry.frame.session),
        Value::Big(entry.frame.seq),
        id(event.session),
        id(event.identity),
        id(event.text),
        id(event.relations),
        text(&event.role),
        text(&event.statement),
        Value::text(event.stage.map(|stage| stage.name())),
        text(&event.code),
        text(&event.sqlstate),
        text(&event.message),
        Value::big(event.rows),
        Value::big(event.labels.and_then(Label::from_bits).map(Label::to_bits)),
        Value::big(event.k),
        if keys.is_empty() {
            Value::Null
        } else {
            Value::Json(Json::Array(keys))
        },
        event
            .change
            .as_ref()
            .map_or(Value::Null, |change| Value::Json(changed(change))),
        Value::big(event.policy_version),
        Value::big(event.xid),
        Value::big(event.first_seq),
        Value::json(event.detail.as_deref()),
        text(&event.database),
        Value::Boolean(event.user_origin),
    ]
}

/// A row of `audit_block`: a block that events of this day (since the Unix epoch) refer to.
pub fn block(day: i64, block: &Block) -> Vec<Value> {
    vec![
        Value::Date(i32::try_from(day).unwrap_or(i32::MAX)),
        Value::Uuid(block.id().0),
        Value::Text(block.kind().to_owned()),
        Value::Json(body(block)),
    ]
}

/// A row of `audit_rollback`.
pub fn rollback(entry: &Entry<'_>, event: &Event, first: u64) -> Vec<Value> {
    vec![
        Value::Big(u64::from_be_bytes(entry.frame.boot)),
        Value::Big(entry.frame.session),
        Value::Big(entry.frame.seq),
        Value::Big(first),
        Value::Timestamp(event.at),
        Value::Box(
            [entry.frame.session, first],
            [entry.frame.session, entry.frame.seq.saturating_sub(1)],
        ),
    ]
}

/// The day of a moment, since the Unix epoch.
pub fn day(at: i64) -> i64 {
    at.div_euclid(time::DAY)
}

fn changed(change: &Change) -> Json {
    let old_or_new = |text: &Option<String>| text.as_deref().map_or(Json::Null, parsed);
    json!({
        "relation": change.relation, "operation": change.operation, "key": parsed(&change.key),
        "columns": change.columns, "old": old_or_new(&change.old), "new": old_or_new(&change.new),
    })
}

fn body(block: &Block) -> Json {
    match block {
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
            "started": time::text(*started),
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
            "issuer": issuer, "subject": subject, "kind": kind, "tenants": tenants,
            "clearance": Label::from_bits(*clearance).map(|label| label.to_string()),
            "token_id": token_id, "token_hash": hexadecimal(token_hash), "sid": sid, "actors": actors,
            "on_behalf_of": on_behalf_of, "expires_at": expires_at,
        }),
        Block::Text {
            text,
            truncated,
            sha256,
        } => json!({
            "text": text, "truncated": truncated, "sha256": hexadecimal(sha256),
        }),
        Block::Relations { relations } => json!({
            "relations": relations.iter().map(touched).collect::<Vec<_>>(),
        }),
    }
}

fn touched(touched: &Touched) -> Json {
    json!({
        "oid": touched.oid, "name": touched.name, "actions": touched.actions, "read": touched.read,
        "written": touched.written,
    })
}

/// A text of JSON; what is none becomes a string.
fn parsed(text: &str) -> Json {
    serde_json::from_str(text).unwrap_or_else(|_| Json::String(text.to_owned()))
}
