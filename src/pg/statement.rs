//! Utility statements as they reach the utility hook: small `Copy` views of their parse trees.
//!
//! A view lives no longer than the hook call it was made in (S2). The tree is only read: it may
//! belong to a cached plan.

use super::definition::{AlterDomain, AlterTable, CreateIndex, CreateStatistics, CreateTable};
use super::definition::{Publication, Rename};
use super::node::list_items;
use super::{compat, copy};
use pgrx::pg_sys::{self, NodeTag, Oid};
use std::ffi::{CStr, c_char};

/// What a utility statement is, as far as ward cares.
#[derive(Clone, Copy)]
pub enum Statement {
    /// BEGIN, COMMIT, ROLLBACK, SAVEPOINT and their like.
    Transaction,
    Discard,
    Set(Set),
    Load,
    /// LISTEN or NOTIFY of a channel.
    Channel {
        /// Is it NOTIFY?
        notifies: bool,
        /// Is the channel that of the audit's alerts?
        is_alert: bool,
    },
    Explain {
        /// EXPLAIN of CREATE TABLE AS, which ANALYZE really carries out.
        creates_table: bool,
    },
    /// CREATE TABLE AS, SELECT INTO, CREATE and REFRESH MATERIALIZED VIEW.
    CreateTableAs {
        /// Is it a table, made by a query that the statement itself contains?
        is_plain: bool,
        /// The names that its columns get.
        names: Names,
    },
    Copy(copy::Statement),
    AlterTable(AlterTable),
    CreateTable(CreateTable),
    CreateIndex(CreateIndex),
    CreateStatistics(CreateStatistics),
    AlterDomain(AlterDomain),
    Rename(Rename),
    /// ALTER … SET SCHEMA of a relation.
    SetSchema(Name),
    /// CREATE or ALTER POLICY.
    Policy(Name),
    Trigger(Name),
    Rule(Name),
    Publication(Publication),
    ReassignOwned,
    /// ALTER or DROP EXTENSION of the extension ward.
    AlterWard,
    Other,
}

/// The column names in `CREATE TABLE t (names) AS`, for as long as the statement runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Names(usize);

impl Names {
    /// No list of names.
    pub const NONE: Self = Self(0);

    /// # Safety
    /// `create` is live (S2).
    unsafe fn of(create: *mut pg_sys::CreateTableAsStmt) -> Self {
        // SAFETY: by contract.
        Self(unsafe { (*(*create).into).colNames } as usize)
    }

    /// The names, those of the first columns.
    pub fn list(self) -> Vec<String> {
        // SAFETY: S2; asked while the statement runs, and a list of strings by the grammar.
        list_items::<pg_sys::Node>(self.0 as *mut pg_sys::List)
            .map(|name| unsafe {
                String::from_utf8_lossy(text((*name.cast::<pg_sys::String>()).sval)).into_owned()
            })
            .collect()
    }
}

/// The text of the statement that a hook received; core reads it for error positions.
#[derive(Clone, Copy)]
pub struct Source(pub(super) *const c_char);

impl Source {
    /// # Safety
    /// `text` is null or a live C string (S2).
    pub unsafe fn new(text: *const c_char) -> Self {
        Self(text)
    }

    pub(crate) fn raw(self) -> *const c_char {
        self.0
    }

    /// Where the text stands; core passes it on to the planner.
    pub fn address(self) -> usize {
        self.0 as usize
    }

    /// The text. For use within the hook call only.
    pub fn bytes(self) -> &'static [u8] {
        // SAFETY: by the contract of new().
        unsafe { text(self.0) }
    }

    /// A copy that lives as long as the statement, changed by `f`.
    pub fn changed(self, f: impl FnOnce(&mut [u8])) -> Self {
        if self.0.is_null() {
            return self;
        }
        // SAFETY: by the contract of new(); the copy is nobody else's yet.
        unsafe {
            let copy = pg_sys::pstrdup(self.0);
            f(super::activity::bytes_of(copy));
            Self(copy)
        }
    }
}

/// A relation's name as written.
#[derive(Clone, Copy)]
pub struct Name(*mut pg_sys::RangeVar);

/// How strongly a named relation is locked: as the statement itself will lock it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lock(pub(super) i32);

impl Lock {
    /// Reading.
    pub const ACCESS_SHARE: Lock = Lock(pg_sys::AccessShareLock as i32);
    /// Writing rows.
    pub const ROW_EXCLUSIVE: Lock = Lock(pg_sys::RowExclusiveLock as i32);
    /// Statistics, inheritance, concurrent index builds.
    pub const SHARE_UPDATE: Lock = Lock(pg_sys::ShareUpdateExclusiveLock as i32);
    /// Index builds.
    pub const SHARE: Lock = Lock(pg_sys::ShareLock as i32);
    /// Triggers.
    pub const SHARE_ROW: Lock = Lock(pg_sys::ShareRowExclusiveLock as i32);
    /// Most definitions.
    pub const ACCESS_EXCLUSIVE: Lock = Lock(pg_sys::AccessExclusiveLock as i32);
}

