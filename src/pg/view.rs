//! The queries behind views.

use super::node::{Query, Rte, list_items};
use pgrx::pg_sys::{self, Oid};
use std::ffi::c_int;

impl Rte {
    /// The relation that it names: a table, or a view of either kind.
    pub fn relation(self) -> Option<Oid> {
        // SAFETY: S2.
        let rte = unsafe { &*self.raw() };
        (rte.rtekind == pg_sys::RTEKind::RTE_RELATION).then_some(rte.relid)
    }
}

impl Rte {
    /// Is it a materialised view?
    pub fn is_materialised(self) -> bool {
        // SAFETY: S2.
        unsafe { (*self.raw()).relkind as u8 == pg_sys::RELKIND_MATVIEW }
    }
}

/// A copy of the query behind a view or a materialised view.
pub fn definition(view: Oid) -> Option<Query> {
    // SAFETY: S2, S4; the rule is copied before the relation is closed.
    unsafe {
        let relation = pg_sys::relation_open(view, pg_sys::AccessShareLock as c_int);
        let rules = (*relation).rd_rules;
        let mut found = None;
        if !rules.is_null() {
            for i in 0..(*rules).numLocks as usize {
                let rule = *(*rules).rules.add(i);
                if (*rule).event == pg_sys::CmdType::CMD_SELECT {
                    let action = list_items::<pg_sys::Query>((*rule).actions).next();
                    let copied = action.map(|query| pg_sys::copyObjectImpl(query.cast()).cast());
                    found = copied.and_then(|query| Query::new(query));
                }
            }
        }
        pg_sys::relation_close(relation, pg_sys::AccessShareLock as c_int);
        found
    }
}
