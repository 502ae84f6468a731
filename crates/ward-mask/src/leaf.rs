//! Masks of single values in JSON documents.

use std::borrow::Cow;
use std::fmt;

use serde_json::value::RawValue;

use crate::keyed::{TenantKey, hash_text};
use crate::method::{Method, Width};
use crate::number::{IntSize, bucket_f64, bucket_i64, round_f64, round_i64};
use crate::text::{email, partial};
use crate::tokenise::tokenise;

/// A single value of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Leaf<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Boolean(bool),
    /// A number as it is written.
    Number(Cow<'a, str>),
    /// The text of a string.
    String(Cow<'a, str>),
}

impl<'a> Leaf<'a> {
    /// The value that this JSON text is; `None` if it is an object, an array, or unreadable.
    pub(crate) fn read(json: &'a str) -> Option<Self> {
        match json.bytes().next()? {
            b'"' => serde_json::from_str(json)
                .ok()
                .map(Cow::Owned)
                .map(Self::String),
            b'n' => Some(Self::Null),
            b't' => Some(Self::Boolean(true)),
            b'f' => Some(Self::Boolean(false)),
            b'{' | b'[' => None,
            _ => Some(Self::Number(Cow::Borrowed(json))),
        }
    }

    fn text(text: String) -> Leaf<'static> {
        Leaf::String(Cow::Owned(text))
    }

    /// A number from a calculation; JSON has no infinities.
    fn number(value: f64) -> Leaf<'static> {
        if value.is_finite() {
            return Leaf::Number(Cow::Owned(value.to_string()));
        }
        Leaf::Null
    }
}

/// As JSON. A number that is none is `null`.
impl fmt::Display for Leaf<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Boolean(value) => write!(f, "{value}"),
            Self::Number(text) => f.write_str(number_text(text).unwrap_or("null")),
            Self::String(text) => {
                f.write_str(&serde_json::to_string(text).map_err(|_| fmt::Error)?)
            }
        }
    }
}

/// The text, if it is a JSON number.
fn number_text(text: &str) -> Option<&str> {
    let value: &RawValue = serde_json::from_str(text).ok()?;
    let is_number = value
        .get()
        .starts_with(|c: char| c == '-' || c.is_ascii_digit());
    is_number.then(|| value.get())
}

impl Method {
    /// The mask of a single JSON value by this method, for [`crate::json_paths`].
    ///
    /// `null` stays null. Methods for text take a number as its text and give a string; methods
    /// for numbers give null for a string; nothing but `constant` keeps a boolean from becoming
    /// null. So do a method that is not for single values, and one that needs the key without it.
    pub fn mask_leaf(&self, key: Option<&TenantKey>, leaf: &Leaf<'_>) -> Leaf<'static> {
        match (self, leaf) {
            (_, Leaf::Null) => Leaf::Null,
            (Self::Constant(value), _) => Leaf::text(value.clone()),
            (Self::Round(places), Leaf::Number(text)) => round(text, *places),
            (Self::Bucket(width), Leaf::Number(text)) => bucket(text, width),
            (_, Leaf::String(text) | Leaf::Number(text)) => self.mask_text(key, text),
            (_, Leaf::Boolean(_)) => Leaf::Null,
        }
    }

    fn mask_text(&self, key: Option<&TenantKey>, text: &str) -> Leaf<'static> {
        match (self, key) {
            (
                Self::Partial {
                    prefix,
                    pad,
                    suffix,
                },
                _,
            ) => Leaf::text(partial(text, (*prefix).into(), pad, (*suffix).into(), None)),
            (Self::Email, _) => Leaf::text(email(text, None)),
            (Self::Hash, Some(key)) => Leaf::text(hash_text(key, text.as_bytes(), None)),
            (Self::Tokenise, Some(key)) => Leaf::text(tokenise(key, text)),
            _ => Leaf::Null,
        }
    }
}

/// Whole numbers exactly, all others as floating-point numbers.
fn round(text: &str, places: i32) -> Leaf<'static> {
    match (text.parse(), text.parse()) {
        (Ok(whole), _) => whole_number(round_i64(whole, places, IntSize::Int8)),
        (_, Ok(value)) => Leaf::number(round_f64(value, places)),
        _ => Leaf::Null,
    }
}

fn bucket(text: &str, width: &Width) -> Leaf<'static> {
    match (text.parse(), width.as_i64(), text.parse()) {
        (Ok(whole), Some(width), _) => whole_number(bucket_i64(whole, width, IntSize::Int8)),
        (_, _, Ok(value)) => Leaf::number(bucket_f64(value, width.as_f64())),
        _ => Leaf::Null,
    }
}

fn whole_number(value: i64) -> Leaf<'static> {
    Leaf::Number(Cow::Owned(value.to_string()))
}
