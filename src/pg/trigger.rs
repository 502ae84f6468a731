//! Row triggers: which a table has, and what one of ward's own is called with.

use super::document::Document;
use super::expr::Column;
use crate::errors::{Code, Result, WardError};
use pgrx::IntoDatum;
use pgrx::callconv::{BoxRet, FcInfo};
use pgrx::pg_sys::{self, Datum, Oid};
use pgrx::pgrx_sql_entity_graph::metadata::{
    ArgumentError, ReturnsError, ReturnsRef, SqlMappingRef, SqlTranslatable, TypeOrigin,
};

/// One trigger of a table.
#[derive(Clone, Copy, Debug)]
pub struct Info {
    function: Oid,
    kind: i16,
    /// Does it fire whatever session_replication_role says?
    always: bool,
    /// Is it limited to some columns, or to rows that meet a condition?
    conditional: bool,
}

const ROW: u32 = pg_sys::TRIGGER_TYPE_ROW;
const BEFORE: u32 = pg_sys::TRIGGER_TYPE_BEFORE;
const INSERT: u32 = pg_sys::TRIGGER_TYPE_INSERT;
const UPDATE: u32 = pg_sys::TRIGGER_TYPE_UPDATE;
const DELETE: u32 = pg_sys::TRIGGER_TYPE_DELETE;

impl Info {
    fn is(&self, bits: u32) -> bool {
        self.kind as u32 & bits == bits
    }
}

/// The triggers of a relation, in the order in which they fire.
pub fn of(relation: Oid) -> Vec<Info> {
    // SAFETY: S3; values are copied before the relation is closed.
    unsafe {
        let open = pg_sys::relation_open(relation, pg_sys::AccessShareLock as i32);
        let triggers = (*open).trigdesc;
        let count = if triggers.is_null() {
            0
        } else {
            (*triggers).numtriggers as usize
        };
        let infos = (0..count).map(|i| {
            let trigger = &*(*triggers).triggers.add(i);
            Info {
                function: trigger.tgfoid,
                kind: trigger.tgtype,
                always: trigger.tgenabled as u8 == pg_sys::TRIGGER_FIRES_ALWAYS,
                conditional: trigger.tgnattr > 0 || !trigger.tgqual.is_null(),
            }
        });
        let infos = infos.collect();
        pg_sys::relation_close(open, pg_sys::AccessShareLock as i32);
        infos
    }
}

/// Is `function` what fires last before each row is inserted or updated, always?
pub fn is_last_before(triggers: &[Info], function: Oid) -> bool {
    let last = |event: u32| {
        let before = |info: &&Info| info.is(ROW | BEFORE | event);
        triggers.iter().rfind(before)
    };
    [INSERT, UPDATE].into_iter().all(|event| {
        last(event)
            .is_some_and(|last| last.function == function && last.always && !last.conditional)
    })
}

/// Does `function` fire after each row is updated or deleted, always?
pub fn is_after(triggers: &[Info], function: Oid) -> bool {
    [UPDATE, DELETE].into_iter().all(|event| {
        triggers.iter().any(|info| {
            info.is(ROW | event) && !info.is(BEFORE) && info.function == function && info.always
        })
    })
}

/// Does `function` fire after each row of the relation is inserted, updated or deleted, and after
/// TRUNCATE, always? (Foreign tables have no triggers for the latter before 16.)
pub fn records_all(relation: Oid, function: Oid) -> bool {
    let triggers = of(relation);
    let truncate = match super::catalog::relation_kind(relation) {
        Some(b'f') => ROW | INSERT,
        _ => pg_sys::TRIGGER_TYPE_TRUNCATE,
    };
    [ROW | INSERT, ROW | UPDATE, ROW | DELETE, truncate]
        .into_iter()
        .all(|bits| {
            triggers.iter().any(|info| {
                info.is(bits)
                    && !info.is(BEFORE)
                    && info.function == function
                    && info.always
                    && !info.conditional
            })
        })
}

/// What fired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    Insert,
    Update,
    Delete,
    Truncate,
}

/// A call by the trigger manager.
#[derive(Clone, Copy)]
pub struct Call(*mut pg_sys::TriggerData);

/// A row that a trigger was called for.
#[derive(Clone, Copy)]
pub struct Row {
    tuple: pg_sys::HeapTuple,
    descriptor: pg_sys::TupleDesc,
}

impl Call {
    /// The call behind a function's frame; `None` if no trigger called it.
    pub fn new(frame: pg_sys::FunctionCallInfo) -> Option<Self> {
        // SAFETY: fmgr passes a live call frame; its context is checked before it is read.
        unsafe {
            let context = (*frame).context;
            let is_trigger =
                !context.is_null() && (*context).type_ == pg_sys::NodeTag::T_TriggerData;
            is_trigger.then(|| Self(context.cast()))
        }
    }

