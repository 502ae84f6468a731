#![forbid(unsafe_code)]
//! The labels of the rows that a row comes from, carried through a query as one more column.
//!
//! [`Carrier::of`] gives, for one query level, an expression over the level's own columns: the join of
//! what all protected rows bring along that an output row was made of. Sub-selects, views and WITH
//! queries on the way put out what they carry as a column of their own; groups aggregate it.
//!
//! What a row is made of are the entries of FROM, and the sub-selects in its output and in the
//! conditions of its query. EXISTS in conditions only decides whether a row is there, and brings
//! nothing along; neither do the row conditions of tables. Functions that read tables are opaque:
//! what they read is a statement of their own.
//!
//! Where it cannot be told row by row, the answer is [`Flow::Unknown`]: the caller takes a bound of
//! everything that the session can read (its clearance), or refuses.

use super::cargo::{Cargo, Flow};
use crate::errors::Result;
use crate::pg::Oid;
use crate::pg::carry::{Kind, Source, With};
use crate::pg::expr;
use crate::pg::node::{Command, Expr, Query, Rte, TargetList};
use crate::pg::steady;
use crate::pg::sublink::Sublink;
use crate::pg::union::Branch;
use crate::registry::{self, Objects};
use std::collections::HashSet;

/// Of so many sub-selects in one expression list what each brings along is joined; of more, the
/// clearance is taken: the expression grows by a level with each.
const MOST_SUBLINKS: usize = 50;

/// Carries one cargo through the levels of one statement.
pub struct Carrier<'a> {
    cargo: Cargo,
    objects: &'a Objects,
    /// Could something in the statement change what a second reading of a sub-select finds?
    has_side_effects: bool,
    /// The WITH queries that may bring something along.
    loaded: HashSet<String>,
    /// The WITH queries of which somebody reads whole rows: a further column would show.
    shown_whole: HashSet<String>,
    entries: Vec<(Query, u32, Flow)>,
    withs: Vec<(Query, Flow, i16)>,
    /// Does the caller see to the sub-selects in expressions?
    leaves_sublinks: bool,
}

impl<'a> Carrier<'a> {
    /// For the statement `top`, whose row conditions are in place.
    pub fn new(cargo: Cargo, top: Query, objects: &'a Objects) -> Result<Self> {
        let mut carrier = Self {
            cargo,
            objects,
            has_side_effects: steady::has_side_effects(top),
            loaded: HashSet::new(),
            shown_whole: HashSet::new(),
            entries: Vec::new(),
            withs: Vec::new(),
            leaves_sublinks: false,
        };
        carrier.survey(top)?;
        Ok(carrier)
    }

    /// The same without the sub-selects in expressions: the caller sees to them.
    pub fn leaving_sublinks(mut self) -> Self {
        self.leaves_sublinks = true;
        self
    }

    /// Finds out, by name, which WITH queries bring something along, and which are read as whole rows.
    /// (Two of one name in different places count as one.)
    fn survey(&mut self, top: Query) -> Result<()> {
        let mut withs: Vec<With> = Vec::new();
        top.visit(&mut |level| {
            withs.extend(level.with_entries());
            for (index, rte) in level.rtes() {
                if let Some((name, _)) = rte.with_name()
                    && level.refers_to_whole_row(index)
                {
                    self.shown_whole.insert(name);
                }
            }
            Ok::<_, crate::errors::WardError>(())
        })?;
        // One round for each WITH query that only reads others.
        for _ in 0..withs.len() {
            let before = self.loaded.len();
            for with in &withs {
                if let Some(query) = with.query()
                    && self.is_loaded(query)?
                {
                    self.loaded.insert(with.name());
                }
            }
            if self.loaded.len() == before {
                break;
            }
        }
        Ok(())
    }

    /// Does the query, with all that is nested in it, read something that brings a cargo along?
    fn is_loaded(&self, query: Query) -> Result<bool> {
        let mut found = false;
        query.visit(&mut |level| {
            for (index, rte) in level.rtes() {
                found |= match rte.rows_of() {
                    Some(table) => self.is_laden(table, level, index)?,
                    None => rte
                        .with_name()
                        .is_some_and(|(name, _)| self.loaded.contains(&name)),
                };
            }
            Ok::<_, crate::errors::WardError>(())
        })?;
        Ok(found)
    }

    fn is_laden(&self, table: Oid, level: Query, index: u32) -> Result<bool> {
        let flow =
            registry::protection(table)?.map(|p| self.cargo.of_row(&p, level, index, self.objects));
        Ok(!matches!(flow, None | Some(Flow::Nothing)))
    }

    /// What the output rows of `query` bring along, over its own columns; `outer` are the levels
    /// around it, outermost first.
    pub fn of(&mut self, query: Query, outer: &[Query]) -> Result<Flow> {
        if !self.is_loaded(query)? {
            return Ok(Flow::Nothing);
        }
        let mut chain = outer.to_vec();
        chain.push(query);
        match query.command() {
            Command::Select if query.is_set_operation() => self.of_union(query, &chain),
            Command::Select => self.of_select(query, &chain),
            Command::Other => Ok(Flow::Unknown),
            _ => self.of_returning(query, &chain),
        }
    }

