//! What object access hooks report, and which relation a part of one belongs to.

use super::{catalog, table};
use pgrx::pg_sys::{self, ObjectAccessType, Oid};
use std::ffi::{CStr, c_int, c_void};

/// A report of the object access hook, as far as ward cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// A function is about to be run.
    Execute(Oid),
    /// A relation is about to be truncated.
    Truncate(Oid),
    /// An object (or a column of a relation) is about to be dropped.
    Drop(Object),
    Create(Object),
    Alter(Object),
    Other,
}

/// An object by its address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Object {
    class: u32,
    oid: Oid,
    /// The column number; 0 for the whole.
    column: c_int,
}

impl Access {
    /// What the hook's arguments say.
    pub fn new(access: ObjectAccessType::Type, class: Oid, oid: Oid, column: c_int) -> Self {
        let object = Object {
            class: class.to_u32(),
            oid,
            column,
        };
        match access {
            ObjectAccessType::OAT_FUNCTION_EXECUTE => Self::Execute(oid),
            ObjectAccessType::OAT_TRUNCATE => Self::Truncate(oid),
            ObjectAccessType::OAT_DROP => Self::Drop(object),
            ObjectAccessType::OAT_POST_CREATE => Self::Create(object),
            ObjectAccessType::OAT_POST_ALTER => Self::Alter(object),
            _ => Self::Other,
        }
    }
}

/// Is it a change that core makes of its own, such as VACUUM FULL to the file of a table?
///
/// # Safety
/// `argument` is what the hook received with `access`.
pub unsafe fn is_internal(access: ObjectAccessType::Type, argument: *mut c_void) -> bool {
    // SAFETY: by contract; null, or a structure of this kind.
    access == ObjectAccessType::OAT_POST_ALTER
        && unsafe { argument.cast::<pg_sys::ObjectAccessPostAlter>().as_ref() }
            .is_some_and(|alter| alter.is_internal)
}

const RELATION: u32 = 1259;
const FUNCTION: u32 = 1255;
const EXTENSION: u32 = 3079;
const TRIGGER: u32 = 2620;
const RULE: u32 = 2618;
const CONSTRAINT: u32 = 2606;
const DEFAULT: u32 = 2604;
const POLICY: u32 = 3256;
const OPERATOR: u32 = 2617;
const OPERATOR_CLASS: u32 = 2616;
const CAST: u32 = 2605;
const TYPE: u32 = 1247;
const DEPEND: u32 = 2608;
const DEPEND_BY_REFERENCE: u32 = 2674;

/// Catalogs of parts of relations: the index by OID, and the column that names the relation.
const PARTS: [(u32, u32, i32); 5] = [
    (TRIGGER, 2702, 2),
    (RULE, 2692, 3),
    (DEFAULT, 2657, 2),
    (POLICY, 3257, 3),
    (
        CONSTRAINT,
        CONSTRAINT_BY_OID,
        super::compat::CONSTRAINT_RELATION_COLUMN,
    ),
];
const CONSTRAINT_BY_OID: u32 = 2667;
const TRIGGER_IS_INTERNAL: i32 = pg_sys::Anum_pg_trigger_tgisinternal as i32;

impl Object {
    /// The relation, if this is one (not a part of one).
    pub fn relation(self) -> Option<Oid> {
        (self.class == RELATION && self.column == 0).then_some(self.oid)
    }

    /// The relation and the number of the column, if this is a column.
    pub fn column(self) -> Option<(Oid, i16)> {
        (self.class == RELATION && self.column > 0).then_some((self.oid, self.column as i16))
    }

    /// The function, if this is one.
    pub fn function(self) -> Option<Oid> {
        (self.class == FUNCTION).then_some(self.oid)
    }

    /// Is this the extension ward?
    pub fn is_ward(self) -> bool {
        self.class == EXTENSION && Some(self.oid) == extension(c"ward")
    }

    /// Does this object belong to the extension ward?
    pub fn belongs_to_ward(self) -> bool {
        extension(c"ward").is_some_and(|ward| extension_of(self.class, self.oid) == Some(ward))
    }

    /// The relation that this trigger, rule, policy or constraint belongs to.
    ///
    /// Core's own triggers (of foreign keys) do not count: they come and go with constraints.
    pub fn enforced_on(self) -> Option<Oid> {
        if self.class == DEFAULT {
            return None;
        }
        self.part_of()
    }

    /// The relation that this object is a part of.
    fn part_of(self) -> Option<Oid> {
        let (class, index, column) = PARTS.into_iter().find(|(class, ..)| *class == self.class)?;
        let mut relation = None;
        table::scan_by_oid(Oid::from(class), Oid::from(index), 1, self.oid, |row| {
            let internal = class == TRIGGER && row.boolean(TRIGGER_IS_INTERNAL) == Some(true);
            // A constraint of a domain names no relation.
            relation = row
                .oid(column)
                .filter(|relation| !internal && *relation != Oid::INVALID);
        });
        relation
    }
}

