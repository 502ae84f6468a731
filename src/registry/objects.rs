#![forbid(unsafe_code)]
//! The extension's own catalog objects, by OID.

use super::Cached;
use crate::audit::denial;
use crate::errors::{Code, Result, WardError};
use crate::pg::{Oid, catalog};
use std::cell::Cell;
use std::ffi::CStr;
use std::rc::Rc;

/// OIDs of what the pass, the guard and the registry refer to.
#[derive(Debug)]
pub struct Objects {
    pub issuer: Oid,
    pub revocation: Oid,
    pub category: Oid,
    pub protection: Oid,
    pub mask: Oid,
    pub mask_key: Oid,
    pub derivation: Oid,
    /// What the library writes at run time: backfill, lineage, quarantine.
    pub lineage: [Oid; 3],
    pub label_type: Oid,
    /// `label <@ label`: is dominated by.
    pub label_dominated: Oid,
    /// The marker functions in ward's catalog policies.
    pub may_read: Oid,
    pub may_write: Oid,
    pub permit: Oid,
    /// The context functions that the fold replaces.
    pub tenant: Oid,
    pub tenants: Oid,
    pub subject: Oid,
    pub clearance: Oid,
    /// Raises the refusal of a written row.
    pub deny: Oid,
    /// Refuses to lower a label.
    pub keep_label: Oid,
    /// The trigger that derives a row from its sources.
    pub derive_row: Oid,
    /// The trigger that notes changed and deleted sources.
    pub derive_source: Oid,
    /// What labels are carried by.
    pub flow: FlowFunctions,
    /// What keeps the watermark.
    pub watermark: WatermarkFunctions,
    /// The schema of what is ward's own.
    pub internal: Oid,
    /// The trigger that tells the audit of changed rows.
    pub audit_row: Oid,
    /// Which state of the policy is in force.
    pub policy_version: Oid,
    /// Tells the audit which rows a search has found.
    pub audit_found: Oid,
    /// What reads and writes values that live in a jsonb column.
    pub carrier: CarrierFunctions,
    /// What masks are computed by.
    pub masks: MaskFunctions,
    /// The role that may administer policy.
    pub admin: Option<Oid>,
}

/// The functions that carry labels and tenants from the rows read to the rows written.
#[derive(Debug)]
pub struct FlowFunctions {
    /// Join of two labels, of which each may be NULL.
    pub join_two: Oid,
    /// The same as an aggregate.
    pub join_labels: Oid,
    /// A label to store, raised.
    pub raise_label: Oid,
    /// The tenants that rows came from: of one row, of two, and as an aggregate.
    pub tenant_set: Oid,
    pub join_tenants: Oid,
    pub all_tenants: Oid,
    /// A tenant to store, unless the row came from others.
    pub only_tenant: Oid,
    /// Refuses labels above the lowest.
    pub refuse_labelled: Oid,
}

/// The functions that keep the watermark.
#[derive(Debug)]
pub struct WatermarkFunctions {
    /// Notes a label.
    pub note: Oid,
    /// A label, and the one in a document, raised to the mark.
    pub raise: Oid,
    pub raise_carried: Oid,
    /// Does a label dominate the mark?
    pub covered: Oid,
}

/// The functions `ward_internal.carried_*`.
#[derive(Debug)]
pub struct CarrierFunctions {
    pub label: Oid,
    pub fill: Oid,
    pub fill_label: Oid,
    pub keep: Oid,
    pub keep_label: Oid,
    pub raise_label: Oid,
    /// Raises the label to what the row came from.
    pub raise: Oid,
    /// Refuses the tenants of other sources.
    pub only_tenant: Oid,
}

/// The functions `ward_internal.mask_*`.
#[derive(Debug)]
pub struct MaskFunctions {
    pub partial: Oid,
    pub email: Oid,
    pub hash: Oid,
    pub hash_bytes: Oid,
    pub hash_uuid: Oid,
    pub hash_int: Oid,
    pub tokenise: Oid,
    pub date: Oid,
    pub timestamp: Oid,
    pub timestamptz: Oid,
    /// Of smallint, integer and bigint.
    pub round_int: [Oid; 3],
    pub round_float: Oid,
    /// Of smallint, integer and bigint.
    pub bucket_int: [Oid; 3],
    pub bucket_float: Oid,
    pub ip: Oid,
    pub json: Oid,
    pub score: Oid,
    pub refuse_null: Oid,
}

thread_local! {
    /// Is a superuser about to update or drop an extension that is incomplete?
    static REPAIRING: Cell<bool> = const { Cell::new(false) };
    static OBJECTS: Cached<Option<Rc<Objects>>> = const { Cached::new() };
}

/// The objects of the extension in this database; `None` where it is not installed.
///
/// Error: WD040 if it is installed but incomplete.
pub fn objects() -> Result<Option<Rc<Objects>>> {
    OBJECTS.with(|objects| {
        objects.get_or_load(|| {
            let found = load()?;
            denial::set_concerned(found.is_some());
            Ok(found)
        })
    })
}

/// Forgets them: a schema was created, dropped or renamed.
pub(super) fn forget() {
    OBJECTS.with(Cached::forget);
}

/// Says whether a repair is under way; true if that changed something.
pub(super) fn set_repairing(repairing: bool) -> bool {
    REPAIRING.replace(repairing) != repairing
}

