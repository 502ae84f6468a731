//! Learning that catalogs changed, and telling the plan cache that an identity changed.

use pgrx::pg_sys::{self, Oid};
use std::cell::Cell;

/// The hash that marks "this plan depends on the identity" among a plan's invalidation items.
///
/// It need not belong to any function: the plan cache compares hashes only.
pub const IDENTITY_HASH: u32 = 0x5741_5244;

/// Called with the changed relation, `None` for all.
type RelationChanged = fn(Option<Oid>);

thread_local! {
    static RELATION_CHANGED: Cell<Option<RelationChanged>> = const { Cell::new(None) };
    static SCHEMA_CHANGED: Cell<Option<fn()>> = const { Cell::new(None) };
    static FUNCTION_CHANGED: Cell<Option<fn()>> = const { Cell::new(None) };
    static ROLE_CHANGED: Cell<Option<fn()>> = const { Cell::new(None) };
}

/// Registers `relation` (called with the changed relation, `None` for all) and `schema`.
///
/// Both may be called in the middle of any catalog access and must only set flags.
pub fn watch(relation: RelationChanged, schema: fn()) {
    RELATION_CHANGED.set(Some(relation));
    SCHEMA_CHANGED.set(Some(schema));
    // SAFETY: S1; registered once, while libraries are loaded.
    unsafe {
        pg_sys::CacheRegisterRelcacheCallback(Some(on_relation), pg_sys::Datum::null());
        let namespace = pg_sys::SysCacheIdentifier::NAMESPACEOID as i32;
        pg_sys::CacheRegisterSyscacheCallback(namespace, Some(on_schema), pg_sys::Datum::null());
    }
}

/// Registers what is called when any function was created, changed or dropped; as [`watch`].
pub fn watch_functions(function: fn()) {
    FUNCTION_CHANGED.set(Some(function));
    // SAFETY: S1; registered once, while libraries are loaded.
    unsafe {
        let cache = pg_sys::SysCacheIdentifier::PROCOID as i32;
        pg_sys::CacheRegisterSyscacheCallback(cache, Some(on_function), pg_sys::Datum::null());
    }
}

/// Registers what is called when any role was created, changed or dropped; as [`watch`].
pub fn watch_roles(role: fn()) {
    ROLE_CHANGED.set(Some(role));
    // SAFETY: S1; registered once, while libraries are loaded.
    unsafe {
        let cache = pg_sys::SysCacheIdentifier::AUTHOID as i32;
        pg_sys::CacheRegisterSyscacheCallback(cache, Some(on_role), pg_sys::Datum::null());
    }
}

/// Makes every cached plan that depends on the identity be planned anew before its next use.
///
/// Local to this backend; only marks plans, so it is safe from an assign hook during an abort.
pub fn forget_identity_plans() {
    // SAFETY: S1; the callbacks only mark plans.
    unsafe {
        pg_sys::CallSyscacheCallbacks(pg_sys::SysCacheIdentifier::PROCOID as i32, IDENTITY_HASH);
    }
}

/// Tells every session, at commit, that this relation's definition changed.
pub fn announce_relation(relation: Oid) {
    // SAFETY: S1, inside a transaction.
    unsafe { pg_sys::CacheInvalidateRelcacheByRelid(relation) }
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn on_relation(_arg: pg_sys::Datum, relation: Oid) {
    if let Some(f) = RELATION_CHANGED.get() {
        f((relation != Oid::INVALID).then_some(relation));
    }
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn on_schema(_arg: pg_sys::Datum, _cache: i32, _hash: u32) {
    if let Some(f) = SCHEMA_CHANGED.get() {
        f();
    }
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn on_function(_arg: pg_sys::Datum, _cache: i32, hash: u32) {
    // Our own message about an identity is not about a function.
    if hash != IDENTITY_HASH
        && let Some(f) = FUNCTION_CHANGED.get()
    {
        f();
    }
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn on_role(_arg: pg_sys::Datum, _cache: i32, _hash: u32) {
    if let Some(f) = ROLE_CHANGED.get() {
        f();
    }
}