/// The relations in which this function is used by a trigger, constraint, default, policy, rule or
/// index: directly, or through an operator, a cast, an operator class or a domain.
pub fn relations_using_function(function: Oid) -> Vec<Oid> {
    let mut relations = Vec::new();
    let mut users = vec![Object {
        class: FUNCTION,
        oid: function,
        column: 0,
    }];
    let mut next = 0;
    while let Some(&one) = users.get(next) {
        for object in dependents(one.class, one.oid) {
            match object.class {
                RELATION => relations.extend(indexed_relation(object.oid)),
                FUNCTION | OPERATOR | CAST | OPERATOR_CLASS if !users.contains(&object) => {
                    users.push(object)
                }
                _ => match object.part_of() {
                    Some(relation) => relations.push(relation),
                    None => relations.extend(relations_of_domain_constraint(object)),
                },
            }
        }
        next += 1;
    }
    relations
}

fn relations_of_domain_constraint(constraint: Object) -> Vec<Oid> {
    let mut domain = None;
    if constraint.class == CONSTRAINT {
        let column = super::compat::CONSTRAINT_RELATION_COLUMN + 1;
        let (table, index) = (Oid::from(CONSTRAINT), Oid::from(CONSTRAINT_BY_OID));
        table::scan_by_oid(table, index, 1, constraint.oid, |row| {
            domain = row.oid(column)
        });
    }
    domain
        .filter(|domain| *domain != Oid::INVALID)
        .map(relations_using_type)
        .unwrap_or_default()
}

/// The relations with a column of this type, directly or through a domain, an array or a composite.
pub fn relations_using_type(type_oid: Oid) -> Vec<Oid> {
    let mut relations = Vec::new();
    let mut types = vec![type_oid];
    let mut next = 0;
    while let Some(&one) = types.get(next) {
        for object in dependents(TYPE, one) {
            if object.class == TYPE && !types.contains(&object.oid) {
                types.push(object.oid);
            } else if object.class == RELATION {
                relations.push(object.oid);
                let row_type = super::definition::row_type(object.oid);
                if row_type != Oid::INVALID && !types.contains(&row_type) {
                    types.push(row_type);
                }
            }
        }
        next += 1;
    }
    relations
}

fn dependents(class: u32, oid: Oid) -> Vec<Object> {
    let mut found = Vec::new();
    let keys = [(4, Oid::from(class)), (5, oid)];
    table::scan_by_oids(
        Oid::from(DEPEND),
        Oid::from(DEPEND_BY_REFERENCE),
        &keys,
        |row| {
            if let (Some(class), Some(oid)) = (row.oid(1), row.oid(2)) {
                found.push(Object {
                    class: class.to_u32(),
                    oid,
                    column: 0,
                });
            }
        },
    );
    found
}

/// The table of an index; `None` if this is no index.
fn indexed_relation(index: Oid) -> Option<Oid> {
    // SAFETY: S3.
    let table = unsafe { pg_sys::IndexGetRelation(index, true) };
    (table != Oid::INVALID).then_some(table)
}

/// The OID of an extension.
fn extension(name: &CStr) -> Option<Oid> {
    // SAFETY: S3.
    let found = unsafe { pg_sys::get_extension_oid(name.as_ptr(), true) };
    (found != Oid::INVALID).then_some(found)
}

fn extension_of(class: u32, oid: Oid) -> Option<Oid> {
    // SAFETY: S3.
    let found = unsafe { pg_sys::getExtensionOfObject(Oid::from(class), oid) };
    (found != Oid::INVALID).then_some(found)
}

/// The name of a function and of the extension that it belongs to (`None`: core's or a user's).
pub fn function_home(function: Oid) -> Option<(String, Option<String>)> {
    // SAFETY: S3; the palloc'ed names are copied.
    unsafe {
        let name = pg_sys::get_func_name(function);
        if name.is_null() {
            return None;
        }
        let name = CStr::from_ptr(name).to_string_lossy().into_owned();
        if !catalog::is_user_object(function) {
            return Some((name, None));
        }
        let extension = extension_of(FUNCTION, function).map(|extension| {
            let name = pg_sys::get_extension_name(extension);
            if name.is_null() {
                return String::new();
            }
            CStr::from_ptr(name).to_string_lossy().into_owned()
        });
        Some((name, extension))
    }
}

/// Is this role a superuser?
pub fn is_superuser(role: Oid) -> bool {
    // SAFETY: S3.
    unsafe { pg_sys::superuser_arg(role) }
}

/// Is the script of extension ward being run (CREATE or ALTER EXTENSION)?
pub fn in_ward_script() -> bool {
    // SAFETY: S1.
    let current = unsafe { pg_sys::creating_extension.then_some(pg_sys::CurrentExtensionObject) };
    current.is_some() && current == extension(c"ward")
}

/// Is pg_upgrade making the objects of extensions anew, one by one?
pub fn in_binary_upgrade() -> bool {
    // SAFETY: S1.
    unsafe { pg_sys::IsBinaryUpgrade }
}
