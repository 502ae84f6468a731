//! Questions to the system catalogs, answered by value.

use super::expr::Column;
use super::raw;
use pgrx::pg_sys::{self, Oid};
use std::ffi::{CStr, CString};

/// Where user objects begin; everything below belongs to core.
pub fn is_user_object(oid: Oid) -> bool {
    oid.to_u32() >= pg_sys::FirstNormalObjectId
}

/// The OID of a schema.
pub fn schema(name: &CStr) -> Option<Oid> {
    // SAFETY: S3.
    valid(unsafe { pg_sys::get_namespace_oid(name.as_ptr(), true) })
}

/// The OID of a relation in a schema.
pub fn relation(name: &CStr, schema: Oid) -> Option<Oid> {
    // SAFETY: S3.
    valid(unsafe { pg_sys::get_relname_relid(name.as_ptr(), schema) })
}

/// The OID of a type in a schema.
pub fn type_in(name: &CStr, schema: Oid) -> Option<Oid> {
    // SAFETY: S3.
    valid(unsafe {
        pg_sys::GetSysCacheOid(
            pg_sys::SysCacheIdentifier::TYPENAMENSP as i32,
            pg_sys::Anum_pg_type_oid as i16,
            pg_sys::Datum::from(name.as_ptr()),
            pg_sys::Datum::from(schema),
            pg_sys::Datum::null(),
            pg_sys::Datum::null(),
        )
    })
}

/// The OIDs of all functions of this name in a schema (an extension's own, so few).
pub fn functions(name: &CStr, schema: Oid) -> Vec<Oid> {
    // SAFETY: S3; the list is released before returning, its OIDs are copied.
    unsafe {
        let list = pg_sys::SearchSysCacheList(
            pg_sys::SysCacheIdentifier::PROCNAMEARGSNSP as i32,
            1,
            pg_sys::Datum::from(name.as_ptr()),
            pg_sys::Datum::null(),
            pg_sys::Datum::null(),
        );
        let members = (*list).members.as_slice((*list).n_members as usize);
        let found = members
            .iter()
            .map(|member| {
                let tuple = &raw mut (**member).tuple;
                &*pg_sys::heap_tuple_get_struct::<pg_sys::FormData_pg_proc>(tuple)
            })
            .filter(|proc| proc.pronamespace == schema)
            .map(|proc| proc.oid)
            .collect();
        pg_sys::ReleaseCatCacheList(list);
        found
    }
}

/// The operator of this name in a schema that takes these two types.
pub fn operator(name: &CStr, schema: Oid, left: Oid, right: Oid) -> Option<Oid> {
    // SAFETY: S3.
    valid(unsafe {
        pg_sys::GetSysCacheOid(
            pg_sys::SysCacheIdentifier::OPERNAMENSP as i32,
            pg_sys::Anum_pg_operator_oid as i16,
            pg_sys::Datum::from(name.as_ptr()),
            pg_sys::Datum::from(left),
            pg_sys::Datum::from(right),
            pg_sys::Datum::from(schema),
        )
    })
}

/// A column of a relation by name; `None` if there is none or it was dropped.
pub fn column(relation: Oid, name: &str) -> Option<Column> {
    let c_name = CString::new(name).ok()?;
    // SAFETY: S3; values are copied out.
    unsafe {
        let attno = pg_sys::get_attnum(relation, c_name.as_ptr());
        if attno <= 0 {
            return None;
        }
        let (mut type_oid, mut typmod, mut collation) = (Oid::INVALID, -1, Oid::INVALID);
        pg_sys::get_atttypetypmodcoll(relation, attno, &mut type_oid, &mut typmod, &mut collation);
        Some(Column {
            name: name.to_owned(),
            attno,
            type_oid,
            typmod,
            collation,
            carrier: None,
        })
    }
}

/// A column of a relation by number; `None` if there is none or it was dropped.
pub fn column_by_number(relation: Oid, attno: i16) -> Option<Column> {
    // SAFETY: S3; the palloc'ed name is copied.
    let name = unsafe {
        let name = pg_sys::get_attname(relation, attno, true);
        if name.is_null() {
            return None;
        }
        CStr::from_ptr(name).to_string_lossy().into_owned()
    };
    column(relation, &name)
}

