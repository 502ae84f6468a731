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
    /// How many there were of a sort in a second, and the last of them.
    seen: HashMap<(i64, Sort), (u64, Map<String, Value>)>,
}

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
        let (count, last) = self
            .seen
            .entry((event.at.div_euclid(1_000_000), sort))
            .or_default();
        *count += 1;
        if *count <= SINGLY {
            return Some(Value::Object(alert).to_string());
        }
        *last = alert;
        None
    }

    /// The counts of the seconds before this moment: one alert for each sort that came too often.
    pub fn counts(&mut self, now: i64) -> Vec<String> {
        let second = now.div_euclid(1_000_000);
        let past: Vec<_> = self
            .seen
            .keys()
            .filter(|(at, _)| *at < second)
            .cloned()
            .collect();
        let past = past.iter().filter_map(|key| self.seen.remove(key));
        past.filter(|(count, _)| *count > SINGLY)
            .map(|(count, mut last)| {
                last.insert(String::from("count"), json!(count - SINGLY));
                Value::Object(last).to_string()
            })
            .collect()
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