    fn of_select(&mut self, query: Query, chain: &[Query]) -> Result<Flow> {
        let grouped = query.is_grouped();
        let distinct = query.is_distinct();
        if query.has_windows() || (distinct && !query.can_group_instead()) {
            return Ok(Flow::Unknown);
        }
        let rows = self.of_entries(query, &query.leaves(), chain)?;
        let beside = self.of_sublinks(query, query.data_sublinks(), chain, distinct)?;
        let rows = match (rows, beside) {
            (Flow::Unknown, _) | (_, Flow::Unknown) => return Ok(Flow::Unknown),
            (Flow::Value(value), _) if grouped || distinct => {
                if distinct {
                    query.group_instead();
                }
                let (_, aggregate) = self.cargo.functions(self.objects);
                let kind = self.kind();
                Flow::Value(query.aggregate(aggregate, value, kind))
            }
            (rows, _) => rows,
        };
        Ok(self.joined(rows, beside))
    }

    /// What RETURNING gives out: the written row's own, and what it reads beside it.
    fn of_returning(&mut self, query: Query, chain: &[Query]) -> Result<Flow> {
        let target = query.result_index();
        let own = match query.rte(target).and_then(|rte| rte.table()) {
            Some(table) => self.of_table(table, query, target)?,
            None => Flow::Unknown,
        };
        let mut others = query.leaves();
        others.retain(|index| *index != target);
        if query.command() == Command::Insert {
            others.clear();
        }
        let rows = self.of_entries(query, &others, chain)?;
        let beside = self.of_sublinks(query, query.returning_sublinks(), chain, false)?;
        let all = self.joined(own, rows);
        Ok(self.joined(all, beside))
    }

    fn of_union(&mut self, query: Query, chain: &[Query]) -> Result<Flow> {
        let Some(union) = query.as_union() else {
            return Ok(Flow::Unknown);
        };
        let mut flows: Vec<(Branch, Expr)> = Vec::with_capacity(union.branches.len());
        for branch in &union.branches {
            let value = match self.of(branch.1, chain)? {
                Flow::Nothing => self.kind().null(),
                Flow::Value(value) => value,
                Flow::Unknown => return Ok(Flow::Unknown),
            };
            flows.push((*branch, value));
        }
        let mut number = 0;
        for ((index, branch), value) in flows {
            number = branch.append_output(value);
            query.name_columns(index, number);
        }
        let (_, aggregate) = self.cargo.functions(self.objects);
        Ok(Flow::Value(union.carry(number, aggregate, self.kind())))
    }

    /// What these entries of a level bring along together.
    pub fn of_entries(&mut self, level: Query, entries: &[u32], chain: &[Query]) -> Result<Flow> {
        let mut all = Flow::Nothing;
        for index in entries {
            let one = self.of_entry(level, *index, chain)?;
            all = self.joined(all, one);
        }
        Ok(all)
    }

    fn of_entry(&mut self, level: Query, index: u32, chain: &[Query]) -> Result<Flow> {
        let known = self
            .entries
            .iter()
            .find(|(l, i, _)| *l == level && *i == index);
        if let Some((_, _, flow)) = known {
            return Ok(flow.copied());
        }
        let flow = match level.source(index) {
            Source::Table(table) => self.of_table(table, level, index)?,
            Source::Subquery(query) => self.of_subquery(level, index, query, chain)?,
            Source::With(name, levels) => self.of_with(level, index, &name, levels, chain)?,
            Source::Other => Flow::Nothing,
        };
        self.entries.push((level, index, flow));
        Ok(flow.copied())
    }

    fn of_table(&self, table: Oid, level: Query, index: u32) -> Result<Flow> {
        Ok(match registry::protection(table)? {
            Some(p) => self.cargo.of_row(&p, level, index, self.objects),
            None => Flow::Nothing,
        })
    }

    fn of_subquery(
        &mut self,
        level: Query,
        index: u32,
        query: Query,
        chain: &[Query],
    ) -> Result<Flow> {
        if !self.is_loaded(query)? {
            return Ok(Flow::Nothing);
        }
        // Another column would show in a row that is used as a whole.
        if level.refers_to_whole_row(index) {
            return Ok(Flow::Unknown);
        }
        let value = match self.of(query, chain)? {
            Flow::Value(value) => value,
            other => return Ok(other),
        };
        let number = query.append_output(value);
        level.name_columns(index, number);
        Ok(Flow::Value(level.column(index, number, self.kind())))
    }

