//! pgvector's approximate indexes under a filter.
//!
//! An HNSW or IVFFlat scan visits a fixed number of candidates and then stops; the filter of a
//! protected relation is applied afterwards, so fewer rows than LIMIT may be left. pgvector's
//! iterative scan goes on until enough are found. Its complete mode returns rows slightly out of
//! order, so a Sort of the few rows of the LIMIT restores the order that the query asked for.

use super::node::{Query, list_items, make_node};
use super::plan::{Limit, Plan};
use super::tree::Shape;
use super::{catalog, guc, operators};
use pgrx::pg_sys::{self, NodeTag, Oid};
use std::ffi::CStr;

/// How an execution must scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Complete; every vector scan of the plan stands under a LIMIT whose rows are sorted again.
    Relaxed,
    /// In order, without LIMIT: rows that turn up too late for their place are left out.
    Strict,
}

/// Settings that hold for one execution: relaxed, and strict. The bounds are pgvector's maxima.
///
/// IVFFlat has no iterative scan in order; there, visiting every list at once gives the exact order.
const SETTINGS: [(&CStr, Option<&str>, &str); 6] = [
    (
        c"hnsw.iterative_scan",
        Some("relaxed_order"),
        "strict_order",
    ),
    (c"hnsw.max_scan_tuples", Some("2147483647"), "2147483647"),
    (c"hnsw.scan_mem_multiplier", Some("1000"), "1000"),
    (c"ivfflat.iterative_scan", Some("relaxed_order"), "off"),
    (c"ivfflat.max_probes", Some("32768"), "32768"),
    (c"ivfflat.probes", None, "32768"),
];

/// Switches the iterative scan on; returns the nest level that takes it back.
pub fn fill_results(mode: Mode) -> i32 {
    let level = guc::nest();
    for (name, relaxed, strict) in SETTINGS {
        // Older pgvector has no iterative scan, and then no such settings.
        let value = if mode == Mode::Relaxed {
            relaxed
        } else {
            Some(strict)
        };
        if let Some(value) = value.filter(|_| guc::current(name).is_some()) {
            guc::save(name, value);
        }
    }
    level
}

/// Prepares the plan's vector scans; `None` if it has none.
pub fn prepare(plan: Plan) -> Option<Mode> {
    let mut search = Search {
        found: false,
        unsorted: false,
        next_node_id: 0,
    };
    // SAFETY: S2; the plan is private to the planner hook.
    unsafe {
        let statement = plan.raw();
        search.number((*statement).planTree);
        for subplan in list_items::<pg_sys::Plan>((*statement).subplans) {
            search.number(subplan);
        }
        search.visit(&raw mut (*statement).planTree);
        let subplans = (*statement).subplans;
        if !subplans.is_null() {
            for i in 0..(*subplans).length as usize {
                let cell = (*subplans).elements.add(i);
                search.visit((&raw mut (*cell).ptr_value).cast());
            }
        }
    }
    match (search.found, search.unsorted) {
        (false, _) => None,
        (true, false) => Some(Mode::Relaxed),
        (true, true) => Some(Mode::Strict),
    }
}

struct Search {
    found: bool,
    unsorted: bool,
    next_node_id: i32,
}

impl Search {
    /// Learns the highest node id in use.
    ///
    /// # Safety
    /// `plan` is null or a live plan tree (S2); the same holds for the other methods.
    unsafe fn number(&mut self, plan: *mut pg_sys::Plan) {
        if plan.is_null() {
            return;
        }
        // SAFETY: by contract.
        unsafe {
            self.next_node_id = self.next_node_id.max((*plan).plan_node_id + 1);
            for child in children(plan) {
                self.number(*child);
            }
        }
    }

