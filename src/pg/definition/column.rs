//! Columns, their constraints and defaults, and whether they could run code of their author.

use crate::pg::catalog;
use crate::pg::node::list_items;
use pgrx::pg_sys::{self, ConstrType, NodeTag, Oid};
use std::ffi::CStr;

/// The definition of a column.
#[derive(Clone, Copy)]
pub struct Column(pub(super) *mut pg_sys::ColumnDef);

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
pub(super) unsafe fn constraint_runs_code(
    constraint: *mut pg_sys::Constraint,
    column_type: Oid,
) -> bool {
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
            ConstrType::CONSTR_DEFAULT => Expression::new((*constraint).raw_expr)
                .is_some_and(|default| !default.is_plain(column_type)),
            _ => true,
        }
    }
}

/// The type of this name; `None` if there is none.
///
/// # Safety
/// `name` is null or live (S2).
pub(super) unsafe fn named_type(name: *mut pg_sys::TypeName) -> Option<Oid> {
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
        let type_oid = if element == Oid::INVALID {
            type_oid
        } else {
            element
        };
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
    pub(super) unsafe fn new(node: *mut pg_sys::Node) -> Option<Self> {
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
                        && named_type(cast.typeName)
                            .is_some_and(|named| !catalog::is_user_object(named))
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
