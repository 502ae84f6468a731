//! A utility statement as the audit tells of it: its tag, its text, what it names and what it sets.

use super::node::list_items;
use super::statement::{Name, Source, text};
use pgrx::pg_sys::{self, AlterTableType, NodeTag, ObjectType, Oid};
use std::ffi::{CStr, c_char};

/// A statement that the utility hook received. It lives no longer than the call (S2).
#[derive(Clone, Copy)]
pub struct Utility(*mut pg_sys::PlannedStmt);

/// What it changes, apart from relations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changes {
    /// Rights on objects of this database, or who owns them.
    Rights,
    /// Roles and their attributes: of the whole server.
    Roles,
    /// Settings of the server, a database or a role: of the whole server.
    Settings,
    /// A setting of this session.
    Session,
    /// The extension ward, or event triggers.
    Extension,
    Nothing,
}

/// Where a statement stands in its source: plain data, for after it has run.
#[derive(Clone, Copy)]
pub struct Place {
    source: Source,
    start: i32,
    length: i32,
    tag: &'static CStr,
}

impl Place {
    /// The statement's text; of a source with several, its own.
    pub fn text(self) -> &'static [u8] {
        let whole = self.source.bytes();
        let from = usize::try_from(self.start).unwrap_or_default();
        let rest = whole.get(from..).unwrap_or_default();
        match usize::try_from(self.length) {
            Ok(length) if length > 0 => rest.get(..length).unwrap_or(rest),
            _ => rest,
        }
    }

    /// The command tag: `ALTER TABLE`.
    pub fn tag(self) -> String {
        self.tag.to_string_lossy().into_owned()
    }
}

impl Utility {
    /// # Safety
    /// `statement` is the live statement that a utility hook received (S2).
    pub unsafe fn new(statement: *mut pg_sys::PlannedStmt) -> Self {
        Self(statement)
    }

    fn node(self) -> *mut pg_sys::Node {
        // SAFETY: S2.
        unsafe { (*self.0).utilityStmt }
    }

    fn kind(self) -> NodeTag {
        // SAFETY: S2.
        unsafe { (*self.node()).type_ }
    }

    /// Where it stands in `source`.
    pub fn place(self, source: Source) -> Place {
        // SAFETY: S2; tags are constants of the server.
        unsafe {
            let tag = pg_sys::GetCommandTagName(pg_sys::CreateCommandTag(self.node()));
            Place {
                source,
                start: (*self.0).stmt_location,
                length: (*self.0).stmt_len,
                tag: CStr::from_ptr(tag),
            }
        }
    }

    /// What it changes, apart from relations.
    pub fn changes(self) -> Changes {
        let object = self.object_type();
        match self.kind() {
            NodeTag::T_GrantStmt
            | NodeTag::T_AlterDefaultPrivilegesStmt
            | NodeTag::T_AlterOwnerStmt
            | NodeTag::T_ReassignOwnedStmt
            | NodeTag::T_DropOwnedStmt => Changes::Rights,
            NodeTag::T_GrantRoleStmt
            | NodeTag::T_CreateRoleStmt
            | NodeTag::T_AlterRoleStmt
            | NodeTag::T_DropRoleStmt => Changes::Roles,
            NodeTag::T_RenameStmt if object == Some(ObjectType::OBJECT_ROLE) => Changes::Roles,
            NodeTag::T_AlterSystemStmt
            | NodeTag::T_AlterRoleSetStmt
            | NodeTag::T_AlterDatabaseSetStmt => Changes::Settings,
            NodeTag::T_VariableSetStmt => Changes::Session,
            NodeTag::T_CreateEventTrigStmt | NodeTag::T_AlterEventTrigStmt => Changes::Extension,
            NodeTag::T_DropStmt if object == Some(ObjectType::OBJECT_EVENT_TRIGGER) => {
                Changes::Extension
            }
            NodeTag::T_CreateExtensionStmt
            | NodeTag::T_AlterExtensionStmt
            | NodeTag::T_AlterExtensionContentsStmt
                if self.names_ward() =>
            {
                Changes::Extension
            }
            NodeTag::T_DropStmt if self.drops_ward() => Changes::Extension,
            _ => Changes::Nothing,
        }
    }

    fn object_type(self) -> Option<ObjectType::Type> {
        // SAFETY: S2; casts follow tags.
        unsafe {
            match self.kind() {
                NodeTag::T_DropStmt => Some((*self.node().cast::<pg_sys::DropStmt>()).removeType),
                NodeTag::T_RenameStmt => {
                    Some((*self.node().cast::<pg_sys::RenameStmt>()).renameType)
                }
                _ => None,
            }
        }
    }

    fn names_ward(self) -> bool {
        // SAFETY: S2; casts follow tags.
        let name = unsafe {
            match self.kind() {
                NodeTag::T_CreateExtensionStmt => {
                    (*self.node().cast::<pg_sys::CreateExtensionStmt>()).extname
                }
                NodeTag::T_AlterExtensionStmt => {
                    (*self.node().cast::<pg_sys::AlterExtensionStmt>()).extname
                }
                _ => (*self.node().cast::<pg_sys::AlterExtensionContentsStmt>()).extname,
            }
        };
        // SAFETY: S2.
        unsafe { text(name) == b"ward" }
    }

