#![forbid(unsafe_code)]
//! Where a column comes from: bare references followed down through sub-selects, WITH and joins.

use super::applied::Applied;
use crate::pg::node::Query;
use crate::pg::outline::Entry;
use crate::pg::tree::{Levels, Variable};
use crate::pg::wrap::Wrap;
use crate::registry::Mask;
use std::rc::Rc;

/// Recursive queries lead round in circles; no honest statement nests bare references deeper.
const DEEPEST: usize = 64;

/// The levels of a query, with what is masked in each.
#[derive(Clone, Copy)]
pub struct Trace<'a> {
    pub levels: &'a Levels,
    pub applied: &'a [Vec<Rc<Applied>>],
}

impl<'a> Trace<'a> {
    /// The masked column that variable `var` of level `own` is; `None` if it is none, or computed.
    pub fn origin(self, own: usize, var: Variable) -> Option<(&'a Rc<Applied>, &'a Mask)> {
        self.column(own, var.index(), var.column(), DEEPEST)
    }

    /// The masked columns among those of a join, which variable `var` of level `own` is the whole row of.
    pub fn row(self, own: usize, var: Variable) -> Vec<(&'a Rc<Applied>, &'a Mask)> {
        let count = match self
            .levels
            .all()
            .get(own)
            .map(|own| own.query.entry(var.index()))
        {
            Some(Entry::Columns(columns)) => columns.len() as i16,
            _ => 0,
        };
        (1..=count)
            .filter_map(|column| self.column(own, var.index(), column, DEEPEST))
            .collect()
    }

    fn column(
        self,
        own: usize,
        index: u32,
        column: i16,
        left: usize,
    ) -> Option<(&'a Rc<Applied>, &'a Mask)> {
        let left = left.checked_sub(1)?;
        if let Some(one) = self.entry(own, index) {
            return one.mask_of(column).map(|mask| (one, mask));
        }
        match self.levels.all().get(own)?.query.entry(index) {
            Entry::Subquery(query) => self.output(self.place(query)?, column, left),
            Entry::With(name, up) => {
                let query = self.ancestor(own, up)?;
                let query = self.levels.all().get(query)?.query.with(&name)?;
                self.output(self.place(query)?, column, left)
            }
            Entry::Columns(columns) => {
                let column = (*columns.get(usize::try_from(column - 1).ok()?)?)?;
                let var = column.stripped().as_variable()?;
                self.column(own, var.index(), var.column(), left)
            }
            Entry::Other => None,
        }
    }

    /// Output column `column` of level `own`; of a UNION, of whichever branch has a masked one.
    fn output(self, own: usize, column: i16, left: usize) -> Option<(&'a Rc<Applied>, &'a Mask)> {
        let query = self.levels.all().get(own)?.query;
        if query.is_set_operation() {
            return query
                .nested_entries()
                .into_iter()
                .filter_map(|branch| self.place(branch))
                .find_map(|branch| self.output(branch, column, left.checked_sub(1)?));
        }
        let var = query.output(column)?.stripped().as_variable()?;
        let level = self.ancestor(own, var.level())?;
        self.column(level, var.index(), var.column(), left)
    }

    fn entry(self, own: usize, index: u32) -> Option<&'a Rc<Applied>> {
        self.applied.get(own)?.iter().find(|one| one.index == index)
    }

    fn place(self, query: Query) -> Option<usize> {
        self.levels
            .all()
            .iter()
            .position(|level| level.query == query)
    }

    fn ancestor(self, own: usize, up: u32) -> Option<usize> {
        (0..up).try_fold(own, |level, _| self.levels.all().get(level)?.parent)
    }

    /// The number under which entry `index` of level `own` shows `column` as it is; sub-selects on
    /// the way get an output column for it. `None` where that would change what they mean.
    pub fn clear_column(
        self,
        own: usize,
        index: u32,
        column: i16,
        wraps: &mut [(Wrap, Rc<Applied>)],
    ) -> Option<i16> {
        let query = self.levels.all().get(own)?.query;
        if let Some((wrap, _)) = wraps.iter_mut().find(|(wrap, _)| wrap.is(query, index)) {
            return wrap.clear_column(column);
        }
        let Entry::Subquery(nested) = query.entry(index) else {
            return None;
        };
        if !nested.can_show_more() || query.refers_to_whole_row(index) {
            return None;
        }
        let var = nested.output(column)?.as_variable()?;
        if var.level() != 0 {
            return None;
        }
        let inner = self.clear_column(self.place(nested)?, var.index(), var.column(), wraps)?;
        let number = nested.add_output(column, inner)?;
        query.name_columns(index, number);
        Some(number)
    }
}
