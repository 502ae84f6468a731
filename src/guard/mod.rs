#![forbid(unsafe_code)]
//! Statements that ward refuses or watches.

use std::cell::Cell;

thread_local! {
    static EXPLAINING: Cell<u32> = const { Cell::new(0) };
    static CREATING: Cell<u32> = const { Cell::new(0) };
}

/// Is an EXPLAIN under way?
pub fn in_explain() -> bool {
    EXPLAINING.get() > 0
}

/// Is CREATE TABLE AS, SELECT INTO or a materialised view under way?
pub fn in_create_table_as() -> bool {
    CREATING.get() > 0
}
