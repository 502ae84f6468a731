//! The two settings whose values have rules of their own: `ward.token` and `ward.maintenance`.
//!
//! A check hook decides whether a value may be taken at all, and an assign hook learns that it has
//! been taken or reverted. The latter runs in the middle of commits and aborts, so it only swaps a
//! pointer and marks plans (it must neither raise nor allocate).

use super::compat;
use crate::errors::{Result, WardError};
use pgrx::pg_sys::{self, GucContext, GucSource};
use std::cell::{Cell, OnceCell};
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::ptr::null_mut;

/// SHA-256 of a token; what a session's identity is known by before it is verified.
pub type TokenHash = [u8; 32];

/// Where a value for a setting comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// SET, set_config(), or a function's SET clause taking effect.
    Session,
    /// The start-up packet or the connection options.
    Connection,
    /// The leader's value arriving in a parallel worker.
    Worker,
    /// ALTER ROLE … SET, taking effect at login.
    Role,
    /// A value that is only being checked before it is stored.
    Trial,
    /// A file, ALTER DATABASE … SET, or anything else that no session chose.
    Stored,
}

impl Source {
    fn of(source: GucSource::Type) -> Self {
        // SAFETY: S1.
        if unsafe { pg_sys::InitializingParallelWorker } {
            return Self::Worker;
        }
        match source {
            GucSource::PGC_S_SESSION | GucSource::PGC_S_INTERACTIVE => Self::Session,
            GucSource::PGC_S_CLIENT | GucSource::PGC_S_OVERRIDE => Self::Connection,
            GucSource::PGC_S_USER | GucSource::PGC_S_DATABASE_USER => Self::Role,
            GucSource::PGC_S_TEST => Self::Trial,
            _ => Self::Stored,
        }
    }
}

/// The rules of `ward.token`, supplied by the session feature.
#[derive(Clone, Copy)]
pub struct TokenRules {
    /// May this text be taken? Returns its hash, `None` for the empty text.
    pub check: fn(&[u8], Source) -> Result<Option<TokenHash>>,
    /// The hash now in force. Must not raise or allocate.
    pub assigned: fn(Option<TokenHash>),
    /// What SHOW prints.
    pub summary: fn(Option<TokenHash>) -> String,
}

/// The rules of `ward.maintenance`.
#[derive(Clone, Copy)]
pub struct MaintenanceRules {
    /// May this text be taken?
    pub check: fn(&[u8], Source) -> Result<()>,
    /// A reason came into force or ended. Must not raise or allocate.
    pub assigned: fn(),
}

thread_local! {
    static RULES: Cell<Option<TokenRules>> = const { Cell::new(None) };
    static MAINTENANCE_RULES: Cell<Option<MaintenanceRules>> = const { Cell::new(None) };
    static IN_MAINTENANCE: Cell<bool> = const { Cell::new(false) };
    static HASH: Cell<Option<TokenHash>> = const { Cell::new(None) };
    static SHOWN: OnceCell<Cell<*mut c_char>> = const { OnceCell::new() };
}

struct Variable(Cell<*mut c_char>);
// SAFETY: S1.
unsafe impl Sync for Variable {}

static TOKEN: Variable = Variable(Cell::new(null_mut()));
static MAINTENANCE: Variable = Variable(Cell::new(null_mut()));

fn text_of(variable: &Variable) -> Option<String> {
    let value = variable.0.get();
    if value.is_null() {
        return None;
    }
    // SAFETY: S1; guc.c keeps the variable pointing at a live C string.
    let text = unsafe { CStr::from_ptr(value) }.to_str().ok()?;
    (!text.is_empty()).then(|| text.to_owned())
}

/// The token in force, as it was given; `None` if there is none.
pub fn token() -> Option<String> {
    text_of(&TOKEN)
}

/// The hash of the token in force.
#[inline]
pub fn token_hash() -> Option<TokenHash> {
    HASH.get()
}

/// Is a maintenance reason in force?
#[inline]
pub fn in_maintenance() -> bool {
    IN_MAINTENANCE.get()
}

/// The maintenance reason in force; `None` if there is none.
pub fn maintenance() -> Option<String> {
    text_of(&MAINTENANCE)
}

