//! Field masks without a database: values in, values out.
//!
//! A *method* says how a value is masked: [`Method::parse`] reads it, [`Method::check`] says which
//! columns it fits. One function per method and type makes the masked value. Each is total: it
//! never fails and never panics, since an error would tell of the value it was raised for; and
//! each is deterministic, so that equal values stay equal under their mask.
//!
//! No clock, no randomness, no input or output: the caller passes the keys. SQL NULL is the
//! caller's: a mask of NULL is NULL.
//!
//! Start reading at [`Method`].
#![forbid(unsafe_code)]
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        reason = "a test fails by panicking"
    )
)]

mod cursor;
mod date;
mod digits;
mod error;
mod ip;
mod json;
mod keyed;
mod kind;
mod leaf;
mod method;
mod mode;
mod number;
mod parse;
mod path;
mod text;
mod tokenise;

pub use date::{truncate_date, truncate_timestamp};
pub use error::MethodError;
pub use ip::{Address, ip_prefix};
pub use json::json_paths;
pub use keyed::{TenantKey, hash_bytes, hash_i64, hash_text, hash_uuid};
pub use kind::Kind;
pub use leaf::Leaf;
pub use method::{Field, FunctionName, MAX_METHOD_BYTES, Method, Width};
pub use mode::Mode;
pub use number::{IntSize, bucket_f64, bucket_i64, round_f64, round_i64};
pub use path::{JsonPath, Step};
pub use text::{email, partial, partial_pieces};
pub use tokenise::tokenise;
