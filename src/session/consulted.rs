#![forbid(unsafe_code)]
//! Whether anybody asked for the identity while a statement was being planned.
//!
//! The planner runs functions that are declared IMMUTABLE, and keeps their results. If such a
//! function looks at protected rows, or at the identity itself, the plan holds what only that
//! identity may see, though it names nothing protected. It then belongs to the identity like any
//! other plan.

use std::cell::Cell;

thread_local! {
    static TIMES: Cell<u64> = const { Cell::new(0) };
    static FOLDED: Cell<bool> = const { Cell::new(false) };
}

/// The identity was asked for.
pub fn note() {
    TIMES.set(TIMES.get().wrapping_add(1));
}

/// How often the identity has been asked for; a moment to compare with.
pub fn times() -> u64 {
    TIMES.get()
}

/// A plan keeps a result that belongs to the identity, and may be evaluated without being started
/// (a simple expression of PL/pgSQL).
pub fn note_folded() {
    FOLDED.set(true);
}

/// Are there such plans? Forgets them.
pub fn take_folded() -> bool {
    FOLDED.replace(false)
}
