//! Reads our messages back from the durable part of the write-ahead log.

use super::caught::caught;
use super::cluster;
use super::wal::{self, Head, Lsn, PREFIX};
use pgrx::pg_sys;
use std::ffi::{CStr, c_char, c_int};
use std::ptr::null_mut;

unsafe extern "C-unwind" {
    // What the reader calls back, as C functions.
    fn read_local_xlog_page_no_wait(
        state: *mut pg_sys::XLogReaderState,
        page: Lsn,
        needed: c_int,
        target: Lsn,
        buffer: *mut c_char,
    ) -> c_int;
    fn wal_segment_open(state: *mut pg_sys::XLogReaderState, segment: u64, timeline: *mut u32);
    fn wal_segment_close(state: *mut pg_sys::XLogReaderState);
}

/// A message with our prefix, whoever wrote it.
pub struct Message<'a> {
    /// Where its record begins.
    pub lsn: Lsn,
    /// Does it name no database and no transaction, as ours do?
    pub is_plain: bool,
    /// When a transaction before it ended, in microseconds since the Unix epoch; 0 if none was read.
    pub clock: i64,
    /// What it says.
    pub payload: &'a [u8],
}

/// The log cannot be read from here on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Where the unreadable record begins.
    pub at: Lsn,
    /// What the server says about it.
    pub reason: String,
}

/// Reads record by record. Lives as long as its process works.
pub struct Reader {
    state: *mut pg_sys::XLogReaderState,
    next: Lsn,
    clock: i64,
}

impl Reader {
    /// Reads from the record that begins (or the one before it ends) here.
    pub fn new(from: Lsn) -> Self {
        let mut routine = pg_sys::XLogReaderRoutine {
            page_read: Some(read_local_xlog_page_no_wait),
            segment_open: Some(wal_segment_open),
            segment_close: Some(wal_segment_close),
        };
        // SAFETY: S1, S4. The routine is copied; what the page reader notes lives as long as the reader.
        let state = unsafe {
            let context = pg_sys::MemoryContextSwitchTo(pg_sys::TopMemoryContext);
            let note = pg_sys::palloc0(size_of::<pg_sys::ReadLocalXLogPageNoWaitPrivate>());
            let state = pg_sys::XLogReaderAllocate(
                pg_sys::wal_segment_size,
                null_mut(),
                &mut routine,
                note,
            );
            pg_sys::MemoryContextSwitchTo(context);
            if !state.is_null() {
                pg_sys::XLogBeginRead(state, from);
            }
            state
        };
        Self {
            state,
            next: from,
            clock: 0,
        }
    }

    /// Where the next record begins.
    pub fn position(&self) -> Lsn {
        self.next
    }