    fn get(&self) -> &pg_sys::TriggerData {
        // SAFETY: S2; live for the call.
        unsafe { &*self.0 }
    }

    /// The table whose trigger it is.
    pub fn relation(self) -> Oid {
        // SAFETY: S2.
        unsafe { (*self.get().tg_relation).rd_id }
    }

    pub fn event(self) -> Event {
        match self.get().tg_event & pg_sys::TRIGGER_EVENT_OPMASK {
            pg_sys::TRIGGER_EVENT_INSERT => Event::Insert,
            pg_sys::TRIGGER_EVENT_UPDATE => Event::Update,
            pg_sys::TRIGGER_EVENT_DELETE => Event::Delete,
            _ => Event::Truncate,
        }
    }

    /// The row as it was (UPDATE, DELETE), or the new one of INSERT.
    pub fn row(self) -> Row {
        self.of(self.get().tg_trigtuple)
    }

    /// The row as it shall be.
    pub fn new_row(self) -> Row {
        match self.event() {
            Event::Update => self.of(self.get().tg_newtuple),
            _ => self.row(),
        }
    }

    fn of(self, tuple: pg_sys::HeapTuple) -> Row {
        // SAFETY: S2.
        let descriptor = unsafe { (*self.get().tg_relation).rd_att };
        Row { tuple, descriptor }
    }
}

impl Row {
    /// What is stored in a column: its value, or the document that carries it; `None` for NULL.
    pub(super) fn stored(self, attno: i16) -> Option<Datum> {
        let mut null = true;
        // SAFETY: S2; the column belongs to the trigger's table.
        let value = unsafe {
            pg_sys::heap_getattr(self.tuple, i32::from(attno), self.descriptor, &mut null)
        };
        (!null).then_some(value)
    }

    fn document(self, attno: i16) -> Option<Document> {
        // SAFETY: S2; asked for columns of jsonb only, and the row outlives the call.
        let document = |datum| unsafe { Document::from_datum(datum) };
        self.stored(attno).map(document)
    }

    /// The value of a column; a text if a document carries it, and `None` for NULL.
    pub fn value(self, column: &Column) -> Option<Datum> {
        match &column.carrier {
            None => self.stored(column.attno),
            Some(_) => self.text(column)?.into_datum(),
        }
    }

    /// The text of a column.
    pub fn text(self, column: &Column) -> Option<String> {
        if let Some(carrier) = &column.carrier {
            return self.document(column.attno)?.text(&carrier.key);
        }
        let value = self.stored(column.attno)?;
        // SAFETY: S2, S4; a datum of exactly this type, whose text is copied.
        Some(unsafe { super::arguments::output(value, column.type_oid) })
    }

    /// The bytes of a column's value, the same for equal values of the types that keys have.
    pub fn image(self, column: &Column) -> Option<Vec<u8>> {
        match &column.carrier {
            None => self
                .stored(column.attno)
                .map(|value| image(value, column.type_oid)),
            Some(_) => self.text(column).map(String::into_bytes),
        }
    }

    /// Where it is stored, as `(block,offset)`.
    pub fn place(self) -> String {
        // SAFETY: S2; the trigger's tuple is live.
        let pointer = unsafe { (*self.tuple).t_self };
        let block = u32::from(pointer.ip_blkid.bi_hi) << 16 | u32::from(pointer.ip_blkid.bi_lo);
        format!("({block},{})", pointer.ip_posid)
    }

    /// Is it, byte for byte, the same row?
    pub fn equals(self, other: Row) -> bool {
        // SAFETY: S2; both tuples are live, and their lengths are read first.
        unsafe {
            let (a, b) = (&*self.tuple, &*other.tuple);
            let (head_a, head_b) = ((*a.t_data).t_hoff, (*b.t_data).t_hoff);
            if a.t_len != b.t_len || head_a != head_b {
                return false;
            }
            let body = |tuple: &pg_sys::HeapTupleData| {
                let start = tuple.t_data.cast::<u8>().add(usize::from(head_a));
                std::slice::from_raw_parts(start, tuple.t_len as usize - usize::from(head_a))
            };
            body(a) == body(b)
        }
    }