/// Sets `ward.token` as SET or SET LOCAL would.
pub fn set_token(token: &str, local: bool) {
    set(
        c"ward.token",
        token,
        GucContext::PGC_USERSET,
        if local {
            pg_sys::GucAction::GUC_ACTION_LOCAL
        } else {
            pg_sys::GucAction::GUC_ACTION_SET
        },
    );
}

/// The reason that ward gives where it opens relations to its own administration.
pub const ADMINISTRATION: &str = "ward administration";

/// Sets any setting until the current nest level ends (see [`nest`]).
pub fn save(name: &CStr, value: &str) {
    set(
        name,
        value,
        GucContext::PGC_SUSET,
        pg_sys::GucAction::GUC_ACTION_SAVE,
    );
}

/// Sets any setting for good, in a process of ward's own.
pub fn keep(name: &CStr, value: &str) {
    set(
        name,
        value,
        GucContext::PGC_SUSET,
        pg_sys::GucAction::GUC_ACTION_SET,
    );
}

fn set(name: &CStr, value: &str, context: GucContext::Type, action: pg_sys::GucAction::Type) {
    let Ok(value) = CString::new(value) else {
        return;
    };
    // SAFETY: S1, S4; both strings outlive the call.
    unsafe {
        pg_sys::set_config_option(
            name.as_ptr(),
            value.as_ptr(),
            context,
            GucSource::PGC_S_SESSION,
            action,
            true,
            0,
            false,
        );
    }
}

/// The current text of any setting, or `None` if there is no such setting.
pub fn current(name: &CStr) -> Option<String> {
    // SAFETY: S1; the result may point into guc.c, so it is copied at once.
    unsafe {
        let value = pg_sys::GetConfigOption(name.as_ptr(), true, false);
        (!value.is_null()).then(|| CStr::from_ptr(value).to_string_lossy().into_owned())
    }
}

/// The setting `session_replication_role`, as a number.
pub fn replication_role() -> i32 {
    // SAFETY: S1.
    unsafe { pg_sys::SessionReplicationRole }
}

/// Opens a nest level for [`save`]; it ends with [`unnest`], or with the transaction on error.
pub fn nest() -> i32 {
    // SAFETY: S1.
    unsafe { pg_sys::NewGUCNestLevel() }
}

/// Ends the nest level, restoring what [`save`] changed.
pub fn unnest(level: i32) {
    // SAFETY: S1; `level` came from nest().
    unsafe { pg_sys::AtEOXact_GUC(true, level) }
}

/// Makes unknown settings under this prefix an error.
pub fn reserve_prefix(prefix: &CStr) {
    // SAFETY: S1; called once while libraries are loaded.
    unsafe { pg_sys::MarkGUCPrefixReserved(prefix.as_ptr()) }
}

/// Defines `ward.token`.
pub fn define_token(rules: TokenRules) {
    RULES.set(Some(rules));
    let flags = pg_sys::GUC_NOT_IN_SAMPLE | pg_sys::GUC_DISALLOW_IN_FILE | pg_sys::GUC_NO_SHOW_ALL;
    // SAFETY: S1; all strings are static, the variable is a static.
    unsafe {
        pg_sys::DefineCustomStringVariable(
            c"ward.token".as_ptr(),
            c"The JWT that proves who this session acts for.".as_ptr(),
            c"Set it with SET LOCAL or set_config(); it is verified when a protected relation is used.".as_ptr(),
            TOKEN.0.as_ptr(),
            c"".as_ptr(),
            GucContext::PGC_USERSET,
            flags as c_int,
            Some(check_token),
            Some(assign_token),
            Some(show_token),
        );
    }
}

/// Defines `ward.maintenance`.
pub fn define_maintenance(rules: MaintenanceRules) {
    MAINTENANCE_RULES.set(Some(rules));
    let flags = pg_sys::GUC_NOT_IN_SAMPLE | pg_sys::GUC_DISALLOW_IN_FILE;
    // SAFETY: as define_token.
    unsafe {
        pg_sys::DefineCustomStringVariable(
            c"ward.maintenance".as_ptr(),
            c"The reason for which an administrator works without a token.".as_ptr(),
            c"Protected relations are then open, and each statement that touches one is recorded."
                .as_ptr(),
            MAINTENANCE.0.as_ptr(),
            c"".as_ptr(),
            GucContext::PGC_SUSET,
            flags as c_int,
            Some(check_maintenance),
            Some(assign_maintenance),
            None,
        );
    }
}

