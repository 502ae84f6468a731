//! COPY: its statement, its conversion into queries, and feeding rows into an INSERT.
//!
//! `COPY t (a, b) FROM … WHERE w` is carried out as
//!
//! ```sql
//! INSERT INTO t (a, b, c) OVERRIDING SYSTEM VALUE
//! SELECT * FROM (SELECT (s.r).a, (s.r).b, (s.r).c
//!                FROM (SELECT ward_internal.copy_rows(NULL::t) AS r) s) t
//! WHERE w
//! ```
//!
//! where `copy_rows` hands out the rows that core's own COPY machinery reads. The INSERT names every
//! column that can be written, because that machinery has computed the defaults already. It is built
//! from nodes, never from text; a function in a target list streams, where one in FROM would first
//! store all rows.

mod insert;
mod rows;

pub use rows::{on_event, run};

use super::node::{list_items, make_node};
use super::statement::{Lock, Name, text};
use insert::{column_names, column_ref, range_var, select, target};
use pgrx::pg_sys::{self, NodeTag, Oid};
use std::ptr::null_mut;

/// A COPY statement.
#[derive(Clone, Copy)]
pub struct Statement(*mut pg_sys::CopyStmt);

/// `COPY (SELECT …) TO` in place of `COPY t TO`.
pub struct Query(*mut pg_sys::CopyStmt);

/// `COPY t FROM`, to be carried out by [`run`]; the relation is locked.
#[derive(Clone, Copy)]
pub struct Job {
    statement: *mut pg_sys::CopyStmt,
    relation: Oid,
}

impl Statement {
    /// # Safety
    /// `statement` is live (S2).
    pub(super) unsafe fn new(statement: *mut pg_sys::CopyStmt) -> Self {
        Self(statement)
    }

    fn get(&self) -> &pg_sys::CopyStmt {
        // SAFETY: S2.
        unsafe { &*self.0 }
    }

    /// Is it FROM (else TO)?
    pub fn is_from(self) -> bool {
        self.get().is_from
    }

    /// Does it name a table (else a query)?
    pub fn names_table(self) -> bool {
        !self.get().relation.is_null()
    }

    /// The table, locked as core will lock it; `None` if there is none of this name.
    pub fn lock_table(self) -> Option<Oid> {
        let lock = if self.is_from() {
            Lock::ROW_EXCLUSIVE
        } else {
            Lock::ACCESS_SHARE
        };
        // SAFETY: S2.
        unsafe { Name::new(self.get().relation)?.lock(lock) }
    }

    /// Has it the option FREEZE?
    pub fn freezes(self) -> bool {
        // SAFETY: S2, S4.
        self.option(b"freeze")
            .is_some_and(|option| unsafe { pg_sys::defGetBoolean(option) })
    }

    /// Has it an ON_ERROR other than `stop`?
    pub fn skips_errors(self) -> bool {
        // SAFETY: S2, S4.
        self.option(b"on_error").is_some_and(|option| unsafe {
            !text(pg_sys::defGetString(option)).eq_ignore_ascii_case(b"stop")
        })
    }

    fn option(self, name: &[u8]) -> Option<*mut pg_sys::DefElem> {
        // SAFETY: S2.
        list_items::<pg_sys::DefElem>(self.get().options)
            .find(|option| unsafe { text((**option).defname) } == name)
    }

    /// The role that core requires for COPY FROM a file or program, if the current one lacks it.
    pub fn missing_server_role(self) -> Option<&'static str> {
        let statement = self.get();
        if statement.filename.is_null() {
            return None;
        }
        let (role, name) = if statement.is_program {
            (
                pg_sys::ROLE_PG_EXECUTE_SERVER_PROGRAM,
                "pg_execute_server_program",
            )
        } else {
            (pg_sys::ROLE_PG_READ_SERVER_FILES, "pg_read_server_files")
        };
        let user = super::catalog::current_user();
        (!super::catalog::has_privileges_of(user, Oid::from(role))).then_some(name)
    }

    /// The same COPY TO from a query that reads what the table would have given.
    ///
    /// As with a plain table, children are left out; of a partitioned table, whose own COPY core
    /// refuses, all partitions are read.
    pub fn as_query(self, relation: Oid) -> Query {
        // SAFETY: S2, S3; nodes are built in the statement's context.
        unsafe {
            let kind = super::catalog::relation_kind(relation);
            let from = range_var(relation, kind == Some(pg_sys::RELKIND_PARTITIONED_TABLE));
            let mut targets = null_mut();
            for name in column_names(relation, self.get().attlist) {
                targets = pg_sys::lappend(targets, target(null_mut(), column_ref(&[name])).cast());
            }
            let copy = pg_sys::copyObjectImpl(self.0.cast()).cast::<pg_sys::CopyStmt>();
            (*copy).relation = null_mut();
            (*copy).attlist = null_mut();
            (*copy).query = select(targets, from.cast(), null_mut()).cast();
            Query(copy)
        }
    }

    /// COPY FROM as a job of ward's own.
    pub fn as_insert(self, relation: Oid) -> Job {
        Job {
            statement: self.0,
            relation,
        }
    }
}

impl Query {
    /// A utility statement that runs this in place of `statement`.
    ///
    /// # Safety
    /// `statement` is live (S2).
    pub unsafe fn replacing(self, statement: *mut pg_sys::PlannedStmt) -> *mut pg_sys::PlannedStmt {
        // SAFETY: by contract; a shallow copy, whose only change is the statement.
        unsafe {
            let copy = make_node::<pg_sys::PlannedStmt>(NodeTag::T_PlannedStmt);
            copy.copy_from_nonoverlapping(statement, 1);
            (*copy).utilityStmt = self.0.cast();
            copy
        }
    }
}
