#![forbid(unsafe_code)]
//! How far sealing has got: what the sealer must know to go on after any stop.
//!
//! Written after each checkpoint, by an atomic rename. A checkpoint may therefore be ahead of it by one
//! batch; the entries of that batch are read back from the log (`seal.rs`), never sealed twice.

use super::{folder, key};
use crate::pg::wal::Lsn;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::PathBuf;

/// A session whose records are being followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    /// The number that its next record must have.
    pub next: u64,
    /// Its process, as far as it is known.
    pub process: u32,
    /// Its database, as far as it is known.
    pub database: u32,
}

/// What the sealer remembers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Of the cluster.
    pub system: u64,
    /// Of the records in the write-ahead log.
    pub timeline: u32,
    /// Does the log seal a standby's spool?
    pub standby: bool,
    /// The log that is written.
    pub epoch: u32,
    /// How many entries of it this covers.
    pub size: u64,
    /// How many of them the sealer itself has made.
    pub own: u64,
    /// The latest moment that was read of, in microseconds since the Unix epoch.
    pub clock: i64,
    /// Where the next record of the write-ahead log begins.
    pub position: Lsn,
    /// The server's run that records come from, in hexadecimal; empty before the first.
    pub boot: String,
    /// Earlier runs: no record of theirs may follow.
    pub past: Vec<String>,
    /// The sessions of this run.
    pub sessions: BTreeMap<u64, Session>,
    /// How many bytes of each spool file are sealed.
    pub spools: BTreeMap<String, u64>,
    /// The databases that have had events.
    pub databases: BTreeMap<u32, String>,
}

fn file() -> PathBuf {
    key::directory().join("state")
}

impl Progress {
    /// What was saved last; `None` if there is nothing, or nothing readable.
    pub fn load() -> Option<Self> {
        let text = fs::read(file()).ok()?;
        Self::from_json(&serde_json::from_slice(&text).ok()?)
    }

    /// Saves it for good.
    pub fn save(&self) -> io::Result<()> {
        folder::replace(&file(), self.to_json().to_string().as_bytes())
    }

    fn to_json(&self) -> Value {
        let sessions = self
            .sessions
            .iter()
            .map(|(number, s)| (number.to_string(), json!([s.next, s.process, s.database])));
        json!({
            "system": self.system, "timeline": self.timeline, "standby": self.standby,
            "epoch": self.epoch, "size": self.size, "own": self.own,
            "position": self.position, "clock": self.clock, "boot": self.boot, "past": self.past,
            "sessions": sessions.collect::<Map<_, _>>(),
            "spools": self.spools,
            "databases": texts(&self.databases),
        })
    }

    fn from_json(json: &Value) -> Option<Self> {
        let number = |name: &str| json.get(name)?.as_u64();
        let small = |name: &str| u32::try_from(number(name)?).ok();
        let sessions = json
            .get("sessions")?
            .as_object()?
            .iter()
            .map(|(key, value)| {
                let at = |i: usize| value.get(i)?.as_u64();
                let session = Session {
                    next: at(0)?,
                    process: u32::try_from(at(1)?).ok()?,
                    database: u32::try_from(at(2)?).ok()?,
                };
                Some((key.parse().ok()?, session))
            });
        let past = json.get("past")?.as_array()?.iter();
        let spools = json.get("spools")?.as_object()?.iter();
        let databases = json.get("databases")?.as_object()?.iter();
        Some(Self {
            system: number("system")?,
            timeline: small("timeline")?,
            standby: json.get("standby")?.as_bool()?,
            epoch: small("epoch")?,
            size: number("size")?,
            own: number("own")?,
            position: number("position")?,
            clock: json.get("clock")?.as_i64()?,
            boot: json.get("boot")?.as_str()?.to_owned(),
            past: past
                .map(|boot| Some(boot.as_str()?.to_owned()))
                .collect::<Option<_>>()?,
            sessions: sessions.collect::<Option<_>>()?,
            spools: spools
                .map(|(name, bytes)| Some((name.clone(), bytes.as_u64()?)))
                .collect::<Option<_>>()?,
            databases: databases
                .map(|(oid, name)| Some((oid.parse().ok()?, name.as_str()?.to_owned())))
                .collect::<Option<_>>()?,
        })
    }
}

fn texts(databases: &BTreeMap<u32, String>) -> Map<String, Value> {
    databases
        .iter()
        .map(|(oid, name)| (oid.to_string(), json!(name)))
        .collect()
}