impl Name {
    /// # Safety
    /// `name` is null or a live RangeVar (S2).
    pub(super) unsafe fn new(name: *mut pg_sys::RangeVar) -> Option<Self> {
        (!name.is_null()).then_some(Self(name))
    }

    /// The relation that the name stands for now; `None` if there is none.
    pub fn find(self) -> Option<Oid> {
        self.find_locked(pg_sys::NoLock as i32)
    }

    /// The same, locked, so that the name still stands for it when the statement looks it up.
    ///
    /// A relation of another owner is not locked: the statement will be refused by core, and
    /// nobody should be able to lock what is not theirs.
    pub fn lock_own(self, lock: Lock) -> Option<Oid> {
        let relation = self.find()?;
        if compat::owns_relation(relation) {
            self.find_locked(lock.0)
        } else {
            Some(relation)
        }
    }

    /// The same for statements that lock before they check rights.
    pub fn lock(self, lock: Lock) -> Option<Oid> {
        self.find_locked(lock.0)
    }

    fn find_locked(self, mode: i32) -> Option<Oid> {
        // SAFETY: S2, S4.
        let found = unsafe {
            // A temporary relation with a schema: core refuses it in words of its own.
            let name = &*self.0;
            if name.relpersistence as u8 == pg_sys::RELPERSISTENCE_TEMP
                && !name.schemaname.is_null()
            {
                return None;
            }
            let flags = pg_sys::RVROption::RVR_MISSING_OK;
            pg_sys::RangeVarGetRelidExtended(self.0, mode, flags, None, std::ptr::null_mut())
        };
        (found != Oid::INVALID).then_some(found)
    }
}

/// SET and RESET.
#[derive(Clone, Copy)]
pub struct Set(*mut pg_sys::VariableSetStmt);

impl Set {
    /// RESET ALL.
    pub fn is_reset_all(self) -> bool {
        self.kind() == pg_sys::VariableSetKind::VAR_RESET_ALL
    }

    /// RESET name, or SET name TO DEFAULT.
    pub fn is_reset(self) -> bool {
        [
            pg_sys::VariableSetKind::VAR_RESET,
            pg_sys::VariableSetKind::VAR_SET_DEFAULT,
        ]
        .contains(&self.kind())
    }

    /// Is it about this setting? Names of settings do not distinguish case.
    pub fn names(self, setting: &str) -> bool {
        // SAFETY: S2.
        unsafe { text((*self.0).name) }.eq_ignore_ascii_case(setting.as_bytes())
    }

    fn kind(self) -> pg_sys::VariableSetKind::Type {
        // SAFETY: S2.
        unsafe { (*self.0).kind }
    }
}

/// The bytes of a C string of the tree; empty for null.
///
/// # Safety
/// `value` is null or a live C string that outlives the hook call (S2).
pub(super) unsafe fn text<'a>(value: *const c_char) -> &'a [u8] {
    if value.is_null() {
        return b"";
    }
    // SAFETY: by contract.
    unsafe { CStr::from_ptr(value).to_bytes() }
}

/// What `statement` is.
///
/// # Safety
/// `statement` is the live statement that a utility hook received (S2).
pub unsafe fn classify(statement: *mut pg_sys::PlannedStmt) -> Statement {
    // SAFETY: by contract; each cast follows the node's tag.
    unsafe {
        let node = (*statement).utilityStmt;
        match (*node).type_ {
            NodeTag::T_TransactionStmt => Statement::Transaction,
            NodeTag::T_DiscardStmt => Statement::Discard,
            NodeTag::T_VariableSetStmt => Statement::Set(Set(node.cast())),
            NodeTag::T_LoadStmt => Statement::Load,
            NodeTag::T_ListenStmt => Statement::Channel {
                notifies: false,
                is_alert: is_alert((*node.cast::<pg_sys::ListenStmt>()).conditionname),
            },
            NodeTag::T_NotifyStmt => Statement::Channel {
                notifies: true,
                is_alert: is_alert((*node.cast::<pg_sys::NotifyStmt>()).conditionname),
            },
            NodeTag::T_ExplainStmt => Statement::Explain {
                creates_table: explains_create(node.cast()),
            },
            NodeTag::T_CreateTableAsStmt => Statement::CreateTableAs {
                is_plain: is_plain(node.cast()),
                names: Names::of(node.cast()),
            },
            NodeTag::T_RefreshMatViewStmt => Statement::CreateTableAs {
                is_plain: false,
                names: Names::NONE,
            },
            NodeTag::T_CopyStmt => Statement::Copy(copy::Statement::new(node.cast())),
            NodeTag::T_ReassignOwnedStmt => Statement::ReassignOwned,
            _ => classify_definition(node),
        }
    }
}

