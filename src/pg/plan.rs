//! What ward writes into a finished plan, and reads back before running it.
//!
//! A plan travels through the plan cache by `copyObject`; its list of invalidation items travels
//! with it. Items with a cache id that no catalog cache has are ignored by core, so they carry the
//! plan's fingerprint (its identity) without touching any other field.

use super::invalidate::IDENTITY_HASH;
use super::node::{list_items, make_node};
use super::vector::{self, Mode};
use pgrx::pg_sys::{self, NodeTag, Oid};
use std::ffi::c_int;

/// Identifies the identity (and the state of the trust registry) that a plan was made for.
pub type Fingerprint = [u32; 4];

/// Cache ids from here on up (all negative, so no catalog cache has them) carry our items.
const FIRST_ITEM: c_int = -0x5741_5200;
const VECTOR_ITEM: c_int = FIRST_ITEM + 4;
const NEW_TABLE_ITEM: c_int = FIRST_ITEM + 5;
const NOTE_ITEM: c_int = FIRST_ITEM + 6;
const SEARCH_ITEM: c_int = FIRST_ITEM + 7;
const SEARCH_PARAMETER_ITEM: c_int = FIRST_ITEM + 8;
const RELAXED: u32 = 1;
const STRICT: u32 = 2;

/// How many rows a query asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    Rows(u32),
    /// As many as this parameter says.
    Parameter(u32),
    /// What it computes in another way, or no limit.
    Unknown,
}

/// A finished plan, private to the planner hook or to the executor.
#[derive(Clone, Copy)]
pub struct Plan(*mut pg_sys::PlannedStmt);

impl Plan {
    /// A view of a plan.
    ///
    /// # Safety
    /// `plan` is a live PlannedStmt (S2).
    pub unsafe fn new(plan: *mut pg_sys::PlannedStmt) -> Self {
        Self(plan)
    }

    pub(super) fn raw(self) -> *mut pg_sys::PlannedStmt {
        self.0
    }

    /// Does it write rows?
    #[inline]
    pub fn writes(self) -> bool {
        // SAFETY: S2.
        let plan = unsafe { &*self.0 };
        plan.commandType != pg_sys::CmdType::CMD_SELECT || plan.hasModifyingCTE
    }

    /// Does it give rows to whoever runs it?
    #[inline]
    pub fn returns_rows(self) -> bool {
        // SAFETY: S2.
        let plan = unsafe { &*self.0 };
        plan.commandType == pg_sys::CmdType::CMD_SELECT || plan.hasReturning
    }

    /// Binds the plan to an identity: it is dropped when the identity changes or one of
    /// `registry` is invalidated, and refused if it is run for another identity all the same.
    pub fn bind(self, fingerprint: Fingerprint, registry: &[Oid]) {
        self.add_item(pg_sys::SysCacheIdentifier::PROCOID as c_int, IDENTITY_HASH);
        for (i, part) in fingerprint.into_iter().enumerate() {
            self.add_item(FIRST_ITEM + i as c_int, part);
        }
        for table in registry {
            // SAFETY: S2.
            unsafe { (*self.0).relationOids = pg_sys::lappend_oid((*self.0).relationOids, *table) };
        }
    }

    /// The identity the plan was made for; `None` if it depends on none.
    pub fn fingerprint(self) -> Option<Fingerprint> {
        let mut fingerprint = [0; 4];
        let mut parts = 0;
        for (cache, hash) in self.items() {
            let slot = usize::try_from(i64::from(cache) - i64::from(FIRST_ITEM)).ok();
            if let Some(part) = slot.and_then(|slot| fingerprint.get_mut(slot)) {
                *part = hash;
                parts += 1;
            }
        }
        (parts == 4).then_some(fingerprint)
    }

    /// Lets the plan's vector scans, if any, go on until LIMIT is filled (see [`vector`]).
    pub fn fill_vector_results(self) {
        match vector::prepare(self) {
            Some(Mode::Relaxed) => self.add_item(VECTOR_ITEM, RELAXED),
            Some(Mode::Strict) => self.add_item(VECTOR_ITEM, STRICT),
            None => {}
        }
    }

    /// Says that the plan is a vector search for so many rows.
    pub fn set_search(self, limit: Limit) {
        match limit {
            Limit::Rows(rows) => self.add_item(SEARCH_ITEM, rows),
            Limit::Parameter(number) => self.add_item(SEARCH_PARAMETER_ITEM, number),
            Limit::Unknown => self.add_item(SEARCH_ITEM, u32::MAX),
        }
    }

    /// Is it one?
    pub fn search(self) -> Option<Limit> {
        self.items()
            .find_map(|(cache, value)| match (cache, value) {
                (SEARCH_ITEM, u32::MAX) => Some(Limit::Unknown),
                (SEARCH_ITEM, rows) => Some(Limit::Rows(rows)),
                (SEARCH_PARAMETER_ITEM, number) => Some(Limit::Parameter(number)),
                _ => None,
            })
    }

    /// `select`, `insert`, …
    pub fn command(self) -> &'static str {
        // SAFETY: S2.
        match unsafe { (*self.0).commandType } {
            pg_sys::CmdType::CMD_SELECT => "select",
            pg_sys::CmdType::CMD_INSERT => "insert",
            pg_sys::CmdType::CMD_UPDATE => "update",
            pg_sys::CmdType::CMD_DELETE => "delete",
            pg_sys::CmdType::CMD_MERGE => "merge",
            _ => "other",
        }
    }

    /// Says that the plan notes the labels of what it returns.
    pub fn set_noting(self) {
        self.add_item(NOTE_ITEM, 1);
    }

    /// Does it?
    pub fn is_noting(self) -> bool {
        self.items().any(|(cache, _)| cache == NOTE_ITEM)
    }

    /// How the plan's vector scans must run; `None` if it has none.
    pub fn vector_mode(self) -> Option<Mode> {
        self.items().find_map(|(cache, hash)| match (cache, hash) {
            (VECTOR_ITEM, RELAXED) => Some(Mode::Relaxed),
            (VECTOR_ITEM, STRICT) => Some(Mode::Strict),
            _ => None,
        })
    }

    /// Notes that its rows go into a new table, which will be protected.
    pub fn fills_new_table(self) {
        self.add_item(NEW_TABLE_ITEM, 0);
    }

    /// Was that noted?
    pub fn is_for_new_table(self) -> bool {
        self.items().any(|(cache, _)| cache == NEW_TABLE_ITEM)
    }

    /// Takes over what inlining functions (see [`super::inline`]) made the plan depend on.
    pub fn add_inlined(self, inlined: super::inline::Inlined) {
        // SAFETY: S2.
        unsafe {
            (*self.0).invalItems = pg_sys::list_concat((*self.0).invalItems, inlined.items);
            (*self.0).dependsOnRole |= inlined.depends_on_role;
        }
    }

    fn add_item(self, cache: c_int, hash: u32) {
        // SAFETY: S2; a zeroed node appended to the plan's own list.
        unsafe {
            let item = make_node::<pg_sys::PlanInvalItem>(NodeTag::T_PlanInvalItem);
            (*item).cacheId = cache;
            (*item).hashValue = hash;
            (*self.0).invalItems = pg_sys::lappend((*self.0).invalItems, item.cast());
        }
    }

    fn items(self) -> impl Iterator<Item = (c_int, u32)> {
        // SAFETY: S2.
        let list = unsafe { (*self.0).invalItems };
        list_items::<pg_sys::PlanInvalItem>(list)
            // SAFETY: S2.
            .map(|item| unsafe { ((*item).cacheId, (*item).hashValue) })
    }
}