/// The relation of this name (`table`, `schema.table`, quoted or not), found through the search path.
///
/// Only looked up: whether the session may use it is another question. `None` for what is no name, too.
pub fn relation_named(name: &str) -> Option<Oid> {
    let parts = identifiers(name)?;
    match parts.as_slice() {
        [table] => {
            let table = CString::new(table.as_str()).ok()?;
            // SAFETY: S3.
            valid(unsafe { pg_sys::RelnameGetRelid(table.as_ptr()) })
        }
        [of, table] => {
            let (of, table) = (
                CString::new(of.as_str()).ok()?,
                CString::new(table.as_str()).ok()?,
            );
            relation(&table, schema(&of)?)
        }
        _ => None,
    }
}

/// The parts of a dotted name: lower case outside of quotes, `""` inside of them for one.
fn identifiers(text: &str) -> Option<Vec<String>> {
    let mut parts = vec![String::new()];
    let mut quoted = false;
    let mut characters = text.trim().chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
                parts.last_mut()?.push('"');
            }
            '"' => quoted = !quoted,
            '.' if !quoted => parts.push(String::new()),
            c if quoted => parts.last_mut()?.push(c),
            c => parts.last_mut()?.extend(c.to_lowercase()),
        }
    }
    (!quoted && parts.iter().all(|part| !part.is_empty())).then_some(parts)
}

/// The columns of a table's primary key, in the order of the table's columns; empty without one.
pub fn primary_key(relation: Oid) -> Vec<Column> {
    let mut columns = Vec::new();
    // SAFETY: S3; the palloc'ed set is only read.
    unsafe {
        let mut constraint = Oid::INVALID;
        let set = raw::get_primary_key_attnos(relation, true, &mut constraint);
        let mut member = -1;
        loop {
            member = pg_sys::bms_next_member(set, member);
            if member < 0 {
                return columns;
            }
            let attno = member + pg_sys::FirstLowInvalidHeapAttributeNumber;
            columns.extend(column_by_number(relation, attno as i16));
        }
    }
}

/// The name of a type with its schema, quoted where necessary.
pub fn type_name(type_oid: Oid) -> String {
    // SAFETY: S3; the palloc'ed name is copied.
    unsafe {
        let name = pg_sys::format_type_be_qualified(type_oid);
        CStr::from_ptr(name).to_string_lossy().into_owned()
    }
}

/// The role that owns a relation; invalid if there is none.
pub fn owner(relation: Oid) -> Oid {
    // SAFETY: S3; the tuple is released before the value is used.
    unsafe {
        let cache = pg_sys::SysCacheIdentifier::RELOID as i32;
        let tuple = pg_sys::SearchSysCache1(cache, pg_sys::Datum::from(relation));
        if tuple.is_null() {
            return Oid::INVALID;
        }
        let owner = (*pg_sys::GETSTRUCT(tuple).cast::<pg_sys::FormData_pg_class>()).relowner;
        pg_sys::ReleaseSysCache(tuple);
        owner
    }
}

/// The name of a relation without its schema.
pub fn relation_name(relation: Oid) -> Option<String> {
    // SAFETY: S3; the palloc'ed name is copied.
    unsafe {
        let name = pg_sys::get_rel_name(relation);
        (!name.is_null()).then(|| CStr::from_ptr(name).to_string_lossy().into_owned())
    }
}

/// The name of a relation with its schema, quoted where necessary.
pub fn qualified_name(relation: Oid) -> Option<String> {
    let name = relation_name(relation)?;
    // SAFETY: S3.
    unsafe {
        let schema = pg_sys::get_namespace_name(pg_sys::get_rel_namespace(relation));
        if schema.is_null() {
            return None;
        }
        let name = CString::new(name).ok()?;
        let quoted = pg_sys::quote_qualified_identifier(schema, name.as_ptr());
        Some(CStr::from_ptr(quoted).to_string_lossy().into_owned())
    }
}

