//! How a column is masked: the methods and their canonical text.

use std::fmt;

use crate::error::MethodError;
use crate::parse;
use crate::path::{JsonPath, json_string};

/// The longest text of a method, in bytes.
pub const MAX_METHOD_BYTES: usize = 2000;

/// The names of all methods.
pub(crate) const NAMES: &[&str] = &[
    "null",
    "constant",
    "partial",
    "email",
    "hash",
    "tokenise",
    "year",
    "month",
    "day",
    "round",
    "bucket",
    "ip_prefix",
    "json_paths",
    "search_only",
    "function",
];

/// How a value is masked. The text is that of the SQL argument; [`fmt::Display`] prints its
/// canonical form, which [`Method::parse`] reads back to an equal value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Method {
    /// `null`: no value at all.
    Null,
    /// `constant(v)`: always this one, in the form of a literal of the column's type.
    Constant(String),
    /// `partial(prefix, pad, suffix)`: see [`crate::partial`].
    Partial {
        /// How many characters of the start are shown, at most 1000.
        prefix: u16,
        /// What stands for the rest, at most 64 characters.
        pad: String,
        /// How many characters of the end are shown, at most 1000.
        suffix: u16,
    },
    /// `email`: see [`crate::email`].
    Email,
    /// `hash`: a keyed hash.
    Hash,
    /// `tokenise`: digits become other digits.
    Tokenise,
    /// `year`, `month`, `day`: the start of the year, month or day.
    Truncate(Field),
    /// `round(n)`: to so many decimal places, from -30 to 30; negative ones are tens, hundreds, ….
    Round(i32),
    /// `bucket(n)`: down to a multiple of this width.
    Bucket(Width),
    /// `ip_prefix(v4, v6)`: so many leading bits of an address; `ip_prefix` is `ip_prefix(24,48)`.
    IpPrefix {
        /// Of an IPv4 address, at most 31.
        v4: u8,
        /// Of an IPv6 address, at most 127.
        v6: u8,
    },
    /// `json_paths(["$.a", …], method)`: some values in a document.
    JsonPaths {
        /// Which values, 1 to 32 paths.
        paths: Vec<JsonPath>,
        /// How each is masked: null, constant, partial, email, hash, tokenise, round or bucket.
        leaf: Box<Method>,
    },
    /// `search_only(decimals)`: never shown, but usable for ordering by distance; `search_only`
    /// is `search_only(2)`.
    SearchOnly {
        /// Decimal places of the score, at most 6.
        decimals: u8,
    },
    /// `function(schema.name)`: a function of the user's own.
    Function(FunctionName),
}

/// A part of a date.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Field {
    /// The year.
    Year,
    /// The month.
    Month,
    /// The day.
    Day,
}

/// The width of a bucket: a positive decimal number of at most 18 digits before the point and 18
/// after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Width(String);

impl Width {
    /// The width for these digits; `None` if they are not 1 to 18 digits, or 1 to 18 more after a
    /// point, or if all are zero.
    pub fn parse(text: &str) -> Option<Self> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let digits =
            |part: &str| (1..=18).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole) || !digits(fraction) {
            return None;
        }
        let whole = whole.trim_start_matches('0');
        let fraction = fraction.trim_end_matches('0');
        let whole = match (whole, fraction) {
            ("", "") => return None,
            ("", _) => "0",
            _ => whole,
        };
        let point = if fraction.is_empty() { "" } else { "." };
        Some(Self([whole, point, fraction].concat()))
    }

    /// The width, if it is a whole number.
    pub fn as_i64(&self) -> Option<i64> {
        self.0.parse().ok()
    }

    /// The nearest floating-point number, always positive and finite.
    pub fn as_f64(&self) -> f64 {
        self.0.parse().unwrap_or(f64::MAX)
    }

    /// The exact width as a decimal number without needless zeros.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The name of a function with its schema, as the catalogue has it (unquoted, case as it is).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionName {
    /// The schema, 1 to 63 bytes.
    pub schema: String,
    /// The function, 1 to 63 bytes.
    pub name: String,
}

impl Method {
    /// Reads a method. Blanks between its parts and upper case in its name do not matter; strings
    /// are JSON strings, or bare where nothing else could be meant.
    ///
    /// # Errors
    /// [`MethodError`], with the position and what should stand there.
    pub fn parse(text: &str) -> Result<Self, MethodError> {
        parse::method(text)
    }

    /// The name of the method, without its arguments.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Constant(_) => "constant",
            Self::Partial { .. } => "partial",
            Self::Email => "email",
            Self::Hash => "hash",
            Self::Tokenise => "tokenise",
            Self::Truncate(Field::Year) => "year",
            Self::Truncate(Field::Month) => "month",
            Self::Truncate(Field::Day) => "day",
            Self::Round(_) => "round",
            Self::Bucket(_) => "bucket",
            Self::IpPrefix { .. } => "ip_prefix",
            Self::JsonPaths { .. } => "json_paths",
            Self::SearchOnly { .. } => "search_only",
            Self::Function(_) => "function",
        }
    }

    /// Is it `search_only`?
    pub fn is_search_only(&self) -> bool {
        matches!(self, Self::SearchOnly { .. })
    }

    /// May it mask single values of a JSON document?
    pub(crate) fn is_leaf(&self) -> bool {
        matches!(
            self,
            Self::Null
                | Self::Constant(_)
                | Self::Partial { .. }
                | Self::Email
                | Self::Hash
                | Self::Tokenise
                | Self::Round(_)
                | Self::Bucket(_)
        )
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        match self {
            Self::Null | Self::Email | Self::Hash | Self::Tokenise | Self::Truncate(_) => Ok(()),
            Self::Constant(value) => write!(f, "({})", json_string(value)?),
            Self::Partial {
                prefix,
                pad,
                suffix,
            } => write!(f, "({prefix},{},{suffix})", json_string(pad)?),
            Self::Round(places) => write!(f, "({places})"),
            Self::Bucket(width) => write!(f, "({})", width.0),
            Self::IpPrefix { v4, v6 } => write!(f, "({v4},{v6})"),
            Self::JsonPaths { paths, leaf } => {
                let paths: Vec<String> = paths.iter().map(JsonPath::to_string).collect();
                let paths = serde_json::to_string(&paths).map_err(|_| fmt::Error)?;
                write!(f, "({paths},{leaf})")
            }
            Self::SearchOnly { decimals } => write!(f, "({decimals})"),
            Self::Function(function) => write!(f, "({function})"),
        }
    }
}

impl fmt::Display for FunctionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", identifier(&self.schema), identifier(&self.name))
    }
}

/// The identifier, in quotation marks unless it is plain lower case.
fn identifier(name: &str) -> String {
    let plain = |c: char| c == '_' || c.is_ascii_lowercase();
    let starts_plain = name.chars().next().is_some_and(plain);
    if starts_plain && name.chars().all(|c| plain(c) || c.is_ascii_digit()) {
        return name.to_owned();
    }
    format!("\"{}\"", name.replace('"', "\"\""))
}
