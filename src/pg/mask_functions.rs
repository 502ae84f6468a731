//! The masks that are computed most often, as plain version-1 functions.
//!
//! A masked column is computed for each row that is read. pgrx's wrapper costs more than these masks
//! themselves do, and they need none of it: they cannot panic, and hold nothing that an ERROR (out of
//! memory, a damaged value) would leave behind. All are declared STRICT, so no argument is NULL.

use super::label_functions::version_1;
use pgrx::pg_sys::{self, NullableDatum};
use std::ptr::copy_nonoverlapping;
use ward_mask::{Field, IntSize};

version_1! {
    /// `partial(value, prefix, pad, suffix, max_chars)`.
    ward_mask_partial pg_finfo_ward_mask_partial (a: 5) partial(a);
    /// `round(value, places)` of smallint.
    ward_mask_round_int2 pg_finfo_ward_mask_round_int2 (a: 2) round(a, IntSize::Int2) as i16;
    /// `round(value, places)` of integer.
    ward_mask_round_int4 pg_finfo_ward_mask_round_int4 (a: 2) round(a, IntSize::Int4) as i32;
    /// `round(value, places)` of bigint.
    ward_mask_round_int8 pg_finfo_ward_mask_round_int8 (a: 2) round(a, IntSize::Int8);
    /// `bucket(value, width)` of smallint.
    ward_mask_bucket_int2 pg_finfo_ward_mask_bucket_int2 (a: 2) bucket(a, IntSize::Int2) as i16;
    /// `bucket(value, width)` of integer.
    ward_mask_bucket_int4 pg_finfo_ward_mask_bucket_int4 (a: 2) bucket(a, IntSize::Int4) as i32;
    /// `bucket(value, width)` of bigint.
    ward_mask_bucket_int8 pg_finfo_ward_mask_bucket_int8 (a: 2) bucket(a, IntSize::Int8);
    /// `round(value, places)` of double precision; a distance's score, too.
    ward_mask_round_float pg_finfo_ward_mask_round_float (a: 2)
        ward_mask::round_f64(float(a, 0), int4(a, 1)).to_bits();
    /// `bucket(value, width)` of double precision.
    ward_mask_bucket_float pg_finfo_ward_mask_bucket_float (a: 2)
        ward_mask::bucket_f64(float(a, 0), float(a, 1)).to_bits();
    /// The start of a date's year or month; days since 2000-01-01.
    ward_mask_date pg_finfo_ward_mask_date (a: 2) ward_mask::truncate_date(int4(a, 0), field(a));
    /// The start of a year, month or day; microseconds since 2000-01-01 (UTC).
    ward_mask_timestamp pg_finfo_ward_mask_timestamp (a: 2)
        ward_mask::truncate_timestamp(a[0].value.value() as i64, field(a));
}

fn int4(args: &[NullableDatum], n: usize) -> i32 {
    args[n].value.value() as i32
}

fn float(args: &[NullableDatum], n: usize) -> f64 {
    f64::from_bits(args[n].value.value() as u64)
}

fn int(args: &[NullableDatum], size: IntSize) -> i64 {
    let datum = args[0].value.value();
    match size {
        IntSize::Int2 => i64::from(datum as i16),
        IntSize::Int4 => i64::from(datum as i32),
        IntSize::Int8 => datum as i64,
    }
}

fn round(args: &[NullableDatum], size: IntSize) -> i64 {
    ward_mask::round_i64(int(args, size), int4(args, 1), size)
}

fn bucket(args: &[NullableDatum], size: IntSize) -> i64 {
    ward_mask::bucket_i64(int(args, size), args[1].value.value() as i64, size)
}

/// The numbers by which expressions name the parts of a date.
fn field(args: &[NullableDatum]) -> Field {
    match int4(args, 1) {
        2 => Field::Day,
        1 => Field::Month,
        _ => Field::Year,
    }
}

fn partial(args: &[NullableDatum]) -> pg_sys::Datum {
    let count = |n| usize::try_from(int4(args, n)).unwrap_or(0);
    let limit = u32::try_from(int4(args, 4)).ok().filter(|max| *max > 0);
    // SAFETY: fmgr passes two texts here.
    let (value, pad) = unsafe { (text(args, 0), text(args, 2)) };
    let pieces = ward_mask::partial_pieces(value, count(1), pad, count(3), limit);
    to_text(pieces)
}

/// A text argument; empty if its encoding is not what Rust reads, so that only the pad is shown.
///
/// # Safety
/// Argument `n` is a text. The result lives as long as the function call.
unsafe fn text(args: &[NullableDatum], n: usize) -> &'static str {
    unsafe extern "C-unwind" {
        fn pg_detoast_datum_packed(value: *mut pg_sys::varlena) -> *mut pg_sys::varlena;
    }
    // SAFETY: by contract; a detoasted varlena holds as many bytes as it says.
    unsafe {
        let value = pg_detoast_datum_packed(args[n].value.cast_mut_ptr());
        let bytes = std::slice::from_raw_parts(
            pgrx::varlena::vardata_any(value).cast::<u8>(),
            pgrx::varlena::varsize_any_exhdr(value),
        );
        std::str::from_utf8(bytes).unwrap_or_default()
    }
}

/// The pieces in a row, as a text in the current memory context.
fn to_text(pieces: [&str; 3]) -> pg_sys::Datum {
    unsafe extern "C-unwind" {
        fn palloc(size: usize) -> *mut std::ffi::c_void;
    }
    let length: usize = pieces.iter().map(|piece| piece.len()).sum();
    // SAFETY: the memory has room for the header and every piece.
    unsafe {
        let result = palloc(length + pg_sys::VARHDRSZ).cast::<u8>();
        pgrx::varlena::set_varsize_4b(result.cast(), (length + pg_sys::VARHDRSZ) as i32);
        let mut end = result.add(pg_sys::VARHDRSZ);
        for piece in pieces {
            copy_nonoverlapping(piece.as_ptr(), end, piece.len());
            end = end.add(piece.len());
        }
        pg_sys::Datum::from(result)
    }
}
