#![forbid(unsafe_code)]
//! Every setting of ward, with the reason for its default.
//!
//! None of them turns ward off. `ward.token` is defined in [`crate::session`], because its value
//! has rules of its own.

use pgrx::{GucContext, GucFlags, GucRegistry, GucSetting};

static ALLOW_EXPLAIN: GucSetting<bool> = GucSetting::<bool>::new(false);
static FILL_VECTOR_RESULTS: GucSetting<bool> = GucSetting::<bool>::new(true);

/// May a session with a token EXPLAIN statements over protected relations?
///
/// Off by default: row estimates and "rows removed by filter" count rows of other tenants.
pub fn allow_explain() -> bool {
    ALLOW_EXPLAIN.get()
}

/// Should a vector query over a protected relation go on scanning until LIMIT is filled?
///
/// On by default: without it an index shared between tenants returns fewer rows than exist.
pub fn fill_vector_results() -> bool {
    FILL_VECTOR_RESULTS.get()
}

/// Defines the settings; once, from `_PG_init`.
pub fn define() {
    GucRegistry::define_bool_guc(
        c"ward.allow_explain",
        c"Allows EXPLAIN over protected relations in sessions with a token.",
        c"EXPLAIN shows estimates and counts that include rows of other tenants.",
        &ALLOW_EXPLAIN,
        GucContext::Suset,
        GucFlags::default(),
    );
    GucRegistry::define_bool_guc(
        c"ward.fill_vector_results",
        c"Lets approximate vector scans of protected relations continue until LIMIT is filled.",
        c"Switches pgvector's iterative scan on for the single execution.",
        &FILL_VECTOR_RESULTS,
        GucContext::Suset,
        GucFlags::default(),
    );
}

/// Refuses settings of the form `ward.*` that nobody defined (a misspelt one must not be silent).
pub fn reserve_prefix() {
    crate::pg::guc::reserve_prefix(c"ward");
}
