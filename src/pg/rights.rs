//! What a plan does with each relation, as the rights that it needs tell.

use super::compat::{self, Rights};
use super::portal::Running;
use super::{Oid, catalog};
use pgrx::pg_sys;
use std::hash::{Hash, Hasher};

/// What a plan does with one relation.
#[derive(Clone, Copy)]
pub struct Use(Rights);

/// Privileges, and the names of the actions that need them.
const ACTIONS: [(u32, &str); 4] = [
    (pg_sys::ACL_SELECT, "select"),
    (pg_sys::ACL_INSERT, "insert"),
    (pg_sys::ACL_UPDATE, "update"),
    (pg_sys::ACL_DELETE, "delete"),
];

impl Running {
    /// What its plan does with relations.
    pub fn uses(self) -> impl Iterator<Item = Use> {
        // SAFETY: S2; the plan of a live query.
        unsafe { compat::rights(self.plan().raw()) }.map(Use)
    }
}

impl Use {
    /// The relation.
    pub fn relation(self) -> Oid {
        self.0.relation
    }

    /// `select`, `insert`, `update`, `delete`.
    pub fn actions(self) -> Vec<String> {
        let needed = ACTIONS
            .iter()
            .filter(|(bit, _)| self.0.privileges & u64::from(*bit) != 0);
        needed.map(|(_, name)| (*name).to_owned()).collect()
    }

    /// The columns that are read, by name; `*` for the whole row.
    pub fn read(self) -> Vec<String> {
        let [read, _, _] = self.0.columns;
        // SAFETY: S2; sets of a live plan.
        unsafe { self.names(&[read]) }
    }

    /// The columns that are inserted or updated.
    pub fn written(self) -> Vec<String> {
        let [_, inserted, updated] = self.0.columns;
        // SAFETY: S2; sets of a live plan.
        unsafe { self.names(&[inserted, updated]) }
    }

    /// # Safety
    /// Each set is null or live.
    unsafe fn names(self, sets: &[*mut pg_sys::Bitmapset]) -> Vec<String> {
        let mut names = Vec::new();
        for set in sets {
            let mut member = -1;
            loop {
                // SAFETY: by contract.
                member = unsafe { pg_sys::bms_next_member(*set, member) };
                if member < 0 {
                    break;
                }
                let number = member as i16 + pg_sys::FirstLowInvalidHeapAttributeNumber as i16;
                let name = match number {
                    0 => Some("*".to_owned()),
                    number if number > 0 => {
                        catalog::column_by_number(self.relation(), number).map(|c| c.name)
                    }
                    _ => None,
                };
                names.extend(name.filter(|name| !names.contains(name)));
            }
        }
        names
    }
}

impl Hash for Use {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.relation.to_u32().hash(state);
        self.0.privileges.hash(state);
        for set in self.0.columns {
            // SAFETY: S2; null, or a live set with as many words as it says.
            let words = unsafe {
                match set.as_ref() {
                    None => &[],
                    Some(set) => set.words.as_slice(set.nwords as usize),
                }
            };
            words.hash(state);
        }
    }
}
