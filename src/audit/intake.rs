#![forbid(unsafe_code)]
//! From records to entries: is each what a process of this server wrote, and is none missing?

use super::progress::{Progress, Session};
use crate::pg::wal::Lsn;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use ward_audit::{Block, Event, Frame, Item, Kind, MacKey, Outcome};

/// Entries kept for past runs of the server.
const PAST_RUNS: usize = 64;
/// An entry has a length of two bytes in its bundle.
const LONGEST_ENTRY: usize = 65_535;

/// What a record is worth.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Verdict {
    Genuine,
    /// Genuine, but these numbers of its session did not come before it.
    After {
        first: u64,
        last: u64,
    },
    /// Nobody may have written this here.
    Forged(&'static str),
}

/// An entry to be, with what it says.
pub struct Taken {
    /// The entry's bytes.
    pub entry: Vec<u8>,
    /// Its content; `None` if it is not readable (it is sealed all the same).
    pub item: Option<Item>,
    /// The database that it belongs to; 0: to all of them.
    pub database: u32,
}

/// A message of the log or the spool.
#[derive(Clone, Copy)]
pub struct Record<'a> {
    /// Where it begins; 0 in a spool.
    pub lsn: Lsn,
    /// Does it name no database and no transaction?
    pub is_plain: bool,
    /// What it says.
    pub bytes: &'a [u8],
}

/// Takes a record: the entries that it makes, in order.
pub fn take(progress: &mut Progress, key: &MacKey, record: Record<'_>) -> Vec<Taken> {
    let lsn = record.lsn;
    let frame = match Frame::from_record(record.bytes, key) {
        Ok(frame) if record.is_plain => frame,
        Ok(_) => return vec![forged(progress, &record, "not written by ward")],
        Err(_) => return vec![forged(progress, &record, "not authentic")],
    };
    let (session, seq) = (frame.session, frame.seq);
    let mut taken = Vec::with_capacity(1);
    match judge(progress, &frame) {
        Verdict::Forged(reason) => return vec![forged(progress, &record, reason)],
        Verdict::After { first, last } => {
            let message = format!("records {first} to {last} of session {session} are missing");
            taken.push(gap(progress, lsn, &frame, first, last, message));
        }
        Verdict::Genuine => {}
    }
    let entry = frame.to_entry(lsn);
    if entry.len() > LONGEST_ENTRY {
        let message = String::from("a record was too long to be sealed");
        taken.push(gap(progress, lsn, &frame, seq, seq, message));
    } else {
        taken.push(follow(progress, &frame, entry));
    }
    taken
}

/// Notes what an entry that is in the log already says of its session.
pub fn recall(progress: &mut Progress, frame: &Frame<'_>) {
    if frame.session == 0 {
        progress.own += 1;
        return;
    }
    // It was judged when it was sealed.
    judge(progress, frame);
    follow(progress, frame, Vec::new());
}

fn judge(progress: &mut Progress, frame: &Frame<'_>) -> Verdict {
    let boot = hexadecimal(&frame.boot);
    if frame.session == 0 {
        return Verdict::Forged("a number that only the sealer has");
    }
    if progress.boot != boot {
        if progress.past.contains(&boot) {
            return Verdict::Forged("a record of an earlier run of the server");
        }
        let past = std::mem::replace(&mut progress.boot, boot);
        progress.sessions.clear();
        if !past.is_empty() {
            progress.past.push(past);
        }
        let excess = progress.past.len().saturating_sub(PAST_RUNS);
        progress.past.drain(..excess);
    }
    let session = progress.sessions.entry(frame.session).or_insert(Session {
        next: 0,
        process: 0,
        database: 0,
    });
    if frame.seq < session.next {
        return Verdict::Forged("a record that was sealed before");
    }
    let first = session.next;
    session.next = frame.seq.saturating_add(1);
    if first == frame.seq {
        Verdict::Genuine
    } else {
        Verdict::After {
            first,
            last: frame.seq - 1,
        }
    }
}

/// Learns whose session it is from its block.
fn follow(progress: &mut Progress, frame: &Frame<'_>, entry: Vec<u8>) -> Taken {
    let item = Item::decode(frame.body).ok();
    if let Some(Item::Event(event)) = &item {
        progress.clock = progress.clock.max(event.at);
    }
    let session = progress.sessions.get_mut(&frame.session);
    if let (
        Some(session),
        Some(Item::Block(Block::Session {
            pid,
            database_oid,
            database,
            ..
        })),
    ) = (session, &item)
    {
        session.process = *pid;
        session.database = *database_oid;
        if session.database == 0 {
            // A login that failed knows the database by name.
            let known = progress
                .databases
                .iter()
                .find(|(_, name)| *name == database);
            session.database = known.map_or(0, |(oid, _)| *oid);
        } else {
            progress.databases.insert(*database_oid, database.clone());
        }
    }
    let database = progress
        .sessions
        .get(&frame.session)
        .map_or(0, |session| session.database);
    Taken {
        entry,
        item,
        database,
    }
}

/// Something that looks like a record, and is none.
fn forged(progress: &mut Progress, record: &Record<'_>, reason: &str) -> Taken {
    let hash = hexadecimal(&Sha256::digest(record.bytes));
    let detail = json!({"lsn": text(record.lsn), "sha256": hash, "bytes": record.bytes.len(), "reason": reason});
    let message = format!("a message in the write-ahead log that ward did not write: {reason}");
    let event = Event {
        kind: Kind::Forged,
        outcome: Outcome::Denied,
        message: Some(message),
        detail: Some(detail.to_string()),
        ..Event::default()
    };
    own(progress, record.lsn, event)
}

/// Records of a session that are missing; it precedes the entry that reveals it.
fn gap(
    progress: &mut Progress,
    lsn: Lsn,
    frame: &Frame<'_>,
    from: u64,
    to: u64,
    message: String,
) -> Taken {
    let detail =
        json!({"boot": hexadecimal(&frame.boot), "session": frame.session, "from": from, "to": to});
    lack(progress, lsn, message, detail)
}

/// A part of the write-ahead log that cannot be read.
pub fn missing(progress: &mut Progress, from: Lsn, to: Lsn, reason: &str) -> Taken {
    let detail = json!({"from_lsn": text(from), "to_lsn": text(to)});
    lack(
        progress,
        from,
        format!("a part of the write-ahead log is missing: {reason}"),
        detail,
    )
}

fn lack(progress: &mut Progress, lsn: Lsn, message: String, detail: Value) -> Taken {
    let event = Event {
        kind: Kind::Gap,
        outcome: Outcome::Error,
        message: Some(message),
        detail: Some(detail.to_string()),
        ..Event::default()
    };
    own(progress, lsn, event)
}

/// An entry of the sealer's own. Its time is that of what was read before it: whoever reads the same
/// again writes the same again.
pub fn own(progress: &mut Progress, lsn: Lsn, mut event: Event) -> Taken {
    event.at = progress.clock;
    let item = Item::Event(event);
    let body = item.encode();
    let frame = Frame {
        boot: [0; 8],
        session: 0,
        seq: progress.own,
        body: &body,
    };
    progress.own += 1;
    Taken {
        entry: frame.to_entry(lsn),
        item: Some(item),
        database: 0,
    }
}

/// A position as PostgreSQL writes it.
pub fn text(lsn: Lsn) -> String {
    format!("{:X}/{:X}", lsn >> 32, lsn & 0xffff_ffff)
}

/// Lower-case hexadecimal.
pub fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
