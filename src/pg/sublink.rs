//! Sub-selects in expressions: where they stand, and bounds of what they read.

use super::carry::Kind;
use super::node::{Expr, Query, Rte, TargetList, make_node};
use super::output::read_from;
use super::{compat, steady};
use pgrx::pg_sys::{self, NodeTag, Oid};
use std::ffi::c_void;
use std::ptr::{NonNull, null_mut};

/// A sub-select in an expression.
#[derive(Clone, Copy)]
pub struct Sublink {
    node: NonNull<pg_sys::SubLink>,
    /// Does it stand where variables of the level mean what they mean in its target list?
    pub is_beside_targets: bool,
}

impl Query {
    /// The sub-selects whose rows become part of this level's rows: those of the target list, of what
    /// FROM computes and, but for EXISTS, those of the conditions.
    pub fn data_sublinks(self) -> Vec<Sublink> {
        // SAFETY: S2.
        unsafe {
            let query = self.raw();
            if !(*query).hasSubLinks {
                return Vec::new();
            }
            let grouped = self.is_grouped();
            let mut found = sublinks((*query).targetList.cast(), !grouped, true);
            let from = (*query).jointree;
            if !from.is_null() {
                found.extend(sublinks((*from).quals, !grouped, false));
                found.extend(sublinks((*from).fromlist.cast(), false, false));
            }
            found.extend(sublinks((*query).havingQual, false, false));
            for (_, rte) in self.rtes() {
                found.extend(entry_sublinks(rte));
            }
            found
        }
    }

    /// The sub-selects in what these entries of FROM compute.
    pub fn entry_sublinks(self, entries: &[u32]) -> Vec<Sublink> {
        let entries = entries.iter().filter_map(|index| self.rte(*index));
        // SAFETY: S2.
        entries
            .flat_map(|rte| unsafe { entry_sublinks(rte) })
            .collect()
    }

    /// The sub-selects in RETURNING.
    pub fn returning_sublinks(self) -> Vec<Sublink> {
        // SAFETY: S2.
        unsafe { sublinks((*self.raw()).returningList.cast(), true, true) }
    }

    /// `(SELECT aggregate(column) FROM (this) s)`: this query, nested in a level, becomes a value of it.
    pub fn into_bound(self, column: i16, aggregate: Oid, kind: Kind) -> Expr {
        // SAFETY: S2; every node is new, and what refers to outer levels goes one up.
        unsafe {
            pg_sys::IncrementVarSublevelsUp(self.raw().cast(), 1, 1);
            let outer = make_node::<pg_sys::Query>(NodeTag::T_Query);
            (*outer).commandType = pg_sys::CmdType::CMD_SELECT;
            (*outer).querySource = pg_sys::QuerySource::QSRC_ORIGINAL;
            (*outer).canSetTag = true;
            read_from(outer, self.raw());
            let wrapper = Query::new(outer);
            if let Some(wrapper) = wrapper {
                wrapper.name_columns(1, column);
                let value = wrapper.aggregate(aggregate, wrapper.column(1, column, kind), kind);
                wrapper.append_output(value);
            }
            let sublink = make_node::<pg_sys::SubLink>(NodeTag::T_SubLink);
            (*sublink).subLinkType = pg_sys::SubLinkType::EXPR_SUBLINK;
            (*sublink).subselect = outer.cast();
            (*sublink).location = -1;
            Expr::from_raw(sublink.cast())
        }
    }

    /// Do its expressions contain sub-selects?
    pub fn has_sublinks(self) -> bool {
        // SAFETY: S2.
        unsafe { (*self.raw()).hasSubLinks }
    }

    /// Notes that its expressions contain sub-selects.
    pub fn has_gained_sublinks(self) {
        // SAFETY: S2.
        unsafe { (*self.raw()).hasSubLinks = true };
    }
}

impl TargetList {
    /// The sub-selects in the values.
    pub fn sublinks(self) -> Vec<Sublink> {
        // SAFETY: S2; a List is a node.
        unsafe { sublinks(self.raw().cast(), true, true) }
    }
}

