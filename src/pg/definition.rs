//! Statements that define or alter relations: views of their parse trees, and what their
//! expressions could do.

use super::{catalog, raw};
use super::node::list_items;
use super::statement::{Lock, Name, Source, text};
use pgrx::pg_sys::{self, AlterTableType, ConstrType, NodeTag, ObjectType, Oid};
use std::ffi::{CStr, c_char};

/// ALTER TABLE and its like.
#[derive(Clone, Copy)]
pub struct AlterTable(*mut pg_sys::AlterTableStmt);

/// One of its commands.
#[derive(Clone, Copy)]
pub struct Command(*mut pg_sys::AlterTableCmd);

/// What a command of ALTER TABLE does, as far as ward cares.
#[derive(Clone, Copy)]
pub enum Change {
    /// Storage parameters, statistics targets, dropping NOT NULL: reads no row, runs no expression.
    Harmless,
    AddColumn(Column),
    /// SET or DROP DEFAULT; the new default, if any.
    Default(Option<Expression>),
    DropColumn,
    ColumnType,
    /// ATTACH PARTITION: the partition.
    Attach(Name),
    /// DETACH PARTITION: the partition.
    Detach(Name),
    /// INHERIT: the new parent.
    Inherit(Name),
    /// NO INHERIT: the former parent.
    Disinherit(Name),
    /// Anything else, also what this version does not know.
    Other,
}

impl AlterTable {
    /// # Safety
    /// `statement` is live (S2).
    pub(super) unsafe fn new(statement: *mut pg_sys::AlterTableStmt) -> Self {
        Self(statement)
    }

    /// The relation, locked as the statement will lock it.
    pub fn relation(self) -> Option<Oid> {
        // SAFETY: S2, S4.
        unsafe {
            let lock = Lock(pg_sys::AlterTableGetLockLevel((*self.0).cmds));
            Name::new((*self.0).relation)?.lock_own(lock)
        }
    }

    /// Does it alter a composite type (and the tables that are made of it)?
    pub fn is_type(self) -> bool {
        // SAFETY: S2.
        unsafe { (*self.0).objtype == ObjectType::OBJECT_TYPE }
    }

    /// Its commands.
    pub fn commands(self) -> impl Iterator<Item = Command> {
        // SAFETY: S2.
        list_items(unsafe { (*self.0).cmds }).map(Command)
    }
}

impl Command {
    /// The column it is about; empty if none.
    pub fn column(self) -> &'static [u8] {
        // SAFETY: S2; used within the hook call.
        unsafe { text((*self.0).name) }
    }

    /// What it does.
    pub fn change(self) -> Change {
        // SAFETY: S2; `def` has the type that belongs to the subtype.
        unsafe {
            let def = (*self.0).def;
            match (*self.0).subtype {
                AlterTableType::AT_AddColumn => Change::AddColumn(Column(def.cast())),
                AlterTableType::AT_ColumnDefault => Change::Default(Expression::new(def)),
                AlterTableType::AT_DropColumn => Change::DropColumn,
                AlterTableType::AT_AlterColumnType => Change::ColumnType,
                AlterTableType::AT_AttachPartition => partition(def).map_or(Change::Other, Change::Attach),
                AlterTableType::AT_DetachPartition | AlterTableType::AT_DetachPartitionFinalize => {
                    partition(def).map_or(Change::Other, Change::Detach)
                }
                AlterTableType::AT_AddInherit => Name::new(def.cast()).map_or(Change::Other, Change::Inherit),
                AlterTableType::AT_DropInherit => {
                    Name::new(def.cast()).map_or(Change::Other, Change::Disinherit)
                }
                AlterTableType::AT_DropNotNull
                | AlterTableType::AT_SetStatistics
                | AlterTableType::AT_SetOptions
                | AlterTableType::AT_ResetOptions
                | AlterTableType::AT_SetStorage
                | AlterTableType::AT_SetCompression
                | AlterTableType::AT_SetRelOptions
                | AlterTableType::AT_ResetRelOptions
                | AlterTableType::AT_ClusterOn
                | AlterTableType::AT_DropCluster => Change::Harmless,
                _ => Change::Other,
            }
        }
    }
}

