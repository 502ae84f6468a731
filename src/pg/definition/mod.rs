//! Statements that define or alter relations: views of their parse trees, and what their
//! expressions could do.

mod alter;
mod column;

pub use alter::{AlterTable, Change, Command};
pub use column::Column;

use super::node::list_items;
use super::raw;
use super::statement::{Lock, Name, Source, text};
use column::{constraint_runs_code, named_type};
use pgrx::pg_sys::{self, NodeTag, ObjectType, Oid};
use std::ffi::c_char;

/// CREATE TABLE and CREATE FOREIGN TABLE.
#[derive(Clone, Copy)]
pub struct CreateTable(*mut pg_sys::CreateStmt);

impl CreateTable {
    /// # Safety
    /// `statement` is live (S2); CreateForeignTableStmt begins with a CreateStmt.
    pub(super) unsafe fn new(statement: *mut pg_sys::CreateStmt) -> Self {
        Self(statement)
    }

    /// Has it parents (INHERITS, PARTITION OF)?
    pub fn has_parents(self) -> bool {
        // SAFETY: S2.
        unsafe { !(*self.0).inhRelations.is_null() }
    }

    /// Is it a foreign table?
    pub fn is_foreign(self) -> bool {
        // SAFETY: S2.
        unsafe { (*self.0.cast::<pg_sys::Node>()).type_ == NodeTag::T_CreateForeignTableStmt }
    }

    /// Could its columns and constraints run code of their author in other sessions?
    pub fn runs_code(self) -> bool {
        // SAFETY: S2; casts follow tags.
        unsafe {
            let constraints = list_items::<pg_sys::Constraint>((*self.0).constraints);
            constraints
                .into_iter()
                .any(|one| constraint_runs_code(one, Oid::INVALID))
                || list_items::<pg_sys::Node>((*self.0).tableElts).any(|element| {
                    match (*element).type_ {
                        NodeTag::T_ColumnDef => Column(element.cast()).runs_code(),
                        NodeTag::T_Constraint => constraint_runs_code(element.cast(), Oid::INVALID),
                        // LIKE may bring constraints and defaults of another table.
                        _ => true,
                    }
                })
        }
    }
}

/// CREATE INDEX.
#[derive(Clone, Copy)]
pub struct CreateIndex(*mut pg_sys::IndexStmt);

impl CreateIndex {
    /// # Safety
    /// `statement` is live (S2).
    pub(super) unsafe fn new(statement: *mut pg_sys::IndexStmt) -> Self {
        Self(statement)
    }

    /// The indexed relation, locked as the statement will lock it.
    pub fn relation(self) -> Option<Oid> {
        // SAFETY: S2.
        unsafe {
            let lock = if (*self.0).concurrent {
                Lock::SHARE_UPDATE
            } else {
                Lock::SHARE
            };
            Name::new((*self.0).relation)?.lock_own(lock)
        }
    }

    /// Does building it tell whether values of different rows are equal or overlap?
    pub fn compares_rows(self) -> bool {
        // SAFETY: S2.
        unsafe { (*self.0).unique || (*self.0).primary || !(*self.0).excludeOpNames.is_null() }
    }

    /// Could its expressions or its predicate disclose a value of a row, by a function of their
    /// author or by an error message? `relation` is locked, `source` the statement's text.
    pub fn leaks(self, relation: Oid, source: Source) -> bool {
        // SAFETY: S2, S4; analysis works on a copy.
        unsafe {
            let has_expression = list_items::<pg_sys::IndexElem>((*self.0).indexParams)
                .any(|column| !(*column).expr.is_null());
            if !has_expression && (*self.0).whereClause.is_null() {
                return false;
            }
            let copy = pg_sys::copyObjectImpl(self.0.cast()).cast::<pg_sys::IndexStmt>();
            let analysed = pg_sys::ffi::pg_guard_ffi_boundary(|| {
                raw::transformIndexStmt(relation, copy, source.0)
            });
            pg_sys::contain_leaked_vars((*analysed).whereClause)
                || list_items::<pg_sys::IndexElem>((*analysed).indexParams)
                    .any(|column| pg_sys::contain_leaked_vars((*column).expr))
        }
    }
}

/// CREATE STATISTICS.
#[derive(Clone, Copy)]
pub struct CreateStatistics(*mut pg_sys::CreateStatsStmt);

impl CreateStatistics {
    /// # Safety
    /// `statement` is live (S2).
    pub(super) unsafe fn new(statement: *mut pg_sys::CreateStatsStmt) -> Self {
        Self(statement)
    }

