//! jsonb values that functions receive, look into and give back, without a copy in another form:
//! numbers keep every digit.

use pgrx::callconv::{Arg, ArgAbi, BoxRet, FcInfo};
use pgrx::pgrx_sql_entity_graph::metadata::{
    ArgumentError, ReturnsError, ReturnsRef, SqlMappingRef, SqlTranslatable, TypeOrigin,
};
use pgrx::{FromDatum, IntoDatum, JsonB, direct_function_call, fcinfo, pg_sys};

/// A jsonb value. It lives in the memory of the call that it was received or made in.
#[derive(Clone, Copy)]
pub struct Document(pg_sys::Datum);

impl Document {
    /// An object of one member, whose value is a text.
    pub fn member(key: &str, value: &str) -> Self {
        let object = serde_json::json!({ key: value });
        Self(JsonB(object).into_datum().unwrap_or(pg_sys::Datum::null()))
    }

    /// An object without members.
    pub fn empty() -> Self {
        let object = serde_json::json!({});
        Self(JsonB(object).into_datum().unwrap_or(pg_sys::Datum::null()))
    }

    /// Is it an object (rather than an array, or a value alone)?
    pub fn is_object(self) -> bool {
        // SAFETY: S4; the datum is a jsonb.
        let kind: Option<String> =
            unsafe { direct_function_call(pg_sys::jsonb_typeof, &[Some(self.0)]) };
        kind.as_deref() == Some("object")
    }

    /// `document ->> key`; `None` where there is none, and for null.
    pub fn text(self, key: &str) -> Option<String> {
        // SAFETY: S4; the datum is a jsonb, the key a text.
        unsafe {
            direct_function_call(
                pg_sys::jsonb_object_field_text,
                &[Some(self.0), key.into_datum()],
            )
        }
    }

    /// The jsonb value in this datum.
    ///
    /// # Safety
    /// It is one, and lives as long as the document is used.
    pub(super) unsafe fn from_datum(datum: pg_sys::Datum) -> Self {
        Self(datum)
    }

    /// This object without a member.
    pub fn without(self, key: &str) -> Self {
        // SAFETY: S4; the datum is a jsonb, the key a text.
        let rest = unsafe {
            fcinfo::direct_function_call_as_datum(
                pg_sys::jsonb_delete,
                &[Some(self.0), key.into_datum()],
            )
        };
        rest.map_or(self, Self)
    }

    /// This object with another value for one member.
    pub fn with(self, key: &str, value: &str) -> Self {
        let member = Self::member(key, value);
        // SAFETY: S4; both are jsonb objects.
        let joined = unsafe {
            fcinfo::direct_function_call_as_datum(
                pg_sys::jsonb_concat,
                &[Some(self.0), Some(member.0)],
            )
        };
        joined.map_or(member, Self)
    }
}

impl FromDatum for Document {
    unsafe fn from_polymorphic_datum(
        datum: pg_sys::Datum,
        is_null: bool,
        _: pg_sys::Oid,
    ) -> Option<Self> {
        (!is_null).then_some(Self(datum))
    }
}

impl IntoDatum for Document {
    fn into_datum(self) -> Option<pg_sys::Datum> {
        Some(self.0)
    }

    fn type_oid() -> pg_sys::Oid {
        pg_sys::JSONBOID
    }
}

// SAFETY: the datum is used within the call only, where its argument lives.
unsafe impl<'fcx> ArgAbi<'fcx> for Document {
    unsafe fn unbox_arg_unchecked(arg: Arg<'_, 'fcx>) -> Self {
        // SAFETY: by contract the argument is a jsonb and not NULL.
        unsafe { arg.unbox_arg_using_from_datum() }.unwrap_or(Self(pg_sys::Datum::null()))
    }
}

// SAFETY: the datum was received by, or made in, this call.
unsafe impl BoxRet for Document {
    unsafe fn box_into<'fcx>(self, fcinfo: &mut FcInfo<'fcx>) -> pgrx::datum::Datum<'fcx> {
        // SAFETY: by contract this is the call's result.
        unsafe { fcinfo.return_raw_datum(self.0) }
    }
}

// SAFETY: it is a jsonb.
unsafe impl SqlTranslatable for Document {
    const TYPE_IDENT: &'static str = pgrx::pgrx_resolved_type!(Document);
    const TYPE_ORIGIN: TypeOrigin = TypeOrigin::External;
    const ARGUMENT_SQL: Result<SqlMappingRef, ArgumentError> = Ok(SqlMappingRef::literal("jsonb"));
    const RETURN_SQL: Result<ReturnsRef, ReturnsError> =
        Ok(ReturnsRef::One(SqlMappingRef::literal("jsonb")));
}
