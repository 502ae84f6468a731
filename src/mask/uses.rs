#![forbid(unsafe_code)]
//! What may be done with a masked column beyond reading its mask, and what is refused.
//!
//! - `deny`: naming the column is an error;
//! - `project`: it may be put out (masked), not compared, sorted or grouped by;
//! - `match`: it may be compared for equality with a value that the statement brings along;
//! - `search_only`: rows may be ordered by the distance to a given vector, the distance beside that
//!   ordering is shown rounded, and IS NULL is answered; anything else is an error, since ordering
//!   by NULL would return arbitrary rows without a word.

use super::applied::Applied;
use super::trace::Trace;
use super::{expression, refusal};
use crate::errors::{Result, WardError};
use crate::pg::expr;
use crate::pg::node::{Expr, Query};
use crate::pg::tree::{Levels, Shape, Variable, Walk};
use crate::pg::wrap::Wrap;
use crate::pg::{Oid, catalog, operators, types};
use crate::registry::{Mask, Objects};
use std::rc::Rc;
use ward_mask::{Method, Mode};

type Wraps = [(Wrap, Rc<Applied>)];

/// Gives allowed uses the values as they are, and refuses the others.
///
/// Error: WD031.
pub fn settle(
    levels: &Levels,
    applied: &[Vec<Rc<Applied>>],
    wraps: &mut Wraps,
    objects: &Objects,
) -> Result<()> {
    let special = |one: &Rc<Applied>| one.masks().any(is_special);
    if !applied.iter().flatten().any(special) {
        return Ok(());
    }
    let trace = Trace { levels, applied };
    for own in 0..levels.all().len() {
        let mut level = Level {
            trace,
            own,
            query: levels.all()[own].query,
            ordered: Vec::new(),
        };
        level.order_by_distance(wraps, objects)?;
        level.show_scores(wraps, objects)?;
        level.clear_tests(wraps)?;
    }
    for (own, level) in levels.all().iter().enumerate() {
        refuse_others(trace, own, level.query, level.is_value)?;
    }
    Ok(())
}

fn is_special(mask: &Mask) -> bool {
    mask.mode != Mode::Mask || is_search_only(mask)
}

fn is_search_only(mask: &Mask) -> bool {
    mask.method.is_search_only()
}

/// A distance between a search-only column and something given.
struct Distance {
    column: Variable,
    given: Expr,
    decimals: u8,
}

impl Distance {
    /// Can it be shown, as `function` computes it?
    fn can_be_shown(&self, function: Oid) -> bool {
        // To be shown it is copied: a sub-select would miss its own conditions and masks. And the
        // vector may be computed twice, and must then be the same both times.
        !self.given.has_sublink()
            && (!operators::grows_with_length(function) || self.given.is_steady())
    }

    /// `exact`, this distance as `function` computes it, as it is shown.
    fn score(&self, exact: Expr, function: Oid, objects: &Objects) -> Expr {
        let square = if operators::grows_with_length(function) {
            let twice = [self.given.copied(), self.given.copied()];
            expr::call(function, types::FLOAT8, &twice)
        } else {
            expr::float8(0.0)
        };
        expression::score(exact, square, self.decimals, objects)
    }
}

struct Level<'a> {
    trace: Trace<'a>,
    own: usize,
    query: Query,
    /// What this level is ordered by: column (entry, number), given vector, distance function.
    ordered: Vec<(u32, i16, Expr, Oid)>,
}