    unsafe fn visit(&mut self, slot: *mut *mut pg_sys::Plan) {
        // SAFETY: by contract.
        unsafe {
            let plan = *slot;
            if plan.is_null() {
                return;
            }
            if (*plan).type_ == NodeTag::T_IndexScan && is_vector_scan(plan.cast()) {
                self.found = true;
                self.unsorted = true;
            }
            if (*plan).type_ == NodeTag::T_Limit
                && delivers_by_distance((*plan).lefttree)
                && let Some(key) = distance_column(plan)
            {
                self.found = true;
                *slot = self.sorted(plan, key);
                return;
            }
            for child in children(plan) {
                self.visit(child);
            }
        }
    }

    /// A Sort by target `key` on top of a LIMIT.
    unsafe fn sorted(&mut self, limit: *mut pg_sys::Plan, key: i16) -> *mut pg_sys::Plan {
        // SAFETY: by contract; a Sort's targets name its child's by position, as a Limit's do.
        unsafe {
            let sort = make_node::<pg_sys::Sort>(NodeTag::T_Sort);
            let plan = &raw mut (*sort).plan;
            (*plan).startup_cost = (*limit).total_cost;
            (*plan).total_cost = (*limit).total_cost;
            (*plan).plan_rows = (*limit).plan_rows;
            (*plan).plan_width = (*limit).plan_width;
            (*plan).parallel_safe = (*limit).parallel_safe;
            (*plan).plan_node_id = self.next_node_id;
            self.next_node_id += 1;
            (*plan).targetlist = pg_sys::copyObjectImpl((*limit).targetlist.cast()).cast();
            (*plan).lefttree = limit;
            (*plan).extParam = pg_sys::bms_copy((*limit).extParam);
            (*plan).allParam = pg_sys::bms_copy((*limit).allParam);
            (*sort).numCols = 1;
            (*sort).sortColIdx = one(key);
            (*sort).sortOperators = one(Oid::from(FLOAT8_LESS));
            (*sort).collations = one(Oid::INVALID);
            (*sort).nullsFirst = one(false);
            plan
        }
    }
}

/// `float8 < float8` in pg_operator.dat.
const FLOAT8_LESS: u32 = 672;

/// One value in memory of the current context.
unsafe fn one<T>(value: T) -> *mut T {
    // SAFETY: palloc'ed for exactly this value.
    unsafe {
        let place = pg_sys::palloc0(size_of::<T>()).cast::<T>();
        place.write(value);
        place
    }
}

/// Does this subtree deliver its rows in the order of a vector index?
unsafe fn delivers_by_distance(plan: *mut pg_sys::Plan) -> bool {
    // SAFETY: S2 by contract of the caller.
    unsafe {
        if plan.is_null() {
            return false;
        }
        match (*plan).type_ {
            NodeTag::T_IndexScan => is_vector_scan(plan.cast()),
            // Joins and projections keep the order of their outer side.
            NodeTag::T_Result | NodeTag::T_NestLoop | NodeTag::T_HashJoin | NodeTag::T_LockRows => {
                delivers_by_distance((*plan).lefttree)
            }
            NodeTag::T_SubqueryScan => {
                delivers_by_distance((*plan.cast::<pg_sys::SubqueryScan>()).subplan)
            }
            NodeTag::T_Append => list_items((*plan.cast::<pg_sys::Append>()).appendplans)
                .any(|child| delivers_by_distance(child)),
            NodeTag::T_MergeAppend => list_items((*plan.cast::<pg_sys::MergeAppend>()).mergeplans)
                .any(|child| delivers_by_distance(child)),
            _ => false,
        }
    }
}

/// The target that holds the distance: the only sorted one, of type double precision.
unsafe fn distance_column(limit: *mut pg_sys::Plan) -> Option<i16> {
    // SAFETY: S2 by contract of the caller; a Limit that delivers by distance has a child.
    unsafe {
        if (*limit.cast::<pg_sys::Limit>()).limitOption != pg_sys::LimitOption::LIMIT_OPTION_COUNT {
            return None;
        }
        // A Limit does not project: its targets are its child's, in the same places. Where core has
        // removed a trivial subquery scan above it, only the child still says what was sorted.
        let lists = [(*limit).targetlist, (*(*limit).lefttree).targetlist];
        lists.into_iter().find_map(|targets| sorted_target(targets))
    }
}

