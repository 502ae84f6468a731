#![forbid(unsafe_code)]
//! Writing records: into the write-ahead log, or into a spool file on a standby.

use super::state::{self, State};
use super::{rollback, spool, who};
use crate::errors::{Code, Result, WardError};
use crate::pg::wal::{self, Lsn};
use crate::pg::xact::Event as Transaction;
use crate::pg::{client, latch};
use std::cell::RefCell;
use std::collections::HashSet;
use std::rc::Rc;
use std::sync::atomic::Ordering;
use ward_audit::{Block, BlockId, Event, Frame, Item, MacKey};

/// When a record must be durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Durability {
    /// Soon: the sealer sees to it.
    Soon,
    /// Before the client is told that its transaction has committed.
    AtCommit,
    /// Before anything else happens.
    Now,
}

/// A dictionary item, ready to be written.
pub struct Encoded {
    id: BlockId,
    item: Vec<u8>,
}

impl Encoded {
    /// Encodes a block.
    pub fn new(block: Block) -> Rc<Self> {
        Rc::new(Self {
            id: block.id(),
            item: Item::Block(block).encode(),
        })
    }
}

/// What an event refers to; the session and the identity are added to each.
#[derive(Clone, Default)]
pub struct References {
    /// The statement's text.
    pub text: Option<Rc<Encoded>>,
    /// The relations that it touches.
    pub relations: Option<Rc<Encoded>>,
}

/// This process as a writer of records.
struct Writer {
    state: &'static State,
    key: MacKey,
    session: u64,
    sequence: u64,
    /// The blocks written today: who reads a day's events needs no other day's.
    written: HashSet<BlockId>,
    day: i64,
    /// What must be durable at commit.
    due: Option<Lsn>,
}

thread_local! {
    static WRITER: RefCell<Option<Writer>> = const { RefCell::new(None) };
}

/// Records an event. Its time, session, identity, role and transaction are filled in here.
///
/// Error: WD043 where there is no key, so that nothing can be recorded.
pub fn emit(event: Event, references: &References, durability: Durability) -> Result<u64> {
    WRITER.with_borrow_mut(|writer| {
        let writer = match writer {
            Some(writer) => writer,
            None => writer.insert(Writer::new()?),
        };
        writer.emit(event, references, durability)
    })
}

/// The number that this session's next record will have.
pub fn next_sequence() -> u64 {
    WRITER.with_borrow(|writer| writer.as_ref().map_or(0, |writer| writer.sequence))
}

/// Waits for what must be durable at the end of the transaction. Its own commit record need not reach the
/// disk: a transaction that only read has none.
pub fn flush_due() {
    let due = WRITER.with_borrow_mut(|writer| writer.as_mut().and_then(|writer| writer.due.take()));
    if let Some(due) = due
        && !wal::commit_will_flush()
    {
        wal::flush(due);
    }
}

/// Follows transactions: a rollback ends a transaction like a commit does.
pub fn on_event(event: Transaction) {
    let due = match event {
        Transaction::Abort => WRITER.with_borrow_mut(|writer| writer.as_mut()?.due.take()),
        _ => None,
    };
    if let Some(due) = due {
        wal::flush(due);
    }
}

/// The refusal where nothing can be recorded.
pub fn unavailable() -> WardError {
    WardError::new(Code::Audit, "the audit log cannot be written").hint(
        "The server's log says why: look for \"ward audit\". The directory of ward.audit_directory must be \
         writable, and its key file readable, by the server.",
    )
}

impl Writer {
    fn new() -> Result<Self> {
        let state = state::get().ok_or_else(unavailable)?;
        Ok(Self {
            state,
            key: state.mac_key().ok_or_else(unavailable)?,
            session: state.next_session(),
            sequence: 0,
            written: HashSet::new(),
            day: 0,
            due: None,
        })
    }

    fn emit(&mut self, mut event: Event, to: &References, durability: Durability) -> Result<u64> {
        event.at = client::now();
        self.begin_day(event.at);
        let who = who::current();
        event.session = Some(self.refer(&who.session)?);
        event.identity = who
            .identity
            .map(|identity| self.refer(&identity))
            .transpose()?;
        event.role = who.role.map(|role| role.to_string());
        event.text = to.text.as_ref().map(|text| self.refer(text)).transpose()?;
        event.relations = to.relations.as_ref().map(|r| self.refer(r)).transpose()?;
        event.xid = wal::transaction_id();
        let sequence = self.sequence;
        let item = Item::Event(event);
        let end = self.write(&item.encode())?;
        if let Item::Event(event) = &item {
            rollback::note(event, sequence);
        }
        self.make_durable(end, durability)?;
        Ok(sequence)
    }

    fn begin_day(&mut self, now: i64) {
        const DAY: i64 = 86_400_000_000;
        let day = now.div_euclid(DAY);
        if self.day != day {
            self.day = day;
            self.written.clear();
        }
    }

    /// Writes a block before the first event that refers to it.
    fn refer(&mut self, block: &Encoded) -> Result<BlockId> {
        if self.written.len() > 10_000 {
            self.written.clear();
        }
        if !self.written.contains(&block.id) {
            self.write(&block.item)?;
            self.written.insert(block.id);
        }
        Ok(block.id)
    }

    /// Where the record ends; `None` on a standby, where it went to the spool.
    fn write(&mut self, body: &[u8]) -> Result<Option<Lsn>> {
        let frame = Frame {
            boot: self.state.boot,
            session: self.session,
            seq: self.sequence,
            body,
        };
        let record = frame.to_record(&self.key);
        let end = if wal::is_writable() {
            self.state.begin(wal::end);
            let end = wal::insert(&record);
            self.state.set_emitted(end);
            Some(end)
        } else {
            spool::append(self.state, &record)?;
            None
        };
        // Only now: a number is not used up by a record that was not written.
        self.sequence += 1;
        Ok(end)
    }

    fn make_durable(&mut self, end: Option<Lsn>, durability: Durability) -> Result<()> {
        match (end, durability) {
            (Some(end), Durability::Now) => wal::flush(end),
            (Some(end), Durability::AtCommit) => self.due = Some(end),
            // The sealer flushes what it seals. The WAL writer would be woken for each page.
            (_, Durability::Soon) => {}
            (None, _) => spool::flush()?,
        }
        let is_idle = &self.state.is_idle;
        let is_first = is_idle.load(Ordering::Acquire) && is_idle.swap(false, Ordering::AcqRel);
        if is_first || durability == Durability::Now {
            latch::wake(self.state.latch.load(Ordering::Acquire));
        }
        Ok(())
    }
}