impl Level<'_> {
    fn search_only(&self, node: Expr) -> Option<(Variable, u8)> {
        let var = node.as_variable().filter(|var| var.level() == 0)?;
        match self.trace.origin(self.own, var)?.1.method {
            Method::SearchOnly { decimals } => Some((var, decimals)),
            _ => None,
        }
    }

    /// The distance that this node computes by `function`, one side being a search-only column.
    fn distance(&self, left: Expr, right: Expr) -> Option<Distance> {
        let (column, given) = match (self.search_only(left), self.search_only(right)) {
            (Some(column), None) => (column, right),
            (None, Some(column)) => (column, left),
            _ => return None,
        };
        given.is_free_of_level().then_some(Distance {
            column: column.0,
            given,
            decimals: column.1,
        })
    }

    fn order_by_distance(&mut self, wraps: &mut Wraps, objects: &Objects) -> Result<()> {
        for target in self.query.sort_targets() {
            let Shape::Operator(operator, left, right) = target.expr().shape() else {
                continue;
            };
            if !operators::orders_by_distance(operator) {
                continue;
            }
            let Some(distance) = self.distance(left, right) else {
                continue;
            };
            // Grouping and DISTINCT would need the distance itself; they are refused below.
            if !self.query.sorts_plainly() {
                continue;
            }
            let entry = (distance.column.index(), distance.column.column());
            let function = operators::function_of(operator);
            if target.is_visible() && !distance.can_be_shown(function) {
                continue;
            }
            let Some(clear) = self.trace.clear_column(self.own, entry.0, entry.1, wraps) else {
                continue;
            };
            self.ordered
                .push((entry.0, entry.1, distance.given.copied(), function));
            distance.column.point_to(clear);
            // A distance that is also shown is shown rounded; rows are ordered by the exact one.
            if target.is_visible() {
                target.split(distance.score(target.expr().copied(), function, objects));
            }
        }
        Ok(())
    }

    /// Replaces distances in the output by rounded ones, if the level is ordered by the same.
    fn show_scores(&self, wraps: &mut Wraps, objects: &Objects) -> Result<()> {
        if self.ordered.is_empty() {
            return Ok(());
        }
        for target in self.query.visible_targets() {
            target.replace(&mut |node, _| {
                // Sub-selects have levels of their own, and are not to be copied.
                if node.is_sublink() {
                    return Some(node);
                }
                let (function, left, right) = match node.shape() {
                    Shape::Operator(operator, left, right) => {
                        (operators::function_of(operator), left, right)
                    }
                    Shape::Call(function, arguments) => match arguments.as_slice() {
                        [left, right] => (function, *left, *right),
                        _ => return None,
                    },
                    _ => return None,
                };
                let distance = self.distance(left, right)?;
                if !distance.can_be_shown(function) {
                    return None;
                }
                let entry = (distance.column.index(), distance.column.column());
                self.ordered.iter().find(|(index, column, given, by)| {
                    (*index, *column) == entry && *by == function && given.equals(distance.given)
                })?;
                let clear = self.trace.clear_column(self.own, entry.0, entry.1, wraps)?;
                let exact = node.copied_with(distance.column, clear);
                Some(distance.score(exact, function, objects))
            });
        }
        Ok(())
    }

    /// Lets IS NULL of search-only columns, and equality of `match` columns, see the values.
    fn clear_tests(&self, wraps: &mut Wraps) -> Result<()> {
        let mut found = Vec::new();
        self.query.walk(false, &mut |node, depth| {
            if let Some(var) = self.tested(node, depth) {
                found.push(var);
            }
            Walk::Into
        });
        // A group has one mask, and many values.
        let of_groups = self.query.group_variables();
        found.retain(|var| !of_groups.iter().any(|group| group.is(*var)));
        for var in found {
            // Where it cannot be shown as it is, it is refused below.
            let clear = self
                .trace
                .clear_column(self.own, var.index(), var.column(), wraps);
            if let Some(clear) = clear {
                var.point_to(clear);
            }
        }
        Ok(())
    }

    /// The variable of this level that an allowed test in `node` is about.
    fn tested(&self, node: Expr, depth: u32) -> Option<Variable> {
        let var = tested_variable(node, depth)?;
        let (_, mask) = self.trace.origin(self.own, var.0)?;
        allows_test(mask, var.1).then_some(var.0)
    }
}

/// What a test is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Test {
    IsNull,
    Equality,
}

fn allows_test(mask: &Mask, test: Test) -> bool {
    match test {
        Test::IsNull => is_search_only(mask) || mask.mode == Mode::Match,
        Test::Equality => mask.mode == Mode::Match,
    }
}

/// `column IS NULL`, `column = given` or `column = ANY (given)`, for a column at this depth.
fn tested_variable(node: Expr, depth: u32) -> Option<(Variable, Test)> {
    let own = |side: Expr| {
        side.stripped()
            .as_variable()
            .filter(|var| var.level() == depth && var.column() > 0)
    };
    match node.shape() {
        Shape::NullTest(value) => own(value).map(|var| (var, Test::IsNull)),
        Shape::Operator(operator, left, right) => {
            let (var, given) = match (own(left), own(right)) {
                (Some(var), None) => (var, right),
                (None, Some(var)) => (var, left),
                _ => return None,
            };
            is_equality(node, operator, var, given).then_some((var, Test::Equality))
        }
        Shape::AnyOf(operator, left, right) => {
            let var = own(left)?;
            is_equality(node, operator, var, right).then_some((var, Test::Equality))
        }
        _ => None,
    }
}

/// Does `node` tell nothing but whether the variable is what the statement brings along? (Under a
/// collation of the session's own, texts that resemble each other may be equal.)
fn is_equality(node: Expr, operator: Oid, var: Variable, given: Expr) -> bool {
    let collation = node.input_collation();
    operators::is_equality(operator)
        && given.is_given()
        && (collation == var.collation() || catalog::is_deterministic(collation))
}