    /// The relation (core takes exactly one), locked as the statement will lock it.
    pub fn relation(self) -> Option<Oid> {
        // SAFETY: S2; anything but a plain name is core's to refuse.
        unsafe {
            let relation = list_items::<pg_sys::Node>((*self.0).relations).next()?;
            if (*relation).type_ != NodeTag::T_RangeVar {
                return None;
            }
            Name::new(relation.cast())?.lock_own(Lock::SHARE_UPDATE)
        }
    }

    /// Has it expressions? ANALYZE would evaluate them for rows of all tenants.
    pub fn has_expressions(self) -> bool {
        // SAFETY: S2.
        unsafe {
            list_items::<pg_sys::StatsElem>((*self.0).exprs)
                .any(|element| !(*element).expr.is_null())
        }
    }
}

/// ALTER DOMAIN.
#[derive(Clone, Copy)]
pub struct AlterDomain(*mut pg_sys::AlterDomainStmt);

impl AlterDomain {
    /// # Safety
    /// `statement` is live (S2).
    pub(super) unsafe fn new(statement: *mut pg_sys::AlterDomainStmt) -> Self {
        Self(statement)
    }

    /// The domain; `None` if there is none of this name.
    pub fn type_oid(self) -> Option<Oid> {
        // SAFETY: S2, S3, S4.
        unsafe { named_type(pg_sys::makeTypeNameFromNameList((*self.0).typeName)) }
    }
}

/// ALTER … RENAME.
#[derive(Clone, Copy)]
pub struct Rename(*mut pg_sys::RenameStmt);

impl Rename {
    /// # Safety
    /// `statement` is live (S2).
    pub(super) unsafe fn new(statement: *mut pg_sys::RenameStmt) -> Self {
        Self(statement)
    }

    /// The relation that is renamed or whose part is renamed, locked as the statement will.
    pub fn relation(self) -> Option<Oid> {
        // SAFETY: S2.
        unsafe {
            let index = (*self.0).renameType == ObjectType::OBJECT_INDEX;
            let lock = if index {
                Lock::SHARE_UPDATE
            } else {
                Lock::ACCESS_EXCLUSIVE
            };
            Name::new((*self.0).relation)?.lock_own(lock)
        }
    }

    /// The old and the new name of a column; `None` if something else is renamed.
    pub fn column(self) -> Option<(String, String)> {
        // SAFETY: S2.
        unsafe {
            ((*self.0).renameType == ObjectType::OBJECT_COLUMN)
                .then(|| (owned((*self.0).subname), owned((*self.0).newname)))
        }
    }

    /// Is it an attribute of a composite type (and a column of the tables made of it)?
    pub fn is_attribute(self) -> bool {
        // SAFETY: S2.
        unsafe { (*self.0).renameType == ObjectType::OBJECT_ATTRIBUTE }
    }

    /// The schema that is renamed; `None` if something else is.
    pub fn schema(self) -> Option<String> {
        // SAFETY: S2.
        unsafe {
            ((*self.0).renameType == ObjectType::OBJECT_SCHEMA).then(|| owned((*self.0).subname))
        }
    }
}

/// # Safety
/// As [`text`].
unsafe fn owned(value: *const c_char) -> String {
    // SAFETY: by contract.
    String::from_utf8_lossy(unsafe { text(value) }).into_owned()
}

/// CREATE and ALTER PUBLICATION.
#[derive(Clone, Copy)]
pub struct Publication {
    objects: *mut pg_sys::List,
    all_tables: bool,
}

impl Publication {
    /// # Safety
    /// `objects` is null or a live list of PublicationObjSpec (S2).
    pub(super) unsafe fn new(objects: *mut pg_sys::List, all_tables: bool) -> Self {
        Self {
            objects,
            all_tables,
        }
    }

    /// Does it take in tables that it does not name?
    pub fn is_sweeping(self) -> bool {
        // SAFETY: S2.
        self.all_tables
            || self
                .specs()
                .any(|spec| unsafe { (*spec).pubtable.is_null() })
    }

    /// The tables that it names.
    pub fn tables(self) -> impl Iterator<Item = Oid> {
        // SAFETY: S2.
        self.specs().filter_map(|spec| unsafe {
            let table = (*spec).pubtable;
            if table.is_null() {
                return None;
            }
            Name::new((*table).relation)?.lock_own(Lock::SHARE_UPDATE)
        })
    }

    fn specs(self) -> impl Iterator<Item = *mut pg_sys::PublicationObjSpec> {
        list_items(self.objects)
    }
}

/// The composite type of a relation.
pub fn row_type(relation: Oid) -> Oid {
    // SAFETY: S3.
    unsafe { pg_sys::get_rel_type_id(relation) }
}
