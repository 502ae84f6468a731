#![forbid(unsafe_code)]
//! What SQL calls: one file per feature, conversion only, no logic.
//!
//! The installed SQL is generated from these declarations and from the parts in `sql/install/`.

mod admin;
mod audit;
mod carrier;
mod flow;
pub mod label;
mod lineage;
mod mask;
mod rows;
mod session;
mod trail;
mod watermark;

use crate::errors::{self, Code, WardError};
use crate::pg::trigger::Call;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::{extension_sql_file, pg_sys};

extension_sql_file!(
    "../../sql/install/00_schema.sql",
    name = "schema",
    bootstrap
);
extension_sql_file!(
    "../../sql/install/10_registry.sql",
    name = "registry",
    requires = ["schema"]
);
extension_sql_file!(
    "../../sql/install/15_registry_triggers.sql",
    name = "registry_triggers",
    requires = ["registry", admin::registry_changed]
);
extension_sql_file!(
    "../../sql/install/25_mask.sql",
    name = "mask",
    requires = ["registry", "label", admin::registry_changed]
);
extension_sql_file!(
    "../../sql/install/27_lineage.sql",
    name = "lineage",
    requires = ["registry", admin::registry_changed]
);
extension_sql_file!(
    "../../sql/install/28_policy.sql",
    name = "policy",
    requires = ["registry", "mask", "lineage", trail::audit_policy]
);
extension_sql_file!(
    "../../sql/install/30_copy.sql",
    name = "copy",
    requires = ["schema"]
);
extension_sql_file!(
    "../../sql/install/40_flow.sql",
    name = "flow",
    requires = ["label", flow::join_tenants]
);
extension_sql_file!(
    "../../sql/install/60_audit.sql",
    name = "audit",
    requires = ["label"]
);
extension_sql_file!(
    "../../sql/install/65_audit_keep.sql",
    name = "audit_keep",
    requires = ["audit", trail::audit_keep]
);
extension_sql_file!(
    "../../sql/install/70_doctor.sql",
    name = "doctor",
    requires = ["lineage", lineage::derive_row, lineage::derive_source]
);
extension_sql_file!(
    "../../sql/install/80_views.sql",
    name = "views",
    requires = ["registry"]
);
extension_sql_file!("../../sql/install/90_grants.sql", name = "grants", finalize);

/// What functions called by SQL return: a refusal becomes an error with its SQLSTATE and code.
/// (pgrx reads the name `Result` when it generates SQL, hence the shadowing.)
type Result<T> = std::result::Result<T, ErrorReport>;

/// Refuses to work without the preloaded library (WD039): its hooks would not enforce anything.
fn preloaded() -> errors::Result<()> {
    if crate::pg::slot::installed() {
        return Ok(());
    }
    Err(
        WardError::new(Code::NotLoaded, "ward is not preloaded on this server")
            .hint("Add ward to shared_preload_libraries and restart the server."),
    )
}

/// Refuses administration under an application's token (WD032).
fn administering() -> errors::Result<()> {
    preloaded()?;
    if crate::session::has_token() {
        return Err(WardError::new(
            Code::Guarded,
            "ward is not administered in a session with a token",
        )
        .hint("Use a session without ward.token."));
    }
    Ok(())
}

/// The trigger's call behind a function's frame (WD036 if no trigger called it).
fn called(call: pg_sys::FunctionCallInfo) -> errors::Result<Call> {
    Call::new(call)
        .ok_or_else(|| WardError::new(Code::Argument, "this function is called by triggers only"))
}
