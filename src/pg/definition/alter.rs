//! ALTER TABLE.

use super::column::{Column, Expression};
use crate::pg::node::list_items;
use crate::pg::statement::{Lock, Name, text};
use pgrx::pg_sys::{self, AlterTableType, ObjectType, Oid};

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
    pub(in crate::pg) unsafe fn new(statement: *mut pg_sys::AlterTableStmt) -> Self {
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
                AlterTableType::AT_AttachPartition => {
                    partition(def).map_or(Change::Other, Change::Attach)
                }
                AlterTableType::AT_DetachPartition | AlterTableType::AT_DetachPartitionFinalize => {
                    partition(def).map_or(Change::Other, Change::Detach)
                }
                AlterTableType::AT_AddInherit => {
                    Name::new(def.cast()).map_or(Change::Other, Change::Inherit)
                }
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
