//! pgvector's approximate indexes under a residual filter: see [`fill_results`].

use super::guc;

/// Settings of pgvector under which a filtered scan goes on until LIMIT is filled or the index is
/// exhausted. They hold for one execution.
const FILL: [(&std::ffi::CStr, &str); 5] = [
    (c"hnsw.iterative_scan", "relaxed_order"),
    (c"hnsw.max_scan_tuples", "2147483647"),
    (c"hnsw.scan_mem_multiplier", "1000"),
    (c"ivfflat.iterative_scan", "relaxed_order"),
    (c"ivfflat.max_probes", "32768"),
];

/// Switches them on; returns the nest level that takes them back.
pub fn fill_results() -> i32 {
    let level = guc::nest();
    for (name, value) in FILL {
        // Older pgvector has no iterative scan, and then no such settings.
        if guc::current(name).is_some() {
            guc::save(name, value);
        }
    }
    level
}
