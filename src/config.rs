#![forbid(unsafe_code)]
//! Every setting of ward, with the reason for its default.
//!
//! None of them turns ward off. `ward.token` is defined in [`crate::session`], because its value
//! has rules of its own.

use pgrx::{GucContext, GucFlags, GucRegistry, GucSetting, PostgresGucEnum};
use std::ffi::{CString, OsString};
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use ward_core::{Label, Level};

/// What becomes of a new table that is made of protected rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PostgresGucEnum)]
enum NewTables {
    /// It is protected on the spot.
    Protect,
    /// It is refused.
    Refuse,
}

/// From which clearance on a rule holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PostgresGucEnum)]
enum From {
    Public,
    Internal,
    Confidential,
    Restricted,
    Secret,
    /// For nobody.
    Never,
}

impl From {
    fn includes(self, clearance: Label) -> bool {
        let from = match self {
            Self::Public => Level::Public,
            Self::Internal => Level::Internal,
            Self::Confidential => Level::Confidential,
            Self::Restricted => Level::Restricted,
            Self::Secret => Level::Secret,
            Self::Never => return false,
        };
        clearance.level() >= from
    }
}

/// What happens to statements over protected relations while the sealing of the audit log lags behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PostgresGucEnum)]
pub enum OnBacklog {
    /// They wait.
    Block,
    /// They are refused.
    Refuse,
    /// They run; the alarm is all.
    Continue,
}

static AUDIT_DIRECTORY: GucSetting<Option<CString>> = GucSetting::<Option<CString>>::new(None);
static AUDIT_KEY_FILE: GucSetting<Option<CString>> = GucSetting::<Option<CString>>::new(None);
static AUDIT_COMMIT_FROM: GucSetting<From> = GucSetting::<From>::new(From::Restricted);
static AUDIT_STRICT_FROM: GucSetting<From> = GucSetting::<From>::new(From::Secret);
static AUDIT_RETENTION: GucSetting<i32> = GucSetting::<i32>::new(0);
static AUDIT_BACKLOG_LIMIT: GucSetting<i32> = GucSetting::<i32>::new(1024);
static AUDIT_ON_BACKLOG: GucSetting<OnBacklog> = GucSetting::<OnBacklog>::new(OnBacklog::Refuse);
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

/// Where the audit log, its key and its state lie, if set. By default beside the data directory, under
/// its name with `.ward` appended: who copies the data directory copies neither log nor key.
pub fn audit_directory() -> Option<PathBuf> {
    path(&AUDIT_DIRECTORY)
}

/// The file of the signing key, if it is not `audit.key` in the audit directory.
pub fn audit_key_file() -> Option<PathBuf> {
    path(&AUDIT_KEY_FILE)
}

/// Must reads under this clearance be durable in the audit log when their transaction ends?
///
/// From `restricted` on by default: the flush costs a read-only transaction a wait for the disk.
pub fn audits_at_commit(clearance: Label) -> bool {
    AUDIT_COMMIT_FROM.get().includes(clearance)
}

/// Must they be durable before their first row leaves the server? From `secret` on by default.
pub fn audits_strictly(clearance: Label) -> bool {
    AUDIT_STRICT_FROM.get().includes(clearance)
}

/// For how many days audit events are kept; `None`: for ever.
pub fn audit_retention() -> Option<u32> {
    u32::try_from(AUDIT_RETENTION.get())
        .ok()
        .filter(|days| *days > 0)
}

/// How many bytes of the write-ahead log may wait to be sealed.
pub fn audit_backlog_limit() -> u64 {
    u64::try_from(AUDIT_BACKLOG_LIMIT.get()).unwrap_or_default() << 20
}

/// What happens when more do. Refusing is the default: nobody reads what might never be on record, and
/// nobody waits without knowing for what.
pub fn on_audit_backlog() -> OnBacklog {
    AUDIT_ON_BACKLOG.get()
}

fn path(setting: &GucSetting<Option<CString>>) -> Option<PathBuf> {
    let text = setting.get()?.into_bytes();
    (!text.is_empty()).then(|| PathBuf::from(OsString::from_vec(text)))
}

/// Defines the settings; once, from `_PG_init`.
pub fn define() {
    define_audit();
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

fn define_audit() {
    GucRegistry::define_string_guc(
        c"ward.audit_directory",
        c"Where the audit log lies, outside the data directory.",
        c"Empty: beside the data directory, under its name with .ward appended.",
        &AUDIT_DIRECTORY,
        GucContext::Postmaster,
        GucFlags::SUPERUSER_ONLY,
    );
    GucRegistry::define_string_guc(
        c"ward.audit_key_file",
        c"The key that signs the audit log.",
        c"Empty: audit.key in the audit directory. It is made at the first start.",
        &AUDIT_KEY_FILE,
        GucContext::Postmaster,
        GucFlags::SUPERUSER_ONLY,
    );
    GucRegistry::define_enum_guc(
        c"ward.audit_commit_from",
        c"From which clearance on reads are on record when their transaction ends.",
        c"Reads of relations with labels, by sessions whose clearance has this level or a higher one.",
        &AUDIT_COMMIT_FROM,
        GucContext::Sighup,
        GucFlags::default(),
    );
    GucRegistry::define_enum_guc(
        c"ward.audit_strict_from",
        c"From which clearance on reads are on record before their first row is sent.",
        c"Reads of relations with labels, by sessions whose clearance has this level or a higher one.",
        &AUDIT_STRICT_FROM,
        GucContext::Sighup,
        GucFlags::default(),
    );
    GucRegistry::define_int_guc(
        c"ward.audit_retention",
        c"For how many days audit events are kept; 0 keeps them for ever.",
        c"Proofs of events that are gone stay valid.",
        &AUDIT_RETENTION,
        0,
        36_500,
        GucContext::Sighup,
        GucFlags::default(),
    );
    GucRegistry::define_int_guc(
        c"ward.audit_backlog_limit",
        c"How much of the write-ahead log may wait to be sealed.",
        c"Beyond it, ward.audit_on_backlog holds.",
        &AUDIT_BACKLOG_LIMIT,
        1,
        1 << 20,
        GucContext::Sighup,
        GucFlags::UNIT_MB,
    );
    GucRegistry::define_enum_guc(
        c"ward.audit_on_backlog",
        c"What becomes of statements over protected relations while too much waits to be sealed.",
        c"block, refuse or continue.",
        &AUDIT_ON_BACKLOG,
        GucContext::Sighup,
        GucFlags::default(),
    );
}

/// Refuses settings of the form `ward.*` that nobody defined (a misspelt one must not be silent).
pub fn reserve_prefix() {
    crate::pg::guc::reserve_prefix(c"ward");
}
