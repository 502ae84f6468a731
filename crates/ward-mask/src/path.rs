//! Paths into JSON documents, a part of SQL/JSON path (ISO/IEC 9075-2): `$.a.b`, `$.list[*].c`,
//! `$.*`, `$."any name"`.

use std::fmt;

use crate::cursor::Cursor;
use crate::error::MethodError;

/// The most steps of a path.
pub(crate) const MAX_STEPS: usize = 16;

const STEP: &str = "a step: .name, .\"any name\", .* or [*]";

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// `.name`: the members of this name.
    Member(String),
    /// `.*`: all members of an object.
    AnyMember,
    /// `[*]`: all elements of an array. Single elements cannot be named: what moves to another
    /// place in its array would lose its mask.
    AnyElement,
}

/// Which values of a document are masked: the steps from its root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonPath(Vec<Step>);

impl JsonPath {
    /// The steps from the root; none for the root itself.
    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    /// Reads a path. `number` is the one it has in its list, from 1, for messages.
    ///
    /// # Errors
    /// [`MethodError::Path`]: not a path, more than 16 steps, or a NUL character in a name.
    pub fn parse(text: &str, number: usize) -> Result<Self, MethodError> {
        steps(text).map(Self).map_err(|error| match error {
            MethodError::Expected { position, expected } => MethodError::Path {
                number,
                position,
                expected,
            },
            other => other,
        })
    }
}

fn steps(text: &str) -> Result<Vec<Step>, MethodError> {
    let mut cursor = Cursor::new(text.trim_end());
    cursor.need('$', "a path, which begins with $")?;
    let mut steps = Vec::new();
    while cursor.peek().is_some() {
        if steps.len() == MAX_STEPS {
            return cursor.expected("nothing more: a path has at most 16 steps");
        }
        steps.push(step(&mut cursor)?);
    }
    Ok(steps)
}

fn step(cursor: &mut Cursor<'_>) -> Result<Step, MethodError> {
    if cursor.eat('[') {
        cursor.need('*', "*: every element is masked, not one by its number")?;
        cursor.need(']', "]")?;
        return Ok(Step::AnyElement);
    }
    cursor.need('.', STEP)?;
    if cursor.eat('*') {
        return Ok(Step::AnyMember);
    }
    if cursor.peek() == Some('"') {
        let name: String = cursor.json("a member's name as a JSON string")?;
        if name.contains('\0') {
            return cursor.expected("a member's name without a NUL character before this");
        }
        return Ok(Step::Member(name));
    }
    let name = cursor.take_while(is_plain);
    if name.is_empty() {
        return cursor.expected(STEP);
    }
    Ok(Step::Member(name.to_owned()))
}

/// May this stand in a name without quotation marks?
fn is_plain(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '-'
}

impl fmt::Display for JsonPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("$")?;
        for step in &self.0 {
            match step {
                Step::AnyElement => f.write_str("[*]")?,
                Step::AnyMember => f.write_str(".*")?,
                Step::Member(name) if !name.is_empty() && name.chars().all(is_plain) => {
                    write!(f, ".{name}")?;
                }
                Step::Member(name) => write!(f, ".{}", json_string(name)?)?,
            }
        }
        Ok(())
    }
}

/// The text as a JSON string.
pub(crate) fn json_string(text: &str) -> Result<String, fmt::Error> {
    serde_json::to_string(text).map_err(|_| fmt::Error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(text: &str) -> Result<String, String> {
        let path = JsonPath::parse(text, 3).map_err(|error| error.to_string())?;
        Ok(path.to_string())
    }

    #[test]
    fn paths() {
        for text in [
            "$",
            "$.a.b",
            "$.list[*].c",
            "$[*][*]",
            "$.*.é",
            "$.\"a b\\n\".\"\"",
        ] {
            assert_eq!(canonical(text).as_deref(), Ok(text));
        }
        assert_eq!(canonical(" $.\"a\" [ *] ").as_deref(), Ok("$.a[*]"));
    }

    #[test]
    fn refused() {
        for (text, position) in [
            ("", 1),
            ("a.b", 1),
            ("$a", 2),
            ("$.", 3),
            ("$..a", 3),
            ("$[0]", 3),
            ("$[*", 4),
            ("$.a.\"b", 5),
            ("$.a[?(@.b)]", 5),
            ("$.\"\\u0000\"", 11),
        ] {
            let error = canonical(text).unwrap_err();
            let start = format!("at character {position} of JSON path 3: write ");
            assert!(error.starts_with(&start), "{text}: {error}");
        }
        assert!(canonical(&format!("${}", ".a".repeat(16))).is_ok());
        assert!(canonical(&format!("${}", ".a".repeat(17))).is_err());
    }
}
