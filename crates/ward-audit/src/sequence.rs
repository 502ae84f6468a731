//! Is the numbering of each session's records without a gap?

use crate::{Event, Frame, Item, Kind};
use serde_json::{Value, json};
use std::collections::HashMap;

/// What the sealer noticed to be missing. It says so before the entry that reveals it, in an event
/// of the kind [`Kind::Gap`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The run of the server.
    pub boot: [u8; 8],
    /// The session.
    pub session: u64,
    /// The first missing number.
    pub from: u64,
    /// The last.
    pub to: u64,
}

impl Gap {
    /// The event's `detail`.
    pub fn detail(&self) -> String {
        let boot = format!("{:016x}", u64::from_be_bytes(self.boot));
        json!({"boot": boot, "session": self.session, "from": self.from, "to": self.to}).to_string()
    }

    /// Reads the `detail` of an event; nothing if it does not speak of one session.
    pub fn of(event: &Event) -> Option<Self> {
        let detail: Value = serde_json::from_str(event.detail.as_ref()?).ok()?;
        let boot = detail.get("boot")?.as_str()?;
        let number = |name| detail.get(name).and_then(Value::as_u64);
        Some(Self {
            boot: u64::from_str_radix(boot, 16).ok()?.to_be_bytes(),
            session: number("session")?,
            from: number("from")?,
            to: number("to")?,
        })
    }
}

/// Consecutive numbers of one session.
#[derive(Clone, Copy, Debug)]
struct Run {
    first: u64,
    /// The entry that began it.
    index: u64,
    next: u64,
}

type Session = ([u8; 8], u64);
type Runs = HashMap<Session, Run>;

/// The sealer's own entries: nothing interrupts their numbering.
const SEALER: Session = ([0; 8], 0);

/// What a part of a log says of its sessions. Parts are looked at each by itself, then joined.
#[derive(Debug, Default)]
pub struct Sequences {
    sealer: Runs,
    /// From the part's beginning, or to its end where there is no interruption.
    first: Runs,
    /// Since the last interruption: a gap of which the sealer could not say whom it hit.
    last: Option<Runs>,
}

/// An entry that does not follow the one before it: its index and what is wrong.
pub type Broken = (u64, String);

impl Sequences {
    /// Takes the next entry.
    pub fn add(&mut self, index: u64, frame: &Frame<'_>, item: &Item) -> Result<(), Broken> {
        let own = Run {
            first: frame.seq,
            index,
            next: frame.seq.wrapping_add(1),
        };
        self.put((frame.boot, frame.session), own)?;
        match item {
            Item::Event(event) if event.kind == Kind::Gap && frame.session == SEALER.1 => {
                self.add_gap(index, Gap::of(event))
            }
            _ => Ok(()),
        }
    }

    fn add_gap(&mut self, index: u64, gap: Option<Gap>) -> Result<(), Broken> {
        let Some(gap) = gap else {
            self.last = Some(Runs::new());
            return Ok(());
        };
        let run = Run {
            first: gap.from,
            index,
            next: gap.to.wrapping_add(1),
        };
        self.put((gap.boot, gap.session), run)
    }

    fn runs(&mut self, session: Session) -> &mut Runs {
        match &mut self.last {
            _ if session == SEALER => &mut self.sealer,
            Some(last) => last,
            None => &mut self.first,
        }
    }

    fn put(&mut self, session: Session, run: Run) -> Result<(), Broken> {
        let known = self.runs(session).entry(session).or_insert(Run {
            next: run.first,
            ..run
        });
        if known.next != run.first {
            let reason = format!(
                "its session {}/{:016x} continues with number {} where {} should come",
                session.1,
                u64::from_be_bytes(session.0),
                run.first,
                known.next
            );
            return Err((run.index, reason));
        }
        known.next = run.next;
        Ok(())
    }

    /// Adds the part that follows. Of several breaks, the first one is told.
    pub fn join(&mut self, part: Self) -> Result<(), Broken> {
        let runs = part.sealer.into_iter().chain(part.first);
        let breaks = runs.filter_map(|(session, run)| self.put(session, run).err());
        let first = breaks.min_by_key(|(index, _)| *index);
        if let Some(last) = part.last {
            self.last = Some(last);
        }
        first.map_or(Ok(()), Err)
    }
}