    /// The same row with other values in some columns, as a trigger returns it.
    ///
    /// Error: WD036 where a document that is to carry a value is no object.
    pub fn with(self, changes: &[Change]) -> Result<Answer> {
        if changes.is_empty() {
            return Ok(Answer(Datum::from(self.tuple)));
        }
        let mut stored: Vec<(i16, Option<Datum>)> = Vec::with_capacity(changes.len());
        for change in changes {
            let attno = change.column.attno;
            let Some(carrier) = &change.column.carrier else {
                stored.push((attno, change.value));
                continue;
            };
            let place = stored.iter().position(|(other, _)| *other == attno);
            let before = match place.and_then(|place| stored.get(place)) {
                // SAFETY: S2; made below for an earlier change of the same document.
                Some((_, made)) => made.map(|datum| unsafe { Document::from_datum(datum) }),
                None => self.document(attno),
            };
            let after = carried(before, &carrier.key, change)?.into_datum();
            match place.and_then(|place| stored.get_mut(place)) {
                Some(entry) => entry.1 = after,
                None => stored.push((attno, after)),
            }
        }
        Ok(self.modified(&stored))
    }

    fn modified(self, changes: &[(i16, Option<Datum>)]) -> Answer {
        let mut columns: Vec<i32> = changes.iter().map(|(attno, _)| i32::from(*attno)).collect();
        let mut values: Vec<Datum> = changes
            .iter()
            .map(|(_, value)| value.unwrap_or(Datum::null()))
            .collect();
        let nulls: Vec<bool> = changes.iter().map(|(_, value)| value.is_none()).collect();
        // SAFETY: S2, S4; the arrays outlive the call, and the copy is palloc'ed.
        unsafe {
            Answer(Datum::from(pg_sys::heap_modify_tuple_by_cols(
                self.tuple,
                self.descriptor,
                columns.len() as i32,
                columns.as_mut_ptr(),
                values.as_mut_ptr(),
                nulls.as_ptr().cast_mut(),
            )))
        }
    }
}

/// Another value for a column of a row.
pub struct Change<'a> {
    pub column: &'a Column,
    /// The value under the column's type; `None` for NULL.
    pub value: Option<Datum>,
    /// Its text, for a document that carries it.
    pub text: Option<String>,
}

fn carried(before: Option<Document>, key: &str, change: &Change) -> Result<Document> {
    let before = before.unwrap_or_else(Document::empty);
    if !before.is_object() {
        return Err(WardError::new(
            Code::Argument,
            format!(
                "column \"{}\" has no room for \"{key}\"",
                change.column.name
            ),
        )
        .hint("Its value must be a jsonb object."));
    }
    Ok(match &change.text {
        Some(text) => before.with(key, text),
        None => before.without(key),
    })
}

/// What a trigger returns.
#[derive(Clone, Copy)]
pub struct Answer(Datum);

impl Answer {
    /// No row: a BEFORE trigger leaves the stored one as it was, an AFTER trigger has nothing to say.
    pub const NONE: Self = Self(Datum::null());
}

// SAFETY: a trigger returns a pointer to a tuple, or a null pointer, and never an SQL NULL.
unsafe impl BoxRet for Answer {
    unsafe fn box_into<'fcx>(self, fcinfo: &mut FcInfo<'fcx>) -> pgrx::datum::Datum<'fcx> {
        // SAFETY: by contract this is the call's result.
        unsafe { fcinfo.return_raw_datum(self.0) }
    }
}

// SAFETY: a trigger's result is declared as trigger.
unsafe impl SqlTranslatable for Answer {
    const TYPE_IDENT: &'static str = pgrx::pgrx_resolved_type!(Answer);
    const TYPE_ORIGIN: TypeOrigin = TypeOrigin::External;
    const ARGUMENT_SQL: std::result::Result<SqlMappingRef, ArgumentError> =
        Ok(SqlMappingRef::literal("trigger"));
    const RETURN_SQL: std::result::Result<ReturnsRef, ReturnsError> =
        Ok(ReturnsRef::One(SqlMappingRef::literal("trigger")));
}

/// The bytes of a value of this type.
pub fn image(value: Datum, type_oid: Oid) -> Vec<u8> {
    // SAFETY: S2, S3; a live datum of exactly this type, whose bytes are copied.
    unsafe {
        let (mut length, mut by_value) = (0i16, false);
        pg_sys::get_typlenbyval(type_oid, &mut length, &mut by_value);
        if by_value {
            return value.value().to_ne_bytes().to_vec();
        }
        let pointer = value.cast_mut_ptr::<u8>();
        if length > 0 {
            return std::slice::from_raw_parts(pointer, length as usize).to_vec();
        }
        let detoasted = pg_sys::pg_detoast_datum_packed(pointer.cast());
        let size = pgrx::varsize_any_exhdr(detoasted);
        std::slice::from_raw_parts(pgrx::vardata_any(detoasted).cast::<u8>(), size).to_vec()
    }
}

/// Are changes being applied that another server has made?
pub fn in_logical_worker() -> bool {
    // SAFETY: S1.
    unsafe { pg_sys::IsLogicalWorker() }
}