/// # Safety
/// `def` is null or a PartitionCmd (S2).
unsafe fn partition(def: *mut pg_sys::Node) -> Option<Name> {
    // SAFETY: by contract.
    unsafe {
        if def.is_null() {
            return None;
        }
        Name::new((*def.cast::<pg_sys::PartitionCmd>()).name)
    }
}

/// The definition of a column.
#[derive(Clone, Copy)]
pub struct Column(*mut pg_sys::ColumnDef);

impl Column {
    /// Could the column run code of its author in other sessions, or over existing rows?
    ///
    /// Plain columns cannot: of a base type, with at most NOT NULL, an identity or a plain default.
    pub fn runs_code(self) -> bool {
        // SAFETY: S2.
        unsafe {
            let Some(type_oid) = named_type((*self.0).typeName) else {
                // serial and its like are no types, and harmless; an unknown type is core's to refuse.
                return false;
            };
            type_runs_code(type_oid)
                || list_items::<pg_sys::Constraint>((*self.0).constraints)
                    .any(|one| constraint_runs_code(one, type_oid))
        }
    }
}

/// # Safety
/// `constraint` is live (S2).
unsafe fn constraint_runs_code(constraint: *mut pg_sys::Constraint, column_type: Oid) -> bool {
    // SAFETY: by contract.
    unsafe {
        match (*constraint).contype {
            ConstrType::CONSTR_NULL
            | ConstrType::CONSTR_NOTNULL
            | ConstrType::CONSTR_IDENTITY
            | ConstrType::CONSTR_ATTR_DEFERRABLE
            | ConstrType::CONSTR_ATTR_NOT_DEFERRABLE
            | ConstrType::CONSTR_ATTR_DEFERRED
            | ConstrType::CONSTR_ATTR_IMMEDIATE => false,
            ConstrType::CONSTR_DEFAULT => {
                Expression::new((*constraint).raw_expr).is_some_and(|default| !default.is_plain(column_type))
            }
            _ => true,
        }
    }
}

/// The type of this name; `None` if there is none.
///
/// # Safety
/// `name` is null or live (S2).
unsafe fn named_type(name: *mut pg_sys::TypeName) -> Option<Oid> {
    // SAFETY: by contract, S3, S4.
    unsafe {
        if name.is_null() {
            return None;
        }
        let found = pg_sys::LookupTypeName(std::ptr::null_mut(), name, std::ptr::null_mut(), true);
        if found.is_null() {
            return None;
        }
        let type_oid = pg_sys::typeTypeId(found);
        pg_sys::ReleaseSysCache(found);
        Some(type_oid)
    }
}

/// Does this type check its values with code that a user wrote (a domain, or a type made of one)?
fn type_runs_code(type_oid: Oid) -> bool {
    // SAFETY: S3.
    unsafe {
        let element = pg_sys::get_element_type(type_oid);
        let type_oid = if element == Oid::INVALID { type_oid } else { element };
        let kind = pg_sys::get_typtype(type_oid) as u8;
        catalog::is_user_object(type_oid)
            && ![pg_sys::TYPTYPE_BASE, pg_sys::TYPTYPE_ENUM].contains(&kind)
    }
}

/// An expression as written, not yet analysed.
#[derive(Clone, Copy)]
pub struct Expression(*mut pg_sys::Node);

impl Expression {
    /// # Safety
    /// `node` is null or a live raw expression (S2).
    unsafe fn new(node: *mut pg_sys::Node) -> Option<Self> {
        (!node.is_null()).then_some(Self(node))
    }

