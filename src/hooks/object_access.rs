//! `object_access_hook`: what happens to objects, and which functions run.

use super::raise;
use crate::guard;
use crate::pg::access::{Access, is_internal};
use crate::pg::slot::HookSlot;
use pgrx::pg_sys::{self, ObjectAccessType, Oid};
use std::ffi::{c_int, c_void};

type ObjectAccess =
    unsafe extern "C-unwind" fn(ObjectAccessType::Type, Oid, Oid, c_int, *mut c_void);

static PREVIOUS: HookSlot<ObjectAccess> = HookSlot::new();

pub fn install() {
    // SAFETY: S1.
    unsafe {
        pg_sys::object_access_hook = PREVIOUS.chain(pg_sys::object_access_hook, object_access)
    };
}

unsafe extern "C-unwind" fn object_access(
    access: ObjectAccessType::Type,
    class: Oid,
    object: Oid,
    column: c_int,
    argument: *mut c_void,
) {
    // SAFETY: S5.
    unsafe {
        if let Some(previous) = PREVIOUS.get() {
            previous(access, class, object, column, argument);
        }
        let internal = is_internal(access, argument);
        inspect(access, class, object, column, internal);
    }
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn inspect(
    access: ObjectAccessType::Type,
    class: Oid,
    object: Oid,
    column: c_int,
    internal: bool,
) {
    let access = Access::new(access, class, object, column);
    raise(guard::inspect_access(access, internal));
}
