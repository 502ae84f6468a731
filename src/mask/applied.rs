#![forbid(unsafe_code)]
//! Which masks apply to the session, entry by entry of a query level.

use crate::errors::Result;
use crate::pg::check::{Stage, mark};
use crate::pg::node::{Query, Rte};
use crate::pg::scalar::Value;
use crate::registry::{self, Dimension, Mask, Protection};
use crate::session::Identity;
use std::rc::Rc;

/// A range-table entry with columns that the session sees masked.
pub struct Applied {
    level: Query,
    /// Its number in the level, from 1.
    pub index: u32,
    /// Is it what the statement writes?
    pub is_target: bool,
    pub protection: Rc<Protection>,
    subject: String,
    masked: Vec<usize>,
}

impl Applied {
    /// The entry itself, as it is now.
    pub fn rte(&self) -> Option<Rte> {
        self.level.rte(self.index)
    }

    /// Lets the entry through the tripwire.
    pub fn set_done(&self) {
        if let Some(rte) = self.rte() {
            rte.set_mark(mark(Stage::Masks));
        }
    }

    /// The masks that apply.
    pub fn masks(&self) -> impl Iterator<Item = &Mask> {
        self.masked
            .iter()
            .filter_map(|&i| self.protection.masks.get(i))
    }

    /// The columns that spare whoever they name, for the masks that apply.
    pub fn sparing(&self) -> impl Iterator<Item = &Dimension> {
        self.masks().filter_map(|mask| mask.unless_owner.as_ref())
    }

    /// The column that spares this session in the rows that name it, with the subject as its value.
    pub fn spared_by<'a>(&self, mask: &'a Mask) -> Option<(&'a Dimension, Value)> {
        let owner = mask.unless_owner.as_ref()?;
        Some((owner, owner.scalar.parse(&self.subject)?))
    }

    /// The mask of this column.
    pub fn mask_of(&self, column: i16) -> Option<&Mask> {
        self.masks().find(|mask| mask.column.attno == column)
    }
}

/// The entries of `level` that are masked for this identity.
pub fn find(level: Query, identity: &Identity) -> Result<Vec<Rc<Applied>>> {
    let mut found = Vec::new();
    for (index, rte) in level.rtes() {
        let Some(table) = rte.table() else { continue };
        let Some(protection) = registry::protection(table)? else {
            continue;
        };
        let is_target = index == level.result_index();
        if !is_target && !level.joins(index) {
            continue;
        }
        let masked = clearance_lacks(&protection, identity);
        if masked.is_empty() {
            continue;
        }
        // From here on the tripwire waits until the masks are in place.
        rte.set_mark(mark(Stage::Rows));
        found.push(Rc::new(Applied {
            level,
            index,
            is_target,
            protection,
            subject: identity.principal().subject.clone(),
            masked,
        }));
    }
    Ok(found)
}

fn clearance_lacks(protection: &Protection, identity: &Identity) -> Vec<usize> {
    let clearance = identity.principal().clearance;
    let masks = protection.masks.iter().enumerate();
    masks
        .filter(|(_, mask)| !mask.is_clear_to(clearance))
        .map(|(i, _)| i)
        .collect()
}