    /// Is it ALTER EXTENSION ward ADD or DROP?
    pub fn changes_members(self) -> bool {
        self.kind() == NodeTag::T_AlterExtensionContentsStmt && self.names_ward()
    }

    /// Is it DROP EXTENSION of ward?
    pub fn drops_ward(self) -> bool {
        // SAFETY: S2; extensions are named by String nodes.
        unsafe {
            self.object_type() == Some(ObjectType::OBJECT_EXTENSION)
                && self.kind() == NodeTag::T_DropStmt
                && list_items::<pg_sys::String>((*self.node().cast::<pg_sys::DropStmt>()).objects)
                    .any(|name| text((*name).sval) == b"ward")
        }
    }

    /// The setting that it sets, and to what; an empty value for RESET and DEFAULT.
    pub fn setting(self) -> Option<(String, String)> {
        // SAFETY: S2; casts follow tags.
        unsafe {
            let set = match self.kind() {
                NodeTag::T_VariableSetStmt => self.node().cast::<pg_sys::VariableSetStmt>(),
                NodeTag::T_AlterSystemStmt => {
                    (*self.node().cast::<pg_sys::AlterSystemStmt>()).setstmt
                }
                NodeTag::T_AlterRoleSetStmt => {
                    (*self.node().cast::<pg_sys::AlterRoleSetStmt>()).setstmt
                }
                NodeTag::T_AlterDatabaseSetStmt => {
                    (*self.node().cast::<pg_sys::AlterDatabaseSetStmt>()).setstmt
                }
                _ => return None,
            };
            let owned = |value: *const c_char| String::from_utf8_lossy(text(value)).into_owned();
            let values =
                list_items::<pg_sys::Node>((*set).args).filter_map(|value| constant(value));
            let name = owned((*set).name).to_ascii_lowercase();
            Some((name, values.collect::<Vec<_>>().join(", ")))
        }
    }

    /// The relations that it names to change their definition (rights on them are none of it).
    pub fn definitions(self) -> Vec<Oid> {
        match self.kind() {
            NodeTag::T_GrantStmt => Vec::new(),
            _ => self.relations(),
        }
    }

    /// The relations that it names to drop them, or to copy rows into them.
    pub fn dropped_or_filled(self) -> Vec<Oid> {
        let node = self.node();
        // SAFETY: S2; casts follow tags, and DROP of a relation has a list of names.
        unsafe {
            match self.kind() {
                NodeTag::T_DropStmt => {
                    use pg_sys::ObjectType::{
                        OBJECT_INDEX, OBJECT_MATVIEW, OBJECT_TABLE, OBJECT_VIEW,
                    };
                    let drop = &*node.cast::<pg_sys::DropStmt>();
                    if ![OBJECT_TABLE, OBJECT_VIEW, OBJECT_MATVIEW, OBJECT_INDEX]
                        .contains(&drop.removeType)
                    {
                        return Vec::new();
                    }
                    list_items::<pg_sys::List>(drop.objects)
                        .filter_map(|name| {
                            Name::new(pg_sys::makeRangeVarFromNameList(name))?.find()
                        })
                        .collect()
                }
                NodeTag::T_CopyStmt => {
                    let copy = &*node.cast::<pg_sys::CopyStmt>();
                    let filled = Name::new(copy.relation).filter(|_| copy.is_from);
                    filled.and_then(|name| name.find()).into_iter().collect()
                }
                _ => Vec::new(),
            }
        }
    }

    /// The functions that it names to drop them.
    pub fn dropped_functions(self) -> Vec<Oid> {
        use pg_sys::ObjectType::{OBJECT_FUNCTION, OBJECT_PROCEDURE, OBJECT_ROUTINE};
        // SAFETY: S2, S4; casts follow tags, and DROP of functions has a list of them with arguments.
        unsafe {
            if self.kind() != NodeTag::T_DropStmt {
                return Vec::new();
            }
            let drop = &*self.node().cast::<pg_sys::DropStmt>();
            let kind = drop.removeType;
            if ![OBJECT_FUNCTION, OBJECT_PROCEDURE, OBJECT_ROUTINE].contains(&kind) {
                return Vec::new();
            }
            list_items::<pg_sys::ObjectWithArgs>(drop.objects)
                .map(|named| pg_sys::LookupFuncWithArgs(kind, named, true))
                .filter(|function| *function != Oid::INVALID)
                .collect()
        }
    }

    /// The relations that it names, as far as they exist.
    pub fn relations(self) -> Vec<Oid> {
        let find = |name| {
            // SAFETY: S2; null or a live name.
            unsafe { Name::new(name) }?.find()
        };
        self.names().into_iter().filter_map(find).collect()
    }