    /// Is it, for a column of this type, a constant, the time or a fresh identifier: nothing that
    /// runs a user's code?
    pub fn is_plain(self, column_type: Oid) -> bool {
        // SAFETY: S2; casts follow tags.
        unsafe {
            if is_text_constant(self.0) {
                return true;
            }
            // Assigning any other value to a user's type may call a user's cast.
            if catalog::is_user_object(column_type) {
                return false;
            }
            match (*self.0).type_ {
                NodeTag::T_A_Const | NodeTag::T_SQLValueFunction => true,
                NodeTag::T_TypeCast => {
                    let cast = &*self.0.cast::<pg_sys::TypeCast>();
                    is_text_constant(cast.arg)
                        && named_type(cast.typeName).is_some_and(|named| !catalog::is_user_object(named))
                }
                NodeTag::T_FuncCall => {
                    let call = &*self.0.cast::<pg_sys::FuncCall>();
                    call.args.is_null() && is_plain_function(call.funcname)
                }
                _ => false,
            }
        }
    }
}

/// A quoted text or NULL: casting one calls the type's input function and no cast function.
///
/// # Safety
/// `node` is live (S2).
unsafe fn is_text_constant(node: *mut pg_sys::Node) -> bool {
    // SAFETY: by contract.
    unsafe {
        if (*node).type_ != NodeTag::T_A_Const {
            return false;
        }
        let constant = &*node.cast::<pg_sys::A_Const>();
        constant.isnull || constant.val.node.type_ == NodeTag::T_String
    }
}

/// Functions without arguments that make good defaults and do nothing else.
const PLAIN_FUNCTIONS: [&CStr; 7] = [
    c"now",
    c"clock_timestamp",
    c"statement_timestamp",
    c"transaction_timestamp",
    c"gen_random_uuid",
    c"uuidv4",
    c"uuidv7",
];

/// # Safety
/// `name` is a live list of String nodes (S2).
unsafe fn is_plain_function(name: *mut pg_sys::List) -> bool {
    // SAFETY: by contract, S3; the name is resolved, since a search_path may hide core's function.
    unsafe {
        let function = pg_sys::LookupFuncName(name, 0, std::ptr::null(), true);
        if function == Oid::INVALID || catalog::is_user_object(function) {
            return false;
        }
        let name = pg_sys::get_func_name(function);
        !name.is_null() && PLAIN_FUNCTIONS.contains(&CStr::from_ptr(name))
    }
}

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
            constraints.into_iter().any(|one| constraint_runs_code(one, Oid::INVALID))
                || list_items::<pg_sys::Node>((*self.0).tableElts).any(|element| match (*element).type_ {
                    NodeTag::T_ColumnDef => Column(element.cast()).runs_code(),
                    NodeTag::T_Constraint => constraint_runs_code(element.cast(), Oid::INVALID),
                    // LIKE may bring constraints and defaults of another table.
                    _ => true,
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
            let lock = if (*self.0).concurrent { Lock::SHARE_UPDATE } else { Lock::SHARE };
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
            list_items::<pg_sys::StatsElem>((*self.0).exprs).any(|element| !(*element).expr.is_null())
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
        unsafe {
            named_type(pg_sys::makeTypeNameFromNameList((*self.0).typeName))
        }
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
            let lock = if index { Lock::SHARE_UPDATE } else { Lock::ACCESS_EXCLUSIVE };
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

    /// The schema that is renamed; `None` if something else is.
    pub fn schema(self) -> Option<String> {
        // SAFETY: S2.
        unsafe { ((*self.0).renameType == ObjectType::OBJECT_SCHEMA).then(|| owned((*self.0).subname)) }
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
        Self { objects, all_tables }
    }

    /// Does it take in tables that it does not name?
    pub fn is_sweeping(self) -> bool {
        // SAFETY: S2.
        self.all_tables || self.specs().any(|spec| unsafe { (*spec).pubtable.is_null() })
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
