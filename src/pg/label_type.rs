//! How a label travels through PostgreSQL: eight bytes by value.

use super::{Oid, catalog};
use crate::errors::{Code, WardError};
use pgrx::callconv::{Arg, ArgAbi, BoxRet, FcInfo};
use pgrx::pg_sys::panic::{ErrorReport, ErrorReportable};
use pgrx::pgrx_sql_entity_graph::metadata::{
    ArgumentError, ReturnsError, ReturnsRef, SqlMappingRef, SqlTranslatable, TypeOrigin,
};
use pgrx::{FromDatum, Internal, IntoDatum, pg_sys};
use ward_core::Label;

const _: () = assert!(
    size_of::<pg_sys::Datum>() == 8,
    "ward.label is passed by value and needs a 64-bit server"
);

/// A `ward.label` as an argument, a result or a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LabelDatum(Label);

impl From<Label> for LabelDatum {
    fn from(label: Label) -> Self {
        Self(label)
    }
}

impl From<LabelDatum> for Label {
    fn from(datum: LabelDatum) -> Self {
        datum.0
    }
}

impl LabelDatum {
    /// Takes the stored eight bytes.
    ///
    /// Error: WD037 if they are not a label, which only damage or a foreign writer can bring about.
    pub fn from_bits(bits: u64) -> Result<Self, WardError> {
        Label::from_bits(bits).map(Self).ok_or_else(|| {
            WardError::new(
                Code::LabelText,
                "invalid binary label: its level is not known",
            )
        })
    }

    fn datum(self) -> pg_sys::Datum {
        pg_sys::Datum::from(self.0.to_bits())
    }
}

impl FromDatum for LabelDatum {
    unsafe fn from_polymorphic_datum(datum: pg_sys::Datum, is_null: bool, _: Oid) -> Option<Self> {
        let label = || Self::from_bits(datum.value() as u64).map_err(ErrorReport::from);
        (!is_null).then(|| label().unwrap_or_report())
    }
}

impl IntoDatum for LabelDatum {
    fn into_datum(self) -> Option<pg_sys::Datum> {
        Some(self.datum())
    }

    /// Asked for when a label is bound to SQL or put into an array.
    fn type_oid() -> Oid {
        catalog::schema(c"ward")
            .and_then(|schema| catalog::type_in(c"label", schema))
            .unwrap_or(Oid::INVALID)
    }
}

// SAFETY: a label is its own datum; nothing is borrowed from the call frame.
unsafe impl<'fcx> ArgAbi<'fcx> for LabelDatum {
    unsafe fn unbox_arg_unchecked(arg: Arg<'_, 'fcx>) -> Self {
        // SAFETY: by contract the argument is a label; a NULL cannot come here from a STRICT
        // function, and would read as the label that nobody sees by mistake.
        unsafe { arg.unbox_arg_using_from_datum() }.unwrap_or(Self(Label::TOP))
    }
}

// SAFETY: the returned datum is the value itself.
unsafe impl BoxRet for LabelDatum {
    unsafe fn box_into<'fcx>(self, fcinfo: &mut FcInfo<'fcx>) -> pgrx::datum::Datum<'fcx> {
        // SAFETY: by contract this is the call's result.
        unsafe { fcinfo.return_raw_datum(self.datum()) }
    }
}

// SAFETY: sql/install/20_label.sql declares the type with exactly this representation.
unsafe impl SqlTranslatable for LabelDatum {
    const TYPE_IDENT: &'static str = pgrx::pgrx_resolved_type!(LabelDatum);
    const TYPE_ORIGIN: TypeOrigin = TypeOrigin::ThisExtension;
    const ARGUMENT_SQL: Result<SqlMappingRef, ArgumentError> =
        Ok(SqlMappingRef::literal("ward.label"));
    const RETURN_SQL: Result<ReturnsRef, ReturnsError> =
        Ok(ReturnsRef::One(SqlMappingRef::literal("ward.label")));
}

/// Reads the eight bytes of a binary label, most significant first.
///
/// `buffer` is what PostgreSQL passes to a type's receive function; too few bytes are core's error.
pub fn receive_bits(buffer: Internal) -> u64 {
    match buffer.unwrap() {
        // SAFETY: fmgr passes a receive function a live StringInfo.
        Some(buffer) => unsafe { pg_sys::pq_getmsgint64(buffer.cast_mut_ptr()) as u64 },
        // Not a label: refused by the caller.
        None => u64::MAX,
    }
}