    fn of_with(
        &mut self,
        level: Query,
        index: u32,
        name: &str,
        levels: u32,
        chain: &[Query],
    ) -> Result<Flow> {
        if !self.loaded.contains(name) {
            return Ok(Flow::Nothing);
        }
        let around = chain.len().checked_sub(1 + levels as usize);
        let around = around.and_then(|last| chain.get(..=last));
        let found = around.and_then(|around| Some((around, around.last()?.with_entry(name)?)));
        let Some((around, with)) = found else {
            return Ok(Flow::Unknown);
        };
        let Some(query) = with.query().filter(|_| !with.is_recursive()) else {
            return Ok(Flow::Unknown);
        };
        let known = self.withs.iter().find(|(of, ..)| *of == query);
        let (flow, number) = match known {
            Some((_, flow, number)) => (*flow, *number),
            None => self.load_with(with, query, around)?,
        };
        if !matches!(flow, Flow::Value(_)) {
            return Ok(flow);
        }
        level.widen_with(index, number, self.kind());
        Ok(Flow::Value(level.column(index, number, self.kind())))
    }

    fn load_with(&mut self, with: With, query: Query, around: &[Query]) -> Result<(Flow, i16)> {
        let flow = if self.shown_whole.contains(&with.name()) {
            Flow::Unknown
        } else {
            self.of(query, around)?
        };
        let number = match flow {
            Flow::Value(value) => {
                with.add_column(self.kind());
                query.append_output(value)
            }
            _ => 0,
        };
        self.withs.push((query, flow, number));
        Ok((flow, number))
    }

    /// What these sub-selects in expressions of `level` bring along: the join over all of their rows.
    ///
    /// `grouped` says that variables of the level have no value where the result will stand.
    pub fn of_sublinks(
        &mut self,
        level: Query,
        sublinks: Vec<Sublink>,
        chain: &[Query],
        grouped: bool,
    ) -> Result<Flow> {
        let mut all = Flow::Nothing;
        if self.leaves_sublinks {
            return Ok(all);
        }
        let mut joined = 0;
        for sublink in sublinks {
            let one = self.of_sublink(level, sublink, chain, grouped)?;
            joined += usize::from(matches!(one, Flow::Value(_)));
            all = self.joined(all, one);
            if matches!(all, Flow::Unknown) {
                break;
            }
            if joined > MOST_SUBLINKS {
                return Ok(Flow::Unknown);
            }
        }
        Ok(all)
    }

    fn of_sublink(
        &mut self,
        level: Query,
        sublink: Sublink,
        chain: &[Query],
        grouped: bool,
    ) -> Result<Flow> {
        match sublink.query() {
            Some(query) if self.is_loaded(query)? => {}
            Some(_) => return Ok(Flow::Nothing),
            None => return Ok(Flow::Unknown),
        }
        if sublink.is_correlated() && (grouped || !sublink.is_beside_targets) {
            return Ok(Flow::Unknown);
        }
        if self.has_side_effects || !self.cargo.has_values() {
            return Ok(Flow::Unknown);
        }
        let Some(copy) = sublink.copied(chain) else {
            return Ok(Flow::Unknown);
        };
        let value = match self.of(copy, chain)? {
            Flow::Value(value) => value,
            other => return Ok(other),
        };
        let number = copy.append_output(value);
        level.has_gained_sublinks();
        let (_, aggregate) = self.cargo.functions(self.objects);
        let kind = self.kind();
        Ok(Flow::Value(copy.into_bound(number, aggregate, kind)))
    }

    /// What the values that a statement assigns bring along: the entries of FROM (for `all`, whether
    /// the values use them or not), and sub-selects.
    pub fn of_values(
        &mut self,
        level: Query,
        values: TargetList,
        all: bool,
        chain: &[Query],
    ) -> Result<Flow> {
        let mut entries = level.leaves();
        let target = [
            level.result_index(),
            level.shown_target().unwrap_or_default(),
        ];
        entries.retain(|index| !target.contains(index));
        if !all && !entries.is_empty() {
            let used = level.entries_used_in(values);
            // One that is made of its neighbours brings along what these do.
            let made_of_others = |index: &u32| level.rte(*index).is_some_and(Rte::is_lateral);
            if !entries
                .iter()
                .any(|index| used.contains(index) && made_of_others(index))
            {
                entries.retain(|index| used.contains(index));
            }
        }
        let mut sublinks = values.sublinks();
        sublinks.extend(level.entry_sublinks(&entries));
        if entries.is_empty() && sublinks.is_empty() {
            return Ok(Flow::Nothing);
        }
        let rows = self.of_entries(level, &entries, chain)?;
        let beside = self.of_sublinks(level, sublinks, chain, false)?;
        Ok(self.joined(rows, beside))
    }

    /// The type of what is carried.
    pub fn kind(&self) -> Kind {
        self.cargo.kind(self.objects)
    }

    /// Both together.
    pub fn joined(&self, a: Flow, b: Flow) -> Flow {
        match (a, b) {
            (Flow::Unknown, _) | (_, Flow::Unknown) => Flow::Unknown,
            (Flow::Nothing, other) | (other, Flow::Nothing) => other,
            (Flow::Value(a), Flow::Value(b)) => {
                let (join, _) = self.cargo.functions(self.objects);
                Flow::Value(expr::call(join, self.kind().type_oid, &[a, b]))
            }
        }
    }
}