/// The only sorted target, if its type is double precision.
unsafe fn sorted_target(targets: *mut pg_sys::List) -> Option<i16> {
    // SAFETY: S2 by contract of the caller.
    unsafe {
        let mut sorted = list_items::<pg_sys::TargetEntry>(targets)
            .filter(|target| (**target).ressortgroupref != 0);
        let (only, none) = (sorted.next()?, sorted.next());
        let is_float = pg_sys::exprType((*only).expr.cast()) == pg_sys::FLOAT8OID;
        (none.is_none() && is_float).then_some((*only).resno)
    }
}

unsafe fn is_vector_scan(scan: *mut pg_sys::IndexScan) -> bool {
    // SAFETY: S2 by contract of the caller.
    unsafe { !(*scan).indexorderby.is_null() && catalog::is_vector_index((*scan).indexid) }
}

/// The places where a plan node keeps its children.
unsafe fn children(plan: *mut pg_sys::Plan) -> Vec<*mut *mut pg_sys::Plan> {
    // SAFETY: S2 by contract of the caller; each cast follows the node's tag.
    unsafe {
        let mut slots = vec![&raw mut (*plan).lefttree, &raw mut (*plan).righttree];
        match (*plan).type_ {
            NodeTag::T_SubqueryScan => {
                slots.push(&raw mut (*plan.cast::<pg_sys::SubqueryScan>()).subplan)
            }
            NodeTag::T_Append => {
                add_cells(&mut slots, (*plan.cast::<pg_sys::Append>()).appendplans)
            }
            NodeTag::T_MergeAppend => {
                add_cells(&mut slots, (*plan.cast::<pg_sys::MergeAppend>()).mergeplans);
            }
            _ => {}
        }
        slots
    }
}

unsafe fn add_cells(slots: &mut Vec<*mut *mut pg_sys::Plan>, list: *mut pg_sys::List) {
    if list.is_null() {
        return;
    }
    // SAFETY: S2 by contract of the caller; cells are contiguous.
    unsafe {
        for i in 0..(*list).length as usize {
            slots.push((&raw mut (*(*list).elements.add(i)).ptr_value).cast());
        }
    }
}

impl Query {
    /// How many rows it asks for, if it orders them by a distance.
    pub fn distance_limit(self) -> Option<Limit> {
        let by_distance = self.sort_targets().iter().any(|target| {
            matches!(target.expr().shape(), Shape::Operator(operator, ..)
                if operators::orders_by_distance(operator))
        });
        if !by_distance {
            return None;
        }
        // SAFETY: S2; each cast follows from the tag.
        unsafe {
            let mut limit = (*self.raw()).limitCount;
            // LIMIT is of type bigint: an integer parameter is cast.
            if let Some(node) = limit.as_ref()
                && node.type_ == NodeTag::T_FuncExpr
            {
                limit =
                    list_items::<pg_sys::Node>((*limit.cast::<pg_sys::FuncExpr>()).args).next()?;
            }
            let limit = limit.as_ref()?;
            Some(match limit.type_ {
                NodeTag::T_Const => {
                    let constant = &*std::ptr::from_ref(limit).cast::<pg_sys::Const>();
                    u32::try_from(constant.constvalue.value()).map_or(Limit::Unknown, Limit::Rows)
                }
                NodeTag::T_Param => {
                    let parameter = &*std::ptr::from_ref(limit).cast::<pg_sys::Param>();
                    u32::try_from(parameter.paramid).map_or(Limit::Unknown, Limit::Parameter)
                }
                _ => Limit::Unknown,
            })
        }
    }
}
