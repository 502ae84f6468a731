//! Small `Copy` views of the parse tree: [`Query`], [`Rte`], [`Expr`].
//!
//! A view is only made from a tree that the planner handed to us (it is the planner's private
//! copy) or from nodes built in the current memory context, and lives no longer than the hook
//! call it was made in (S2). That is why its methods are safe to call.

mod entry;
mod nested;
mod query;
mod security;
mod targets;

pub(super) use nested::sublinks_in;
pub use security::{CheckKind, Verdict};
pub use targets::TargetList;

use pgrx::pg_sys::{self, NodeTag, Oid};
use std::ptr::NonNull;

/// An analysed and rewritten query level.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Query(NonNull<pg_sys::Query>);

/// A range-table entry.
#[derive(Clone, Copy)]
pub struct Rte(NonNull<pg_sys::RangeTblEntry>);

/// An expression node.
#[derive(Clone, Copy)]
pub struct Expr(NonNull<pg_sys::Node>);

/// What a query level does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    Select,
    Insert,
    Update,
    Delete,
    Merge,
    /// A kind that this version of ward does not know.
    Other,
}

impl Query {
    /// A view of the query that a hook received; `None` for a null pointer.
    ///
    /// # Safety
    /// `query` is null or a live Query that may be changed in place (S2).
    pub unsafe fn new(query: *mut pg_sys::Query) -> Option<Self> {
        NonNull::new(query).map(Self)
    }

    pub(super) fn raw(self) -> *mut pg_sys::Query {
        self.0.as_ptr()
    }

    fn get(&self) -> &pg_sys::Query {
        // SAFETY: S2.
        unsafe { self.0.as_ref() }
    }
}

impl Rte {
    pub(super) fn raw(self) -> *mut pg_sys::RangeTblEntry {
        self.0.as_ptr()
    }

    fn get(&self) -> &pg_sys::RangeTblEntry {
        // SAFETY: S2.
        unsafe { self.0.as_ref() }
    }
}

impl Expr {
    /// A view of an expression node.
    ///
    /// # Safety
    /// `node` is a live expression node (S2).
    pub(super) unsafe fn from_raw(node: *mut pg_sys::Node) -> Self {
        debug_assert!(!node.is_null());
        // SAFETY: by contract.
        Self(unsafe { NonNull::new_unchecked(node) })
    }

    pub(super) fn raw(self) -> *mut pg_sys::Node {
        self.0.as_ptr()
    }

    /// The value of the `n`th argument of a function call, when it is an OID constant.
    pub fn oid_argument(self, n: usize) -> Option<Oid> {
        // SAFETY: S2; node tags are checked before each cast.
        unsafe {
            if (*self.raw()).type_ != NodeTag::T_FuncExpr {
                return None;
            }
            let args = (*self.raw().cast::<pg_sys::FuncExpr>()).args;
            let arg = list_items::<pg_sys::Node>(args).nth(n)?;
            if (*arg).type_ != NodeTag::T_Const {
                return None;
            }
            let constant = &*arg.cast::<pg_sys::Const>();
            let is_oid = [pg_sys::REGCLASSOID, pg_sys::OIDOID].contains(&constant.consttype);
            (is_oid && !constant.constisnull).then(|| Oid::from(constant.constvalue.value() as u32))
        }
    }
}

/// The elements of a C list of pointers.
pub(super) fn list_items<T>(list: *mut pg_sys::List) -> impl Iterator<Item = *mut T> {
    // SAFETY: S2 (the list is null or live, and is not resized while iterating by index).
    let length = unsafe { list.as_ref() }.map_or(0, |list| list.length);
    // SAFETY: S2; `i` is below the length read above.
    (0..length).map(move |i| unsafe { (*(*list).elements.add(i as usize)).ptr_value.cast() })
}

/// A zeroed node of this tag in the current memory context.
///
/// # Safety
/// `T` is the struct that belongs to `tag`.
pub(super) unsafe fn make_node<T>(tag: NodeTag) -> *mut T {
    // SAFETY: by contract; a node's first field is its tag.
    unsafe {
        let node = pg_sys::palloc0(size_of::<T>()).cast::<T>();
        (*node.cast::<pg_sys::Node>()).type_ = tag;
        node
    }
}