/// Makes the check hook's refusal the error that SET reports.
///
/// Without a message of ours, guc.c's own would quote the value.
fn refuse(error: WardError) -> bool {
    let detail = format!("{} {}", error.code.text(), error.code.title());
    let copy = |text: String| {
        let text = CString::new(text).unwrap_or_default();
        // SAFETY: S1; guc.c reads these after the check hook has returned false.
        unsafe { pg_sys::MemoryContextStrdup(pg_sys::ErrorContext, text.as_ptr()) }
    };
    // SAFETY: S1.
    unsafe {
        pg_sys::GUC_check_errcode(error.code.sqlstate() as c_int);
        pg_sys::GUC_check_errmsg_string = copy(error.message);
        pg_sys::GUC_check_errdetail_string = copy(detail);
        if let Some(hint) = error.hint {
            pg_sys::GUC_check_errhint_string = copy(hint);
        }
    }
    false
}

/// # Safety
/// `value` points at null or at a C string, as guc.c's check hooks receive it.
unsafe fn new_value<'a>(value: *mut *mut c_char) -> &'a [u8] {
    // SAFETY: by contract.
    unsafe {
        if (*value).is_null() {
            b""
        } else {
            CStr::from_ptr(*value).to_bytes()
        }
    }
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn check_token(
    value: *mut *mut c_char,
    extra: *mut *mut c_void,
    source: GucSource::Type,
) -> bool {
    let Some(rules) = RULES.get() else {
        return false;
    };
    // SAFETY: guc.c's contract for check hooks; `extra` becomes guc.c's to free.
    unsafe {
        *extra = null_mut();
        match (rules.check)(new_value(value), Source::of(source)) {
            Err(error) => refuse(error),
            Ok(None) => true,
            Ok(Some(hash)) => {
                let block = compat::guc_alloc(size_of::<TokenHash>()).cast::<TokenHash>();
                if block.is_null() {
                    return false;
                }
                block.write(hash);
                *extra = block.cast();
                true
            }
        }
    }
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn assign_token(_value: *const c_char, extra: *mut c_void) {
    // SAFETY: `extra` is null or what check_token stored.
    let hash = unsafe { extra.cast::<TokenHash>().as_ref().copied() };
    HASH.set(hash);
    if let Some(rules) = RULES.get() {
        (rules.assigned)(hash);
    }
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn show_token() -> *const c_char {
    let Some(rules) = RULES.get() else {
        return c"".as_ptr();
    };
    let text = CString::new((rules.summary)(HASH.get())).unwrap_or_default();
    SHOWN.with(|shown| {
        let shown = shown.get_or_init(|| Cell::new(null_mut()));
        // SAFETY: S1; the previous answer is freed only when the next one is asked for, and guc.c
        // copies an answer before it asks again.
        unsafe {
            if !shown.get().is_null() {
                drop(CString::from_raw(shown.get()));
            }
        }
        shown.set(text.into_raw());
        shown.get().cast_const()
    })
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn check_maintenance(
    value: *mut *mut c_char,
    _extra: *mut *mut c_void,
    source: GucSource::Type,
) -> bool {
    let Some(rules) = MAINTENANCE_RULES.get() else {
        return false;
    };
    // SAFETY: guc.c's contract for check hooks.
    match (rules.check)(unsafe { new_value(value) }, Source::of(source)) {
        Ok(()) => true,
        Err(error) => refuse(error),
    }
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn assign_maintenance(value: *const c_char, _extra: *mut c_void) {
    // SAFETY: guc.c passes null or a C string.
    IN_MAINTENANCE.set(unsafe { !value.is_null() && *value != 0 });
    if let Some(rules) = MAINTENANCE_RULES.get() {
        (rules.assigned)();
    }
}