    /// The next message with our prefix; `None` at the end of what is durable, or behind this position.
    pub fn next(&mut self, last: Lsn) -> Result<Option<Message<'_>>, Broken> {
        while self.next <= last
            && let Some(is_message) = self.read()?
        {
            if is_message && let Some(message) = self.message() {
                // SAFETY: the record stays in the reader's buffer until the next one is read, which needs
                // the borrow that the message holds.
                return Ok(Some(unsafe { message.extended() }));
            }
        }
        Ok(None)
    }

    /// Reads a record: is it a logical message? `None` at the end.
    fn read(&mut self) -> Result<Option<bool>, Broken> {
        if self.state.is_null() {
            return Err(self.broken(String::from("out of memory")));
        }
        let state = self.state;
        let read = caught(move || {
            let mut problem = null_mut();
            // SAFETY: S1, S4; what it says is copied before the next call.
            unsafe {
                let record = pg_sys::XLogReadRecord(state, &mut problem);
                match (record.as_ref(), problem.is_null()) {
                    (Some(record), _) => Ok(Some(record.xl_rmid)),
                    (None, true) => Ok(None),
                    (None, false) => Err(CStr::from_ptr(problem).to_string_lossy().into_owned()),
                }
            }
        });
        let Some(manager) = read
            .and_then(|read| read)
            .map_err(|reason| self.broken(reason))?
        else {
            return Ok(None);
        };
        // SAFETY: S1.
        self.next = unsafe { (*self.state).EndRecPtr };
        if manager == pg_sys::RmgrIds::RM_XACT_ID as u8 {
            self.read_clock();
        }
        Ok(Some(manager == pg_sys::RmgrIds::RM_LOGICALMSG_ID as u8))
    }

    /// Learns the time from the end of a transaction: its record begins with it.
    fn read_clock(&mut self) {
        const OPERATION: u8 = 0x70;
        const ENDS: [u8; 2] = [0x00, 0x20];
        const EPOCH: i64 = 946_684_800_000_000;
        // SAFETY: S1; a record that was read is decoded.
        if let Some(record) = unsafe { (*self.state).record.as_ref() }
            && ENDS.contains(&(record.header.xl_info & OPERATION))
            && record.main_data_len as usize >= size_of::<i64>()
        {
            // SAFETY: long enough.
            let at = unsafe { record.main_data.cast::<i64>().read_unaligned() };
            self.clock = at.saturating_add(EPOCH);
        }
    }

    /// The record that was read last, if it has our prefix.
    fn message(&self) -> Option<Message<'_>> {
        const HEAD: usize = std::mem::offset_of!(Head, message_size) + size_of::<usize>();
        // SAFETY: S1; a record that was read is decoded, and its data is as long as it says.
        let (lsn, data) = unsafe {
            let record = (*self.state).record.as_ref()?;
            let length = record.main_data_len as usize;
            (
                record.lsn,
                std::slice::from_raw_parts(record.main_data.cast::<u8>(), length),
            )
        };
        if data.len() < HEAD {
            return None;
        }
        // SAFETY: long enough, and any bytes are a Head but for the flag, which core has written.
        let head = unsafe { data.as_ptr().cast::<Head>().read_unaligned() };
        let (prefix, payload) = data[HEAD..].split_at_checked(head.prefix_size)?;
        (prefix == PREFIX && payload.len() == head.message_size).then_some(Message {
            lsn,
            is_plain: head.database == pg_sys::Oid::INVALID && !head.transactional,
            clock: self.clock,
            payload,
        })
    }

    /// Goes on after what cannot be read: at the first readable record of a later segment, else at the
    /// end of the log. Returns where that is.
    pub fn skip(&mut self) -> Lsn {
        let broken = self.next;
        let found = cluster::segments_after(broken)
            .into_iter()
            .find_map(|start| {
                *self = Self::new(start);
                let state = self.state;
                // SAFETY: S1, S4.
                let found = caught(move || unsafe { pg_sys::XLogFindNextRecord(state, start) });
                found.ok().filter(|found| *found > broken)
            });
        self.restart(found.unwrap_or_else(wal::end));
        self.next
    }

    fn restart(&mut self, from: Lsn) {
        let clock = self.clock;
        *self = Self::new(from);
        self.clock = clock;
    }

    fn broken(&self, reason: String) -> Broken {
        Broken {
            at: self.next,
            reason,
        }
    }
}

impl Message<'_> {
    /// # Safety
    /// What it points to outlives `'b`.
    unsafe fn extended<'b>(self) -> Message<'b> {
        Message {
            lsn: self.lsn,
            is_plain: self.is_plain,
            clock: self.clock,
            // SAFETY: by contract.
            payload: unsafe {
                std::slice::from_raw_parts(self.payload.as_ptr(), self.payload.len())
            },
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        if !self.state.is_null() {
            // SAFETY: S1, S4; nothing else knows it.
            unsafe {
                let note = (*self.state).private_data;
                pg_sys::XLogReaderFree(self.state);
                pg_sys::pfree(note);
            }
        }
    }
}
