//! Settings, errors and the catalog.

use crate::errors::WardError;
use pgrx::pg_sys;
use std::ffi::{c_int, c_void};

/// Memory for the `extra` of a setting: the allocator that guc.c frees it with.
///
/// # Safety
/// The result may be null, and belongs to guc.c once stored in `extra`.
#[cfg(feature = "pg15")]
pub unsafe fn guc_alloc(bytes: usize) -> *mut c_void {
    unsafe extern "C" {
        fn malloc(bytes: usize) -> *mut c_void;
    }
    // SAFETY: plain malloc; PostgreSQL 15 frees extras with free().
    unsafe { malloc(bytes) }
}
/// Memory for the `extra` of a setting: the allocator that guc.c frees it with.
///
/// # Safety
/// The result may be null, and belongs to guc.c once stored in `extra`.
#[cfg(not(feature = "pg15"))]
pub unsafe fn guc_alloc(bytes: usize) -> *mut c_void {
    // SAFETY: LOG level returns null instead of raising.
    unsafe { pg_sys::guc_malloc(pg_sys::LOG as c_int, bytes) }
}

/// Hands a refusal of an input function to a caller that asked not to have it raised
/// (`pg_input_is_valid`, COPY with ON_ERROR ignore); `false` if the caller did not ask.
#[cfg(feature = "pg15")]
pub fn save_error(_call: pg_sys::FunctionCallInfo, _refusal: &WardError) -> bool {
    false
}
/// Hands a refusal of an input function to a caller that asked not to have it raised
/// (`pg_input_is_valid`, COPY with ON_ERROR ignore); `false` if the caller did not ask.
#[cfg(not(feature = "pg15"))]
pub fn save_error(call: pg_sys::FunctionCallInfo, refusal: &WardError) -> bool {
    let copy = |text: &str| std::ffi::CString::new(text).unwrap_or_default();
    let detail = format!("{} {}", refusal.code.text(), refusal.code.title());
    // SAFETY: fmgr passes a live call frame whose context is null or a node; pstrdup copies.
    unsafe {
        let context = (*call).context.cast::<pg_sys::ErrorSaveContext>();
        if context.is_null() || (*context).type_ != pg_sys::NodeTag::T_ErrorSaveContext {
            return false;
        }
        (*context).error_occurred = true;
        if !(*context).details_wanted {
            return true;
        }
        let data = pg_sys::palloc0(size_of::<pg_sys::ErrorData>()).cast::<pg_sys::ErrorData>();
        (*data).elevel = pg_sys::PGERROR as c_int;
        (*data).sqlerrcode = refusal.code.sqlstate() as c_int;
        (*data).message = pg_sys::pstrdup(copy(&refusal.message).as_ptr());
        (*data).detail = pg_sys::pstrdup(copy(&detail).as_ptr());
        if let Some(hint) = &refusal.hint {
            (*data).hint = pg_sys::pstrdup(copy(hint).as_ptr());
        }
        (*data).assoc_context = pg_sys::CurrentMemoryContext;
        (*context).error_data = data;
    }
    true
}

/// The number of `conrelid` in pg_constraint.
#[cfg(not(feature = "pg18"))]
pub const CONSTRAINT_RELATION_COLUMN: i32 = 8;
/// The number of `conrelid` in pg_constraint.
#[cfg(feature = "pg18")]
pub const CONSTRAINT_RELATION_COLUMN: i32 = 9;

/// Does the current role own this relation?
pub fn owns_relation(relation: pg_sys::Oid) -> bool {
    // SAFETY: S3.
    unsafe {
        #[cfg(feature = "pg15")]
        return pg_sys::pg_class_ownercheck(relation, pg_sys::GetUserId());
        #[cfg(not(feature = "pg15"))]
        pg_sys::object_ownercheck(pg_sys::RelationRelationId, relation, pg_sys::GetUserId())
    }
}

/// Column `i` (from 0) of a row's description.
///
/// # Safety
/// The descriptor is live and has that many columns (S2).
pub unsafe fn attribute<'a>(
    descriptor: pg_sys::TupleDesc,
    i: c_int,
) -> &'a pg_sys::FormData_pg_attribute {
    // SAFETY: by contract.
    unsafe {
        #[cfg(not(feature = "pg18"))]
        return &*(*descriptor).attrs.as_ptr().add(i as usize);
        #[cfg(feature = "pg18")]
        &*pg_sys::TupleDescAttr(descriptor, i)
    }
}