fn load() -> Result<Option<Rc<Objects>>> {
    // Asked first: schemas of these names that somebody else made are not ours to complain about.
    if !catalog::has_extension(c"ward") {
        return Ok(None);
    }
    let schema = |name: &CStr| catalog::schema(name).ok_or_else(|| missing(name));
    match schema(c"ward").and_then(|public| find(public, schema(c"ward_internal")?)) {
        Ok(objects) => Ok(Some(Rc::new(objects))),
        // Our own script is still creating them, or a superuser is about to run it.
        Err(_) if catalog::in_extension_script() || REPAIRING.get() => {
            forget();
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn find(public: Oid, internal: Oid) -> Result<Objects> {
    let table = |name: &CStr| catalog::relation(name, internal).ok_or_else(|| missing(name));
    let label_type = catalog::type_in(c"label", public).ok_or_else(|| missing(c"label"))?;
    Ok(Objects {
        issuer: table(c"issuer")?,
        revocation: table(c"revocation")?,
        category: table(c"category")?,
        protection: table(c"protection")?,
        mask: table(c"mask")?,
        mask_key: table(c"mask_key")?,
        derivation: table(c"derivation")?,
        lineage: [
            table(c"backfill")?,
            table(c"lineage")?,
            table(c"quarantine")?,
        ],
        label_type,
        label_dominated: catalog::operator(c"<@", public, label_type, label_type)
            .ok_or_else(|| missing(c"<@"))?,
        may_read: function(c"may_read", public)?,
        may_write: function(c"may_write", public)?,
        permit: function(c"permit", public)?,
        tenant: function(c"tenant", public)?,
        tenants: function(c"tenants", public)?,
        subject: function(c"subject", public)?,
        clearance: function(c"clearance", public)?,
        deny: function(c"deny", internal)?,
        keep_label: function(c"keep_label", internal)?,
        derive_row: function(c"derive_row", internal)?,
        derive_source: function(c"derive_source", internal)?,
        flow: FlowFunctions {
            join_two: function(c"join_two", internal)?,
            join_labels: function(c"join_labels", public)?,
            raise_label: function(c"raise_label", internal)?,
            tenant_set: function(c"tenant_set", internal)?,
            join_tenants: function(c"join_tenants", internal)?,
            all_tenants: function(c"all_tenants", internal)?,
            only_tenant: function(c"only_tenant", internal)?,
            refuse_labelled: function(c"refuse_labelled", internal)?,
        },
        watermark: WatermarkFunctions {
            note: function(c"note", internal)?,
            raise: function(c"raise_to_mark", internal)?,
            raise_carried: function(c"carried_raise_to_mark", internal)?,
            covered: function(c"covers_mark", internal)?,
        },
        internal,
        audit_row: function(c"audit_row", internal)?,
        policy_version: table(c"policy_version")?,
        audit_found: function(c"audit_found", internal)?,
        carrier: carrier_functions(internal)?,
        masks: mask_functions(internal)?,
        admin: catalog::role(c"ward_admin"),
    })
}

fn carrier_functions(internal: Oid) -> Result<CarrierFunctions> {
    let find = |name| function(name, internal);
    Ok(CarrierFunctions {
        label: find(c"carried_label")?,
        fill: find(c"carried_fill")?,
        fill_label: find(c"carried_fill_label")?,
        keep: find(c"carried_keep")?,
        keep_label: find(c"carried_keep_label")?,
        raise_label: find(c"carried_raise_label")?,
        raise: find(c"carried_raise")?,
        only_tenant: find(c"carried_only_tenant")?,
    })
}

fn mask_functions(internal: Oid) -> Result<MaskFunctions> {
    let find = |name| function(name, internal);
    Ok(MaskFunctions {
        partial: find(c"mask_partial")?,
        email: find(c"mask_email")?,
        hash: find(c"mask_hash")?,
        hash_bytes: find(c"mask_hash_bytes")?,
        hash_uuid: find(c"mask_hash_uuid")?,
        hash_int: find(c"mask_hash_int")?,
        tokenise: find(c"mask_tokenise")?,
        date: find(c"mask_date")?,
        timestamp: find(c"mask_timestamp")?,
        timestamptz: find(c"mask_timestamptz")?,
        round_int: [
            find(c"mask_round_int2")?,
            find(c"mask_round_int4")?,
            find(c"mask_round_int8")?,
        ],
        round_float: find(c"mask_round_float")?,
        bucket_int: [
            find(c"mask_bucket_int2")?,
            find(c"mask_bucket_int4")?,
            find(c"mask_bucket_int8")?,
        ],
        bucket_float: find(c"mask_bucket_float")?,
        ip: find(c"mask_ip")?,
        json: find(c"mask_json")?,
        score: find(c"mask_score")?,
        refuse_null: find(c"mask_refuse_null")?,
    })
}

fn function(name: &CStr, schema: Oid) -> Result<Oid> {
    match catalog::functions(name, schema).as_slice() {
        [only] => Ok(*only),
        _ => Err(missing(name)),
    }
}

fn missing(name: &CStr) -> WardError {
    WardError::new(
        Code::Registry,
        format!("ward's object \"{}\" is missing", name.to_string_lossy()),
    )
    .hint("Run ALTER EXTENSION ward UPDATE, or restore the extension.")
}