/// # Safety
/// `name` is a live C string (S2).
unsafe fn is_alert(name: *const c_char) -> bool {
    // SAFETY: by contract.
    unsafe { CStr::from_ptr(name) == c"ward_alert" }
}

/// # Safety
/// As [`classify`].
unsafe fn classify_definition(node: *mut pg_sys::Node) -> Statement {
    let named = |name, statement: fn(Name) -> Statement| {
        // SAFETY: by contract.
        unsafe { Name::new(name) }.map_or(Statement::Other, statement)
    };
    // SAFETY: by contract; each cast follows the node's tag.
    unsafe {
        match (*node).type_ {
            NodeTag::T_AlterTableStmt => Statement::AlterTable(AlterTable::new(node.cast())),
            NodeTag::T_CreateStmt | NodeTag::T_CreateForeignTableStmt => {
                Statement::CreateTable(CreateTable::new(node.cast()))
            }
            NodeTag::T_IndexStmt => Statement::CreateIndex(CreateIndex::new(node.cast())),
            NodeTag::T_CreateStatsStmt => {
                Statement::CreateStatistics(CreateStatistics::new(node.cast()))
            }
            NodeTag::T_AlterDomainStmt => Statement::AlterDomain(AlterDomain::new(node.cast())),
            NodeTag::T_RenameStmt => Statement::Rename(Rename::new(node.cast())),
            NodeTag::T_AlterObjectSchemaStmt => named(
                (*node.cast::<pg_sys::AlterObjectSchemaStmt>()).relation,
                Statement::SetSchema,
            ),
            NodeTag::T_CreatePolicyStmt => named(
                (*node.cast::<pg_sys::CreatePolicyStmt>()).table,
                Statement::Policy,
            ),
            NodeTag::T_AlterPolicyStmt => named(
                (*node.cast::<pg_sys::AlterPolicyStmt>()).table,
                Statement::Policy,
            ),
            NodeTag::T_CreateTrigStmt => named(
                (*node.cast::<pg_sys::CreateTrigStmt>()).relation,
                Statement::Trigger,
            ),
            NodeTag::T_RuleStmt => {
                named((*node.cast::<pg_sys::RuleStmt>()).relation, Statement::Rule)
            }
            NodeTag::T_CreatePublicationStmt => {
                let publication = &*node.cast::<pg_sys::CreatePublicationStmt>();
                Statement::Publication(Publication::new(
                    publication.pubobjects,
                    publication.for_all_tables,
                ))
            }
            NodeTag::T_AlterPublicationStmt => {
                let publication = &*node.cast::<pg_sys::AlterPublicationStmt>();
                Statement::Publication(Publication::new(
                    publication.pubobjects,
                    publication.for_all_tables,
                ))
            }
            NodeTag::T_AlterExtensionStmt
                if is_ward((*node.cast::<pg_sys::AlterExtensionStmt>()).extname) =>
            {
                Statement::AlterWard
            }
            NodeTag::T_AlterExtensionContentsStmt
                if is_ward((*node.cast::<pg_sys::AlterExtensionContentsStmt>()).extname) =>
            {
                Statement::AlterWard
            }
            NodeTag::T_DropStmt if drops_ward(node.cast()) => Statement::AlterWard,
            _ => Statement::Other,
        }
    }
}

/// # Safety
/// `drop` is live (S2).
unsafe fn drops_ward(drop: *mut pg_sys::DropStmt) -> bool {
    // SAFETY: by contract; extensions are named by String nodes.
    unsafe {
        (*drop).removeType == pg_sys::ObjectType::OBJECT_EXTENSION
            && list_items::<pg_sys::String>((*drop).objects).any(|name| is_ward((*name).sval))
    }
}

/// # Safety
/// As [`text`].
unsafe fn is_ward(extension: *const c_char) -> bool {
    // SAFETY: by contract.
    unsafe { text(extension) == b"ward" }
}

/// # Safety
/// `create` is live (S2).
unsafe fn is_plain(create: *mut pg_sys::CreateTableAsStmt) -> bool {
    // SAFETY: by contract; after analysis the query is a Query.
    unsafe {
        let query = (*create).query.cast::<pg_sys::Query>();
        (*create).objtype == pg_sys::ObjectType::OBJECT_TABLE
            && !query.is_null()
            && (*query).type_ == NodeTag::T_Query
            && (*query).commandType == pg_sys::CmdType::CMD_SELECT
    }
}

/// # Safety
/// `explain` is live (S2).
unsafe fn explains_create(explain: *mut pg_sys::ExplainStmt) -> bool {
    // SAFETY: by contract; after analysis the query is a Query.
    unsafe {
        let query = (*explain).query.cast::<pg_sys::Query>();
        !query.is_null()
            && (*query).type_ == NodeTag::T_Query
            && !(*query).utilityStmt.is_null()
            && (*(*query).utilityStmt).type_ == NodeTag::T_CreateTableAsStmt
    }
}
