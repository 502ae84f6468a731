//! The grammar of methods.

use crate::cursor::Cursor;
use crate::error::MethodError;
use crate::method::{Field, FunctionName, MAX_METHOD_BYTES, Method, Width};
use crate::path::JsonPath;

/// The longest pad, in characters.
const MAX_PAD: i32 = 64;
/// The most characters that are shown at one end.
const MAX_SHOWN: i32 = 1000;
/// The most paths of one method.
const MAX_PATHS: i32 = 32;
/// The longest identifier of PostgreSQL, in bytes.
const MAX_IDENTIFIER: i32 = 63;

pub(crate) fn method(text: &str) -> Result<Method, MethodError> {
    if text.len() > MAX_METHOD_BYTES {
        return Err(MethodError::TooLong);
    }
    let mut cursor = Cursor::new(text);
    let method = one(&mut cursor)?;
    cursor.end()?;
    // The canonical form is what is stored, and must be readable too.
    if method.to_string().len() > MAX_METHOD_BYTES {
        return Err(MethodError::TooLong);
    }
    Ok(method)
}

fn one(cursor: &mut Cursor<'_>) -> Result<Method, MethodError> {
    cursor.skip_blanks();
    let name = cursor.take_while(|c| c.is_alphanumeric() || c == '_');
    match name.to_ascii_lowercase().as_str() {
        "null" => Ok(Method::Null),
        "constant" => within(cursor, constant),
        "partial" => within(cursor, partial),
        "email" => Ok(Method::Email),
        "hash" => Ok(Method::Hash),
        "tokenise" => Ok(Method::Tokenise),
        "year" => Ok(Method::Truncate(Field::Year)),
        "month" => Ok(Method::Truncate(Field::Month)),
        "day" => Ok(Method::Truncate(Field::Day)),
        "round" => within(cursor, |c| {
            number(c, "the decimal places", -30, 30).map(Method::Round)
        }),
        "bucket" => within(cursor, bucket),
        "ip_prefix" => optional(cursor, ip_prefix, Method::IpPrefix { v4: 24, v6: 48 }),
        "json_paths" => within(cursor, json_paths),
        "search_only" => optional(cursor, search_only, Method::SearchOnly { decimals: 2 }),
        "function" => within(cursor, function),
        "" => cursor.expected("the name of a method, such as null or email"),
        _ => Err(MethodError::UnknownMethod(name.to_owned())),
    }
}

