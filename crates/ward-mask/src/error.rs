//! Why a method or a mode is refused: one variant per cause, each with its cure.
//!
//! Messages never hold a constant, a pad or a path of the definition, only its names and numbers.

use std::fmt;

use crate::method::{MAX_METHOD_BYTES, NAMES};

/// Why a method or a mode is refused. Positions count characters from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum MethodError {
    /// The text, or its canonical form, is longer than [`MAX_METHOD_BYTES`].
    TooLong,
    /// There is no method of this name.
    UnknownMethod(String),
    /// There is no mode of this name.
    UnknownMode(String),
    /// Something else must stand at this position.
    Expected {
        /// Where.
        position: usize,
        /// What must stand there.
        expected: &'static str,
    },
    /// A number or a length is out of its range.
    Range {
        /// Where.
        position: usize,
        /// What is too small or too large.
        what: &'static str,
        /// The smallest that is accepted.
        min: i32,
        /// The largest that is accepted.
        max: i32,
    },
    /// One of the JSON paths cannot be read.
    Path {
        /// Which one, from 1.
        number: usize,
        /// Where in the path.
        position: usize,
        /// What must stand there.
        expected: &'static str,
    },
    /// This method does not mask single values of a JSON document.
    NotForJson(&'static str),
    /// The method does not fit the type of the column.
    Unfit {
        /// The method's name.
        method: &'static str,
        /// The column's type.
        kind: &'static str,
        /// What to use instead.
        cure: &'static str,
    },
    /// On this type the method would show every value as it is.
    Idle {
        /// The method's name.
        method: &'static str,
        /// The column's type.
        kind: &'static str,
        /// What to use instead.
        cure: &'static str,
    },
}

impl fmt::Display for MethodError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => write!(
                f,
                "the method is longer than {MAX_METHOD_BYTES} bytes; shorten it, or use function"
            ),
            Self::UnknownMethod(name) => write!(
                f,
                "the method {} is unknown; write one of {}",
                quote(name),
                NAMES.join(", ")
            ),
            Self::UnknownMode(name) => write!(
                f,
                "the mode {} is unknown; write mask, deny, project or match",
                quote(name)
            ),
            Self::Expected { position, expected } => {
                write!(f, "at character {position} of the method: write {expected}")
            }
            Self::Range {
                position,
                what,
                min,
                max,
            } => write!(
                f,
                "at character {position} of the method: {what} must be from {min} to {max}"
            ),
            Self::Path {
                number,
                position,
                expected,
            } => write!(
                f,
                "at character {position} of JSON path {number}: write {expected}"
            ),
            Self::NotForJson(method) => write!(
                f,
                "{method} does not mask single JSON values; inside json_paths use null, constant, \
                 partial, email, hash, tokenise, round or bucket"
            ),
            Self::Unfit { method, kind, cure } => {
                write!(f, "{method} does not fit a column of type {kind}; {cure}")
            }
            Self::Idle { method, kind, cure } => write!(
                f,
                "{method} would show every value of type {kind} as it is; {cure}"
            ),
        }
    }
}

impl std::error::Error for MethodError {}

/// A name for a message: at most 48 characters, anything but common ASCII replaced.
fn quote(name: &str) -> String {
    let plain = |c: char| match c {
        c if c.is_ascii_alphanumeric() || "-_.:$ ".contains(c) => c,
        _ => '?',
    };
    let shown: String = name.chars().take(48).map(plain).collect();
    let rest = if name.chars().nth(48).is_some() {
        "…"
    } else {
        ""
    };
    format!("\"{shown}{rest}\"")
}