    fn names(self) -> Vec<*mut pg_sys::RangeVar> {
        let node = self.node();
        // SAFETY: S2; casts follow tags.
        unsafe {
            match self.kind() {
                NodeTag::T_AlterTableStmt => altered(node.cast()),
                NodeTag::T_CreateStmt | NodeTag::T_CreateForeignTableStmt => {
                    list_items((*node.cast::<pg_sys::CreateStmt>()).inhRelations).collect()
                }
                NodeTag::T_IndexStmt => vec![(*node.cast::<pg_sys::IndexStmt>()).relation],
                NodeTag::T_CreateStatsStmt => {
                    let relations = (*node.cast::<pg_sys::CreateStatsStmt>()).relations;
                    list_items::<pg_sys::Node>(relations)
                        .filter(|relation| (**relation).type_ == NodeTag::T_RangeVar)
                        .map(|relation| relation.cast())
                        .collect()
                }
                NodeTag::T_RenameStmt => vec![(*node.cast::<pg_sys::RenameStmt>()).relation],
                NodeTag::T_AlterObjectSchemaStmt => {
                    vec![(*node.cast::<pg_sys::AlterObjectSchemaStmt>()).relation]
                }
                NodeTag::T_CreatePolicyStmt => {
                    vec![(*node.cast::<pg_sys::CreatePolicyStmt>()).table]
                }
                NodeTag::T_AlterPolicyStmt => vec![(*node.cast::<pg_sys::AlterPolicyStmt>()).table],
                NodeTag::T_CreateTrigStmt => {
                    vec![(*node.cast::<pg_sys::CreateTrigStmt>()).relation]
                }
                NodeTag::T_RuleStmt => vec![(*node.cast::<pg_sys::RuleStmt>()).relation],
                NodeTag::T_ViewStmt => vec![(*node.cast::<pg_sys::ViewStmt>()).view],
                NodeTag::T_GrantStmt => granted(node.cast()),
                NodeTag::T_DropStmt => dropped(node.cast()),
                _ => Vec::new(),
            }
        }
    }
}

/// # Safety
/// `statement` is live (S2).
unsafe fn altered(statement: *mut pg_sys::AlterTableStmt) -> Vec<*mut pg_sys::RangeVar> {
    // SAFETY: by contract; `def` has the type that belongs to the subtype.
    unsafe {
        let mut names = vec![(*statement).relation];
        for command in list_items::<pg_sys::AlterTableCmd>((*statement).cmds) {
            match (*command).subtype {
                AlterTableType::AT_AttachPartition | AlterTableType::AT_DetachPartition => {
                    names.push((*(*command).def.cast::<pg_sys::PartitionCmd>()).name);
                }
                AlterTableType::AT_AddInherit | AlterTableType::AT_DropInherit => {
                    names.push((*command).def.cast());
                }
                _ => {}
            }
        }
        names
    }
}

/// # Safety
/// `drop` is live (S2).
unsafe fn dropped(drop: *mut pg_sys::DropStmt) -> Vec<*mut pg_sys::RangeVar> {
    const RELATIONS: [ObjectType::Type; 5] = [
        ObjectType::OBJECT_TABLE,
        ObjectType::OBJECT_VIEW,
        ObjectType::OBJECT_MATVIEW,
        ObjectType::OBJECT_FOREIGN_TABLE,
        ObjectType::OBJECT_INDEX,
    ];
    // SAFETY: by contract; relations are named by lists of texts.
    unsafe {
        if !RELATIONS.contains(&(*drop).removeType) {
            return Vec::new();
        }
        list_items((*drop).objects)
            .map(|name| pg_sys::makeRangeVarFromNameList(name))
            .collect()
    }
}

/// # Safety
/// `grant` is live (S2).
unsafe fn granted(grant: *mut pg_sys::GrantStmt) -> Vec<*mut pg_sys::RangeVar> {
    // SAFETY: by contract; tables are named by RangeVar nodes.
    unsafe {
        let tables = (*grant).objtype == ObjectType::OBJECT_TABLE
            && (*grant).targtype == pg_sys::GrantTargetType::ACL_TARGET_OBJECT;
        if tables {
            list_items((*grant).objects).collect()
        } else {
            Vec::new()
        }
    }
}

/// The text of a constant; `None` for what is none.
///
/// # Safety
/// `node` is live (S2).
unsafe fn constant(node: *mut pg_sys::Node) -> Option<String> {
    // SAFETY: by contract; what a constant is follows its tag.
    unsafe {
        if (*node).type_ != NodeTag::T_A_Const {
            return None;
        }
        let value = &raw mut (*node.cast::<pg_sys::A_Const>()).val;
        Some(match (*value.cast::<pg_sys::Node>()).type_ {
            NodeTag::T_Integer => (*value.cast::<pg_sys::Integer>()).ival.to_string(),
            NodeTag::T_Float => {
                String::from_utf8_lossy(text((*value.cast::<pg_sys::Float>()).fval)).into_owned()
            }
            NodeTag::T_Boolean => (*value.cast::<pg_sys::Boolean>()).boolval.to_string(),
            NodeTag::T_String => {
                String::from_utf8_lossy(text((*value.cast::<pg_sys::String>()).sval)).into_owned()
            }
            _ => return None,
        })
    }
}
