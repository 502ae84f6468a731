#![forbid(unsafe_code)]
//! What somebody should hear of at once, and how often.

use super::blocks::Blocks;
use super::time;
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use ward_audit::{Event, Kind, Outcome};

/// How many alerts of one sort go out singly in one second; the rest are counted.
const SINGLY: u64 = 10;
/// Texts are cut to this many characters: a notification has less than 8,000 bytes.
const LONGEST_TEXT: usize = 400;
/// That many relations are named.
const RELATIONS: usize = 10;

/// Does this event raise an alert?
pub fn is_due(event: &Event) -> bool {
    use Kind::{Denial, Forged, Gap, Maintenance, Policy, Privilege};
    event.outcome == Outcome::Denied
        || matches!(
            event.kind,
            Denial | Policy | Privilege | Maintenance | Forged | Gap
        )
}

/// Alerts of one sort.
type Sort = (String, String, String);

/// Counts what comes too often.
#[derive(Default)]
pub struct Flood {
    /// What there was of a sort in a second.
    seen: HashMap<(i64, Sort), Seen>,
}

#[derive(Default)]
struct Seen {
    count: u64,
    /// How many of them were told, singly and by counts.
    told: u64,
    /// In which second a count was told last.
    counted: i64,
    last: Map<String, Value>,
}

/// For so many seconds a second is remembered: who lags behind must not tell its first events singly again.
const REMEMBERED: i64 = 60;

impl Flood {
    /// The alert for an event, unless it is one of too many.
    pub fn alert(
        &mut self,
        log: u32,
        index: u64,
        event: &Event,
        blocks: &Blocks,
    ) -> Option<String> {
        let alert = render(log, index, event, blocks);
        let sort = sort(&alert);
        let key = (event.at.div_euclid(1_000_000), sort);
        let seen = self.seen.entry(key).or_default();
        seen.count += 1;
        if seen.count <= SINGLY {
            seen.told += 1;
            return Some(Value::Object(alert).to_string());
        }
        seen.last = alert;
        None
    }

    /// The counts of the seconds before this moment: one alert for each sort that came too often, and
    /// another a second later for what was only heard of by then.
    pub fn counts(&mut self, now: i64) -> Vec<String> {
        let second = now.div_euclid(1_000_000);
        let mut counts = Vec::new();
        self.seen.retain(|(at, _), seen| {
            let untold = seen.count - seen.told;
            if *at < second && untold > 0 && seen.counted != second {
                (seen.told, seen.counted) = (seen.count, second);
                seen.last.insert(String::from("count"), json!(untold));
                counts.push(Value::Object(seen.last.clone()).to_string());
            }
            *at >= second - REMEMBERED || seen.count > seen.told
        });
        counts
    }
}

/// An alert as JSON: what happened, and who did it to what. No values of rows.
fn render(log: u32, index: u64, event: &Event, blocks: &Blocks) -> Map<String, Value> {
    let actor = blocks.identity(event);
    let session = blocks.session(event);
    let message = event.message.as_deref().filter(|_| !event.user_origin);
    let mut relations = blocks.relations(event);
    relations.truncate(RELATIONS);
    let fields = [
        ("log", json!(log)),
        ("index", json!(index)),
        ("kind", json!(event.kind.name())),
        ("outcome", json!(event.outcome.name())),
        ("at", json!(time::text(event.at))),
        ("code", json!(event.code)),
        ("sqlstate", json!(event.sqlstate)),
        ("message", json!(message.map(cut))),
        ("subject", json!(actor.map(|(_, subject)| cut(subject)))),
        ("issuer", json!(actor.map(|(issuer, _)| cut(issuer)))),
        (
            "role",
            json!(
                event
                    .role
                    .as_deref()
                    .or(session.map(|s| s.role.as_str()))
                    .map(cut)
            ),
        ),
        (
            "database",
            json!(
                event
                    .database
                    .as_deref()
                    .or(session.map(|s| s.database.as_str()))
                    .map(cut)
            ),
        ),
        (
            "client_address",
            json!(session.and_then(|s| s.client_address.as_deref())),
        ),
        ("statement", json!(event.statement)),
        (
            "relations",
            json!(relations.into_iter().map(cut).collect::<Vec<_>>()),
        ),
    ];
    let said = fields
        .into_iter()
        .filter(|(_, value)| !value.is_null() && *value != json!([]));
    said.map(|(name, value)| (name.to_owned(), value)).collect()
}

fn sort(alert: &Map<String, Value>) -> Sort {
    let field = |name: &str| alert.get(name).map(Value::to_string).unwrap_or_default();
    let actor = if alert.contains_key("subject") {
        field("subject")
    } else {
        field("role")
    };
    (field("kind"), field("code"), actor)
}

fn cut(text: &str) -> String {
    text.chars().take(LONGEST_TEXT).collect()
}
