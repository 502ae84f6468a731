//! The functions behind the operators and index classes of `ward.label`.
//!
//! `<@` runs once per row of every protected table. These are therefore plain version-1 functions
//! without pgrx's wrapper, whose panic guard and memory-context switches cost several times what
//! the comparison itself does (docs/label.md has the figures). They need none of it: they allocate
//! nothing, raise nothing and cannot panic. All are declared STRICT, so no argument is NULL.
//!
//! Being LEAKPROOF, they have no error for eight bytes that are not a label (damage, a foreign
//! writer): such a value dominates nothing, is dominated by nothing, and joins as the highest label.

use pgrx::pg_sys::{self, Datum};
use std::ffi::c_int;
use ward_core::Label;

/// Defines `$name` and the record by which fmgr knows its calling convention.
macro_rules! version_1 {
    ($($(#[$doc:meta])* $name:ident $info:ident ($frame:ident: $n:literal) $body:expr;)*) => {$(
        $(#[$doc])*
        ///
        /// # Safety
        /// Called by fmgr only, with as many non-null arguments of the declared types.
        #[unsafe(no_mangle)]
        pub unsafe extern "C-unwind" fn $name(call: pgrx::pg_sys::FunctionCallInfo) -> pgrx::pg_sys::Datum {
            // SAFETY: by contract the frame is live and has $n arguments.
            let $frame: &[pgrx::pg_sys::NullableDatum] = unsafe { (*call).args.as_slice($n) };
            pgrx::pg_sys::Datum::from($body)
        }

        #[doc(hidden)]
        #[unsafe(no_mangle)]
        pub extern "C-unwind" fn $info() -> *const pgrx::pg_sys::Pg_finfo_record {
            &$crate::pg::label_functions::VERSION_1
        }
    )*};
}
pub(super) use version_1;

pub(super) static VERSION_1: pg_sys::Pg_finfo_record = pg_sys::Pg_finfo_record { api_version: 1 };

version_1! {
    /// `a <@ b`: is dominated by.
    ward_label_dominated pg_finfo_ward_label_dominated (a: 2) dominates(bits(a, 1), bits(a, 0));
    /// `a @> b`: dominates.
    ward_label_dominates pg_finfo_ward_label_dominates (a: 2) dominates(bits(a, 0), bits(a, 1));
    /// `a + b`: least upper bound.
    ward_label_join pg_finfo_ward_label_join (a: 2) label(a, 0).join(label(a, 1)).to_bits();
    /// `a * b`: greatest lower bound.
    ward_label_meet pg_finfo_ward_label_meet (a: 2) label(a, 0).meet(label(a, 1)).to_bits();
    /// `a = b`.
    ward_label_eq pg_finfo_ward_label_eq (a: 2) bits(a, 0) == bits(a, 1);
    /// `a <> b`.
    ward_label_ne pg_finfo_ward_label_ne (a: 2) bits(a, 0) != bits(a, 1);
    /// `a < b` in the total order of indexes and sorts.
    ward_label_lt pg_finfo_ward_label_lt (a: 2) bits(a, 0) < bits(a, 1);
    /// `a <= b` in the total order.
    ward_label_le pg_finfo_ward_label_le (a: 2) bits(a, 0) <= bits(a, 1);
    /// `a > b` in the total order.
    ward_label_gt pg_finfo_ward_label_gt (a: 2) bits(a, 0) > bits(a, 1);
    /// `a >= b` in the total order.
    ward_label_ge pg_finfo_ward_label_ge (a: 2) bits(a, 0) >= bits(a, 1);
    /// Three-way comparison in the total order (btree support 1).
    ward_label_cmp pg_finfo_ward_label_cmp (a: 2) bits(a, 0).cmp(&bits(a, 1)) as i32;
    /// Sorts by core's own specialised comparison of unsigned datums (btree support 2).
    ward_label_sortsupport pg_finfo_ward_label_sortsupport (a: 1) sort_support(a);
    /// Hash (hash support 1).
    ward_label_hash pg_finfo_ward_label_hash (a: 1) hash(bits(a, 0));
    /// Hash with a seed (hash support 2); with seed 0 its low half is the hash without.
    ward_label_hash_seeded pg_finfo_ward_label_hash_seeded (a: 2) hash_seeded(bits(a, 0), bits(a, 1));
    /// Estimates the selectivity of `<@` and `@>` against a constant.
    ward_label_selectivity pg_finfo_ward_label_selectivity (a: 4) selectivity(a).to_bits();
}

fn bits(args: &[pg_sys::NullableDatum], n: usize) -> u64 {
    args[n].value.value() as u64
}

fn label(args: &[pg_sys::NullableDatum], n: usize) -> Label {
    Label::from_bits(bits(args, n)).unwrap_or(Label::TOP)
}

fn dominates(high: u64, low: u64) -> bool {
    match (Label::from_bits(high), Label::from_bits(low)) {
        (Some(high), Some(low)) => high.dominates(low),
        _ => false,
    }
}

// Core's functions without pgrx's guard: sorting recognises its comparator by address, and a guarded
// call costs more than a hash. An ERROR of theirs passes frames that have no destructors (S5).
unsafe extern "C-unwind" {
    fn ssup_datum_unsigned_cmp(x: Datum, y: Datum, ssup: pg_sys::SortSupport) -> c_int;
    fn hash_bytes(key: *const u8, length: c_int) -> u32;
    fn hash_bytes_extended(key: *const u8, length: c_int, seed: u64) -> u64;
    fn generic_restriction_selectivity(
        root: *mut pg_sys::PlannerInfo,
        operator: pg_sys::Oid,
        collation: pg_sys::Oid,
        args: *mut pg_sys::List,
        relation: c_int,
        default: f64,
    ) -> f64;
}

fn sort_support(args: &[pg_sys::NullableDatum]) -> usize {
    let support: pg_sys::SortSupport = args[0].value.cast_mut_ptr();
    // SAFETY: fmgr passes a live SortSupport to this function.
    unsafe { (*support).comparator = Some(ssup_datum_unsigned_cmp) };
    0
}

fn hash(bits: u64) -> u32 {
    let key = bits.to_le_bytes();
    // SAFETY: reads the eight bytes; raises nothing.
    unsafe { hash_bytes(key.as_ptr(), 8) }
}

fn hash_seeded(bits: u64, seed: u64) -> u64 {
    let key = bits.to_le_bytes();
    // SAFETY: as above.
    unsafe { hash_bytes_extended(key.as_ptr(), 8, seed) }
}

/// Asks the column's statistics: the operator itself is tried on the most common values and the
/// histogram. Labels have few distinct values, so this is nearly exact after ANALYZE. Before, a
/// third is assumed, as core does for inequalities: a clearance shows much rather than little.
fn selectivity(args: &[pg_sys::NullableDatum]) -> f64 {
    const DEFAULT: f64 = 1.0 / 3.0;
    // SAFETY: the planner passes a restriction estimator exactly these four arguments.
    unsafe {
        generic_restriction_selectivity(
            args[0].value.cast_mut_ptr(),
            pg_sys::Oid::from(args[1].value.value() as u32),
            pg_sys::InvalidOid,
            args[2].value.cast_mut_ptr(),
            args[3].value.value() as c_int,
            DEFAULT,
        )
    }
}
