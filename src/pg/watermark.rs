//! The highest label of what the current transaction was given to see.
//!
//! `ward_internal.note` runs once per row that leaves a query. It is therefore a plain version-1
//! function like those of `label_functions`: it allocates nothing, raises nothing and cannot panic.

use pgrx::pg_sys;
use std::cell::Cell;
use ward_core::Label;

thread_local! {
    /// The join of all labels that were noted.
    static MARK: Cell<Option<Label>> = const { Cell::new(None) };
}

/// Raises the mark to dominate `label`.
#[inline]
pub fn note(label: Label) {
    MARK.set(Some(match MARK.get() {
        Some(mark) => mark.join(label),
        None => label,
    }));
}

/// The mark; `None` if nothing was noted.
pub fn mark() -> Option<Label> {
    MARK.get()
}

/// Forgets it: a transaction ended.
pub fn reset() {
    MARK.set(None);
}

/// `ward_internal.note(label)`: notes the label of a row that is given out, and is true. NULL stands
/// for nothing; eight bytes that are no label for the highest one.
///
/// # Safety
/// Called by fmgr only, with one argument of type `ward.label`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn ward_note(call: pg_sys::FunctionCallInfo) -> pg_sys::Datum {
    // SAFETY: by contract the frame is live and has one argument.
    let label = unsafe { (*call).args.as_slice(1) }[0];
    if !label.isnull {
        note(Label::from_bits(label.value.value() as u64).unwrap_or(Label::TOP));
    }
    pg_sys::Datum::from(true)
}

#[doc(hidden)]
#[unsafe(no_mangle)]
pub extern "C-unwind" fn pg_finfo_ward_note() -> *const pg_sys::Pg_finfo_record {
    &super::label_functions::VERSION_1
}