/// Arguments in parentheses.
fn within(
    cursor: &mut Cursor<'_>,
    arguments: impl FnOnce(&mut Cursor<'_>) -> Result<Method, MethodError>,
) -> Result<Method, MethodError> {
    cursor.need('(', "( and the arguments of the method")?;
    let method = arguments(cursor)?;
    cursor.need(')', "), which ends the arguments")?;
    Ok(method)
}

/// Arguments in parentheses, or nothing.
fn optional(
    cursor: &mut Cursor<'_>,
    arguments: impl FnOnce(&mut Cursor<'_>) -> Result<Method, MethodError>,
    default: Method,
) -> Result<Method, MethodError> {
    cursor.skip_blanks();
    if cursor.peek() == Some('(') {
        return within(cursor, arguments);
    }
    Ok(default)
}

fn comma(cursor: &mut Cursor<'_>) -> Result<(), MethodError> {
    cursor.need(',', "a comma and the next argument")
}

fn constant(cursor: &mut Cursor<'_>) -> Result<Method, MethodError> {
    let expected = "the constant, in double quotes if it is empty or has quotes or parentheses";
    text(cursor, "\"()", expected).map(Method::Constant)
}

fn partial(cursor: &mut Cursor<'_>) -> Result<Method, MethodError> {
    let prefix = small(cursor, "the prefix", MAX_SHOWN)?;
    comma(cursor)?;
    cursor.skip_blanks();
    let (position, pad) = (
        cursor.position(),
        text(cursor, "\"(),", "the pad in double quotes")?,
    );
    in_range(position, "the length of the pad", count(&pad), 0, MAX_PAD)?;
    comma(cursor)?;
    let suffix = small(cursor, "the suffix", MAX_SHOWN)?;
    Ok(Method::Partial {
        prefix,
        pad,
        suffix,
    })
}

fn bucket(cursor: &mut Cursor<'_>) -> Result<Method, MethodError> {
    let expected = "a width above 0 of at most 18 digits before and after the point";
    cursor.skip_blanks();
    let before = cursor.position();
    let digits = cursor.take_while(|c| c.is_ascii_digit() || c == '.');
    let width = Width::parse(digits).ok_or(MethodError::Expected {
        position: before,
        expected,
    })?;
    Ok(Method::Bucket(width))
}

fn ip_prefix(cursor: &mut Cursor<'_>) -> Result<Method, MethodError> {
    let v4 = small(cursor, "the bits of an IPv4 address", 31)?;
    comma(cursor)?;
    let v6 = small(cursor, "the bits of an IPv6 address", 127)?;
    Ok(Method::IpPrefix { v4, v6 })
}

fn search_only(cursor: &mut Cursor<'_>) -> Result<Method, MethodError> {
    let decimals = small(cursor, "the decimal places of the score", 6)?;
    Ok(Method::SearchOnly { decimals })
}

fn json_paths(cursor: &mut Cursor<'_>) -> Result<Method, MethodError> {
    cursor.skip_blanks();
    let position = cursor.position();
    let texts: Vec<String> = cursor.json("an array of paths such as [\"$.a.b\"]")?;
    in_range(position, "the number of paths", texts.len(), 1, MAX_PATHS)?;
    let numbered = texts.iter().zip(1usize..);
    let paths = numbered
        .map(|(text, number)| JsonPath::parse(text, number))
        .collect::<Result<_, _>>()?;
    comma(cursor)?;
    let leaf = Box::new(one(cursor)?);
    if !leaf.is_leaf() {
        return Err(MethodError::NotForJson(leaf.name()));
    }
    Ok(Method::JsonPaths { paths, leaf })
}

fn function(cursor: &mut Cursor<'_>) -> Result<Method, MethodError> {
    let schema = identifier(cursor)?;
    cursor.need(
        '.',
        "a point and the name of the function: its schema must be named",
    )?;
    let name = identifier(cursor)?;
    Ok(Method::Function(FunctionName { schema, name }))
}

/// An identifier of SQL: folded to lower case unless in double quotes, in which a doubled quote is
/// a quote.
fn identifier(cursor: &mut Cursor<'_>) -> Result<String, MethodError> {
    cursor.skip_blanks();
    let position = cursor.position();
    let name = if cursor.eat('"') {
        quoted(cursor)?
    } else {
        bare(cursor)?
    };
    in_range(
        position,
        "the bytes of a name",
        name.len(),
        1,
        MAX_IDENTIFIER,
    )?;
    no_nul(position, name)
}

fn bare(cursor: &mut Cursor<'_>) -> Result<String, MethodError> {
    let starts = |c: char| c.is_alphabetic() || c == '_';
    if !cursor.peek().is_some_and(starts) {
        return cursor.expected("a name; put it in double quotes if it is unusual");
    }
    let name = cursor.take_while(|c| c.is_alphanumeric() || c == '_' || c == '$');
    Ok(name.to_ascii_lowercase())
}

fn quoted(cursor: &mut Cursor<'_>) -> Result<String, MethodError> {
    let mut name = String::new();
    loop {
        name.push_str(cursor.take_while(|c| c != '"'));
        if !cursor.next_is('"') {
            return cursor.expected("\" at the end of the name");
        }
        if !cursor.next_is('"') {
            return Ok(name);
        }
        name.push('"');
    }
}

/// A JSON string, or bare text without any of the `special` characters and blanks at its ends.
fn text(
    cursor: &mut Cursor<'_>,
    special: &str,
    expected: &'static str,
) -> Result<String, MethodError> {
    cursor.skip_blanks();
    let position = cursor.position();
    if cursor.peek() == Some('"') {
        return no_nul(position, cursor.json(expected)?);
    }
    let bare = cursor.take_while(|c| !special.contains(c)).trim_end();
    if bare.is_empty() {
        return cursor.expected(expected);
    }
    no_nul(position, bare.to_owned())
}

fn no_nul(position: usize, text: String) -> Result<String, MethodError> {
    if text.contains('\0') {
        let expected = "a text without NUL characters, which PostgreSQL cannot store";
        return Err(MethodError::Expected { position, expected });
    }
    Ok(text)
}

fn count(text: &str) -> usize {
    text.chars().count()
}

/// A whole number from 0 to `max`.
fn small<T: TryFrom<i32>>(
    cursor: &mut Cursor<'_>,
    what: &'static str,
    max: i32,
) -> Result<T, MethodError> {
    cursor.skip_blanks();
    let position = cursor.position();
    let value = number(cursor, what, 0, max)?;
    T::try_from(value).map_err(|_| out_of_range(position, what, 0, max))
}

/// A whole number from `min` to `max`.
fn number(
    cursor: &mut Cursor<'_>,
    what: &'static str,
    min: i32,
    max: i32,
) -> Result<i32, MethodError> {
    cursor.skip_blanks();
    let position = cursor.position();
    let sign = if cursor.next_is('-') { "-" } else { "" };
    let digits = cursor.take_while(|c| c.is_ascii_digit());
    if digits.is_empty() {
        return cursor.expected("a whole number");
    }
    // Digits that are not an i32 are too many.
    let value = [sign, digits].concat().parse().ok();
    let value = value.filter(|value| (min..=max).contains(value));
    value.ok_or_else(|| out_of_range(position, what, min, max))
}

fn in_range(
    position: usize,
    what: &'static str,
    value: usize,
    min: i32,
    max: i32,
) -> Result<(), MethodError> {
    match i32::try_from(value) {
        Ok(value) if (min..=max).contains(&value) => Ok(()),
        _ => Err(out_of_range(position, what, min, max)),
    }
}

fn out_of_range(position: usize, what: &'static str, min: i32, max: i32) -> MethodError {
    MethodError::Range {
        position,
        what,
        min,
        max,
    }
}