/// What kind of relation this is (`r`, `p`, `v`, `m`, `f`, …); `None` if it does not exist.
pub fn relation_kind(relation: Oid) -> Option<u8> {
    // SAFETY: S3.
    match unsafe { pg_sys::get_rel_relkind(relation) } as u8 {
        0 => None,
        kind => Some(kind),
    }
}

/// Is it a temporary table?
pub fn is_temporary(relation: Oid) -> bool {
    // SAFETY: S3.
    unsafe { pg_sys::get_rel_persistence(relation) as u8 == pg_sys::RELPERSISTENCE_TEMP }
}

const INHERITS: u32 = 2611;
const INHERITS_BY_CHILD: u32 = 2680;
const INHERITS_BY_PARENT: u32 = 2187;

/// The parents of a partition or an inheritance child.
pub fn parents(relation: Oid) -> Vec<Oid> {
    let mut parents = Vec::new();
    super::table::scan_by_oid(
        Oid::from(INHERITS),
        Oid::from(INHERITS_BY_CHILD),
        1,
        relation,
        |row| parents.extend(row.oid(2)),
    );
    parents
}

/// The direct children of a relation: partitions and inheritance children.
pub fn children(relation: Oid) -> Vec<Oid> {
    let mut children = Vec::new();
    super::table::scan_by_oid(
        Oid::from(INHERITS),
        Oid::from(INHERITS_BY_PARENT),
        2,
        relation,
        |row| children.extend(row.oid(1)),
    );
    children
}

/// Is this index of one of pgvector's approximate access methods?
pub fn is_vector_index(index: Oid) -> bool {
    // SAFETY: S3; the method's OID is copied before the tuple is released.
    unsafe {
        let tuple = pg_sys::SearchSysCache1(
            pg_sys::SysCacheIdentifier::RELOID as i32,
            pg_sys::Datum::from(index),
        );
        if tuple.is_null() {
            return false;
        }
        let method = (*pg_sys::heap_tuple_get_struct::<pg_sys::FormData_pg_class>(tuple)).relam;
        pg_sys::ReleaseSysCache(tuple);
        let name = pg_sys::get_am_name(method);
        !name.is_null() && [c"hnsw", c"ivfflat"].contains(&CStr::from_ptr(name))
    }
}

/// Has this relation a permissive policy other than ward's own?
pub fn has_other_permissive_policy(relation: Oid, own_prefix: &str) -> bool {
    const POLICY: u32 = 3256;
    const POLICY_BY_RELATION: u32 = 3258;
    let mut found = false;
    super::table::scan_by_oid(
        Oid::from(POLICY),
        Oid::from(POLICY_BY_RELATION),
        3,
        relation,
        |row| {
            let own = row.name(2).is_some_and(|name| name.starts_with(own_prefix));
            found |= !own && row.boolean(5) == Some(true);
        },
    );
    found
}

/// Does row security apply to this relation for the current role?
pub fn row_security_applies(relation: Oid) -> bool {
    // SAFETY: S3.
    let state = unsafe { pg_sys::check_enable_rls(relation, Oid::INVALID, true) };
    state == pg_sys::CheckEnableRlsResult::RLS_ENABLED as i32
}

/// Has this relation a rule on INSERT?
pub fn has_insert_rule(relation: Oid) -> bool {
    // SAFETY: S4; the rules are the relation cache's, read while it is open.
    unsafe {
        let open = pg_sys::relation_open(relation, pg_sys::AccessShareLock as i32);
        let rules = (*open).rd_rules;
        let found = !rules.is_null()
            && (0..(*rules).numLocks as usize)
                .any(|i| (**(*rules).rules.add(i)).event == pg_sys::CmdType::CMD_INSERT);
        pg_sys::relation_close(open, pg_sys::AccessShareLock as i32);
        found
    }
}