impl Sublink {
    /// Its query.
    pub fn query(self) -> Option<Query> {
        // SAFETY: S2.
        unsafe { Query::new((*self.node.as_ptr()).subselect.cast()) }
    }

    /// Does it read columns of the level that it stands in?
    pub fn is_correlated(self) -> bool {
        // SAFETY: S2; the walkers only read.
        unsafe {
            let query = (*self.node.as_ptr()).subselect;
            pg_sys::contain_vars_of_level(query, 1) || pg_sys::contain_aggs_of_level(query, 1)
        }
    }

    /// A copy of its query that finds every row that it could find, LIMIT put aside. `None` if a
    /// second reading could find others. `outer` are the levels around it, whose WITH queries it may
    /// read once more.
    pub fn copied(self, outer: &[Query]) -> Option<Query> {
        let query = self.query().filter(|query| steady::is_repeatable(*query))?;
        // SAFETY: S2; a copy with nodes of its own.
        let copy = unsafe {
            let copy = pg_sys::copyObjectImpl(query.raw().cast()).cast::<pg_sys::Query>();
            (*copy).limitCount = null_mut();
            (*copy).limitOffset = null_mut();
            (*copy).limitOption = pg_sys::LimitOption::LIMIT_OPTION_COUNT;
            if (*copy).hasDistinctOn {
                (*copy).hasDistinctOn = false;
                (*copy).distinctClause = null_mut();
            }
            Query::new(copy)?
        };
        let count = &mut |level: Query| {
            let names = level.rtes().filter_map(|(_, rte)| rte.with_name());
            for (name, _) in names {
                for with in outer.iter().filter_map(|level| level.with_entry(&name)) {
                    with.is_read_once_more();
                }
            }
            Ok::<(), ()>(())
        };
        copy.visit(count).ok()?;
        Some(copy)
    }
}

/// # Safety
/// The entry is live (S2).
unsafe fn entry_sublinks(rte: Rte) -> Vec<Sublink> {
    // SAFETY: by contract; each field belongs to its kind.
    unsafe {
        let rte = rte.raw();
        let place: *mut pg_sys::Node = match (*rte).rtekind {
            pg_sys::RTEKind::RTE_FUNCTION => (*rte).functions.cast(),
            pg_sys::RTEKind::RTE_TABLEFUNC => (*rte).tablefunc.cast(),
            pg_sys::RTEKind::RTE_VALUES => (*rte).values_lists.cast(),
            _ => null_mut(),
        };
        sublinks(place, false, true)
    }
}

/// The sub-selects in `node`, those nested in them left out; EXISTS counts only if `with_exists`.
///
/// # Safety
/// `node` is null or live (S2).
unsafe fn sublinks(
    node: *mut pg_sys::Node,
    is_beside_targets: bool,
    with_exists: bool,
) -> Vec<Sublink> {
    struct Found {
        all: Vec<NonNull<pg_sys::SubLink>>,
        with_exists: bool,
    }
    #[pgrx::pg_guard]
    unsafe extern "C-unwind" fn collect(node: *mut pg_sys::Node, cx: *mut c_void) -> bool {
        if node.is_null() {
            return false;
        }
        // SAFETY: S2; `cx` is borrowed for the walk.
        unsafe {
            if (*node).type_ == NodeTag::T_SubLink {
                let sublink = node.cast::<pg_sys::SubLink>();
                let is_exists = (*sublink).subLinkType == pg_sys::SubLinkType::EXISTS_SUBLINK;
                let found = &mut *cx.cast::<Found>();
                if !is_exists || found.with_exists {
                    found.all.extend(NonNull::new(sublink));
                }
                return collect((*sublink).testexpr, cx);
            }
            compat::walk_expression(node, collect, cx)
        }
    }
    let mut found = Found {
        all: Vec::new(),
        with_exists,
    };
    // SAFETY: by contract; the walker only reads, and does not go into queries.
    unsafe { collect(node, (&raw mut found).cast()) };
    let sublink = |node| Sublink {
        node,
        is_beside_targets,
    };
    found.all.into_iter().map(sublink).collect()
}