/// May this node, of a statement that writes `one`, see the column as it is?
pub fn is_clear_on_target(one: &Applied, node: Expr, depth: u32) -> bool {
    tested_variable(node, depth).is_some_and(|(var, test)| {
        var.index() == one.index
            && one
                .mask_of(var.column())
                .is_some_and(|mask| allows_test(mask, test))
    })
}

fn refuse_others(trace: Trace, own: usize, query: Query, is_value: bool) -> Result<()> {
    let mut refused: Option<WardError> = None;
    query.walk(true, &mut |node, depth| {
        if refused.is_some() {
            return Walk::Past;
        }
        if depth == 0
            && let Some(output) = query.as_output(node)
        {
            let bare = output.expr.stripped().as_variable();
            let place = match (output.is_sorted_by, bare) {
                (true, _) => Place::Condition,
                (false, Some(_)) if !is_value => Place::Output,
                (false, _) => Place::InOutput,
            };
            output.expr.walk(&mut |node, depth| {
                refused = refused
                    .take()
                    .or_else(|| check(trace, own, node, depth, place));
                into_unless_cleared(trace, own, node, depth)
            });
            return Walk::Past;
        }
        refused = check(trace, own, node, depth, Place::Condition)
            .or_else(|| check_test(trace, own, node, depth));
        into_unless_cleared(trace, own, node, depth)
    });
    refused.map_or(Ok(()), Err)
}

/// A test on the table that is written keeps its variable, and is allowed all the same.
fn into_unless_cleared(trace: Trace, own: usize, node: Expr, depth: u32) -> Walk {
    let on_target = trace.applied[own]
        .iter()
        .any(|one| one.is_target && is_clear_on_target(one, node, depth));
    if on_target { Walk::Past } else { Walk::Into }
}

/// Where a column stands in its level.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// An output column, bare.
    Output,
    /// Inside an expression that is put out.
    InOutput,
    /// Anywhere else.
    Condition,
}

fn check(trace: Trace, own: usize, node: Expr, depth: u32, place: Place) -> Option<WardError> {
    let var = node.as_variable().filter(|var| var.level() == depth)?;
    if var.column() == 0 {
        return check_whole_row(trace, own, var);
    }
    let (one, mask) = trace.origin(own, var)?;
    let name = &mask.column.name;
    // A column of a sub-select is not named here but there.
    let is_here = trace.applied[own]
        .iter()
        .any(|here| here.index == var.index());
    if mask.mode == Mode::Deny && is_here {
        return Some(
            refusal(one, &format!("column \"{name}\" is denied to this session"))
                .hint("Name the columns you need, without this one."),
        );
    }
    if is_search_only(mask) && place != Place::Output {
        return Some(
            refusal(one, &format!("column \"{name}\" is search-only to this session"))
                .hint("Use it as ORDER BY column <operator> value LIMIT n, on its table or a plain sub-select of it."),
        );
    }
    if mask.mode == Mode::Project && place == Place::Condition {
        return Some(
            refusal(one, &format!("column \"{name}\" can be shown to this session, but not be compared, sorted or grouped by"))
                .hint("Leave it out of conditions: they would see its mask."),
        );
    }
    None
}

/// A test that would be allowed, but on a column that comes through something that can only show masks.
fn check_test(trace: Trace, own: usize, node: Expr, depth: u32) -> Option<WardError> {
    let (var, test) = tested_variable(node, depth)?;
    let (one, mask) = trace.origin(own, var)?;
    let is_target = trace.applied[own]
        .iter()
        .any(|here| here.is_target && here.index == var.index());
    if is_target || !allows_test(mask, test) {
        return None;
    }
    Some(
        refusal(
            one,
            &format!("column \"{}\" cannot be matched here", mask.column.name),
        )
        .hint("Match it on its table or on a plain sub-select of it, not through WITH, UNION, DISTINCT or GROUP BY."),
    )
}

fn check_whole_row(trace: Trace, own: usize, var: Variable) -> Option<WardError> {
    // The row of a join is those of both sides.
    let of_join = trace.row(own, var).into_iter();
    let (one, denied) = of_join
        .chain(trace.applied[own].iter().flat_map(|one| {
            let is_it = one.index == var.index();
            one.masks()
                .filter(move |_| is_it)
                .map(move |mask| (one, mask))
        }))
        .find(|(_, mask)| mask.mode == Mode::Deny)?;
    Some(
        refusal(
            one,
            &format!(
                "column \"{}\" is denied to this session",
                denied.column.name
            ),
        )
        .hint("Name the columns you need, without this one."),
    )
}