/// The function that yields the rows of a COPY FROM.
pub fn copy_rows() -> Option<Oid> {
    match functions(c"copy_rows", schema(c"ward_internal")?).as_slice() {
        [only] => Some(*only),
        _ => None,
    }
}

/// Does this relation belong to an extension?
/// Is this relation a member of the extension of this name?
pub fn is_of_extension(relation: Oid, extension: &CStr) -> bool {
    // SAFETY: S3.
    unsafe {
        let extension = pg_sys::get_extension_oid(extension.as_ptr(), true);
        extension != Oid::INVALID
            && pg_sys::getExtensionOfObject(pg_sys::RelationRelationId, relation) == extension
    }
}

pub fn is_extension_member(relation: Oid) -> bool {
    // SAFETY: S3.
    valid(unsafe { pg_sys::getExtensionOfObject(pg_sys::RelationRelationId, relation) }).is_some()
}

/// Do texts compare equal under this collation only if they are the same?
pub fn is_deterministic(collation: Oid) -> bool {
    // SAFETY: S3.
    collation == Oid::INVALID || unsafe { pg_sys::get_collation_isdeterministic(collation) }
}

/// Is this extension installed in the current database?
pub fn has_extension(name: &CStr) -> bool {
    // SAFETY: S3.
    valid(unsafe { pg_sys::get_extension_oid(name.as_ptr(), true) }).is_some()
}

/// Is a script of CREATE or ALTER EXTENSION running?
pub fn in_extension_script() -> bool {
    // SAFETY: S1.
    unsafe { pg_sys::creating_extension }
}

/// Does this role see every row whatever row security says (superuser or BYPASSRLS)?
pub fn bypasses_row_security(role: Oid) -> bool {
    // SAFETY: S3.
    unsafe { pg_sys::has_bypassrls_privilege(role) }
}

/// Is it a table, view or index of this schema whose name begins like this?
pub fn is_named(relation: Oid, schema: Oid, prefix: &str) -> bool {
    // SAFETY: S3.
    let home = unsafe { pg_sys::get_rel_namespace(relation) };
    home == schema && relation_name(relation).is_some_and(|name| name.starts_with(prefix))
}

/// Is it one of the server's own catalogs (not a table of information_schema)?
pub fn is_catalog(table: Oid) -> bool {
    const PG_CATALOG: u32 = 11;
    // SAFETY: S3.
    unsafe { pg_sys::get_rel_namespace(table) }.to_u32() == PG_CATALOG
}

/// Does this table hold statistics: samples of other tables' values?
pub fn is_statistics(table: Oid) -> bool {
    const STATISTIC: u32 = 2619;
    const STATISTIC_EXT_DATA: u32 = 3429;
    [STATISTIC, STATISTIC_EXT_DATA].contains(&table.to_u32())
}

/// Is `user` a member of `role` (superusers are members of every role)?
pub fn has_privileges_of(user: Oid, role: Oid) -> bool {
    // SAFETY: S3.
    unsafe { pg_sys::has_privs_of_role(user, role) }
}

/// The OID of a role.
pub fn role(name: &CStr) -> Option<Oid> {
    // SAFETY: S3.
    valid(unsafe { pg_sys::get_role_oid(name.as_ptr(), true) })
}

/// The name of a role.
pub fn role_name(role: Oid) -> String {
    // SAFETY: S3.
    unsafe {
        let name = pg_sys::GetUserNameFromId(role, true);
        if name.is_null() {
            String::new()
        } else {
            CStr::from_ptr(name).to_string_lossy().into_owned()
        }
    }
}

/// The role whose rights the current statement runs with.
pub fn current_user() -> Oid {
    // SAFETY: S1.
    unsafe { pg_sys::GetUserId() }
}

/// The session's login role and the role chosen with SET ROLE; SECURITY DEFINER changes neither.
pub fn session_roles() -> (Oid, Oid) {
    // SAFETY: S1.
    unsafe { (raw::GetSessionUserId(), raw::GetOuterUserId()) }
}

fn valid(oid: Oid) -> Option<Oid> {
    (oid != Oid::INVALID).then_some(oid)
}
