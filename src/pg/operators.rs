//! Questions about operators, functions and types.

use super::catalog::{functions, is_user_object, schema};
use pgrx::pg_sys::{self, Oid};
use std::ffi::{CStr, CString};

/// Does an index order rows by this operator (such as pgvector's distances)?
pub fn orders_by_distance(operator: Oid) -> bool {
    // SAFETY: S3; the list is released before returning.
    unsafe {
        let list = pg_sys::SearchSysCacheList(
            pg_sys::SysCacheIdentifier::AMOPOPID as i32,
            1,
            pg_sys::Datum::from(operator),
            pg_sys::Datum::null(),
            pg_sys::Datum::null(),
        );
        let members = (*list).members.as_slice((*list).n_members as usize);
        let found = members.iter().any(|member| {
            let tuple = &raw mut (**member).tuple;
            let entry = &*pg_sys::heap_tuple_get_struct::<pg_sys::FormData_pg_amop>(tuple);
            entry.amoppurpose as u8 == pg_sys::AMOP_ORDER
        });
        pg_sys::ReleaseCatCacheList(list);
        found
    }
}

/// The function behind an operator.
pub fn function_of(operator: Oid) -> Oid {
    // SAFETY: S3.
    unsafe { pg_sys::get_opcode(operator) }
}

/// Does this distance grow with the vectors' length (the inner product)?
pub fn grows_with_length(function: Oid) -> bool {
    // SAFETY: S3; the palloc'ed name is read at once.
    unsafe {
        let name = pg_sys::get_func_name(function);
        !name.is_null() && CStr::from_ptr(name).to_bytes().ends_with(b"inner_product")
    }
}

/// Is this function core's, or pgvector's?
pub fn is_of_core_or_vector(function: Oid) -> bool {
    !is_user_object(function) || is_of_vector(pg_sys::ProcedureRelationId, function)
}

/// Is this function core's, pgvector's or ward's?
pub fn is_trusted(function: Oid) -> bool {
    is_of_core_or_vector(function) || is_of(c"ward", pg_sys::ProcedureRelationId, function)
}

/// Is it equality of core's types? (One that a user defines could tell what it is given.)
pub fn is_equality(operator: Oid) -> bool {
    let (mut left, mut right) = (Oid::INVALID, Oid::INVALID);
    // SAFETY: S3.
    unsafe {
        if is_user_object(operator) {
            return false;
        }
        pg_sys::op_input_types(operator, &mut left, &mut right);
        pg_sys::op_mergejoinable(operator, left)
    }
}

/// Is it one of pgvector's vector types?
pub fn is_vector_type(type_oid: Oid) -> bool {
    is_of_vector(pg_sys::TypeRelationId, type_oid)
}

/// Does this object, a row of catalogue `class`, belong to pgvector?
fn is_of_vector(class: Oid, object: Oid) -> bool {
    is_of(c"vector", class, object)
}

fn is_of(name: &CStr, class: Oid, object: Oid) -> bool {
    // SAFETY: S3; the palloc'ed name is copied.
    unsafe {
        let extension = pg_sys::getExtensionOfObject(class, object);
        if extension == Oid::INVALID {
            return false;
        }
        let found = pg_sys::get_extension_name(extension);
        !found.is_null() && CStr::from_ptr(found) == name
    }
}

/// The function `schema.name` from a type to the same type, if it can serve as a mask: one row, not
/// volatile.
pub fn mask_function(schema_name: &str, name: &str, type_oid: Oid) -> Option<Oid> {
    let in_schema = schema(&CString::new(schema_name).ok()?)?;
    let candidates = functions(&CString::new(name).ok()?, in_schema);
    candidates.into_iter().find(|function| {
        let (mut types, mut count) = (std::ptr::null_mut(), 0);
        // SAFETY: S3; the palloc'ed argument types are read at once.
        unsafe {
            let result = pg_sys::get_func_signature(*function, &mut types, &mut count);
            count == 1
                && *types == type_oid
                && result == type_oid
                && !pg_sys::get_func_retset(*function)
                && pg_sys::get_func_prokind(*function) as u8 == pg_sys::PROKIND_FUNCTION
                && pg_sys::func_volatile(*function) as u8 != pg_sys::PROVOLATILE_VOLATILE
        }
    })
}
