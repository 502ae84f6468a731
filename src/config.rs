#![forbid(unsafe_code)]
//! Every setting of ward, with the reason for its default.
//!
//! None of them turns ward off. `ward.token` is defined in [`crate::session`], because its value
//! has rules of its own.

use pgrx::{GucContext, GucFlags, GucRegistry, GucSetting, PostgresGucEnum};

/// What becomes of a new table that is made of protected rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PostgresGucEnum)]
enum NewTables {
    /// It is protected on the spot.
    Protect,
    /// It is refused.
    Refuse,
}

static ALLOW_EXPLAIN: GucSetting<bool> = GucSetting::<bool>::new(false);
static NEW_TABLES: GucSetting<NewTables> = GucSetting::<NewTables>::new(NewTables::Protect);
static FILL_VECTOR_RESULTS: GucSetting<bool> = GucSetting::<bool>::new(true);
static TRACK_WATERMARK: GucSetting<bool> = GucSetting::<bool>::new(false);

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

/// May a session with a token make new tables of protected rows, which are then protected as well?
///
/// On by default: analysts work that way, and what they make is no less protected than what they read.
pub fn protects_new_tables() -> bool {
    NEW_TABLES.get() == NewTables::Protect
}

/// Should queries note the labels of the rows that they return, where no table needs it?
///
/// Off by default, since it costs a little for each row. Any role may set it: without it
/// `ward.watermark()` answers with the clearance, which is never too low.
pub fn track_watermark() -> bool {
    TRACK_WATERMARK.get()
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
    GucRegistry::define_enum_guc(
        c"ward.new_tables",
        c"What becomes of CREATE TABLE AS over protected relations in sessions with a token.",
        c"protect covers the new table by ward.protect; refuse raises an error.",
        &NEW_TABLES,
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
    GucRegistry::define_bool_guc(
        c"ward.track_watermark",
        c"Makes ward.watermark() exact where no table needs it.",
        c"Without it the watermark is the clearance once a protected relation was read.",
        &TRACK_WATERMARK,
        GucContext::Userset,
        GucFlags::default(),
    );
}

/// Refuses settings of the form `ward.*` that nobody defined (a misspelt one must not be silent).
pub fn reserve_prefix() {
    crate::pg::guc::reserve_prefix(c"ward");
}
