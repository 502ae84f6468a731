//! JSON, read strictly: no duplicate members at any depth, no NUL, bounded in every direction.
//!
//! Duplicates matter because two readers of one token may choose different ones (RFC 8725 §2.4
//! describes the attack); NUL because PostgreSQL text cannot hold it.

use std::cell::{Cell, RefCell};
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::error::JsonError;

/// How much a document may hold.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Limits {
    /// Arrays and objects within each other.
    pub depth: usize,
    /// Values in all, members and elements at every depth.
    pub values: usize,
    /// Bytes of one string.
    pub string: usize,
    /// Bytes of one member name.
    pub name: usize,
}

/// For the two JSON parts of a token.
pub(crate) const TOKEN: Limits = Limits {
    depth: 16,
    values: 2048,
    string: 8192,
    name: 256,
};

/// For what an administrator passes. Key sets carry certificates, hence the long strings.
pub(crate) const DEFINITION: Limits = Limits {
    depth: 16,
    values: 8192,
    string: 65536,
    name: 256,
};

/// Reads one JSON object from `bytes`, which must hold nothing else.
pub(crate) fn object(bytes: &[u8], limits: Limits) -> Result<Map<String, Value>, JsonError> {
    let text = std::str::from_utf8(bytes).map_err(|_| JsonError::Syntax)?;
    let reader = Reader {
        limits,
        left: Cell::new(limits.values),
        problem: RefCell::new(None),
    };
    let mut json = serde_json::Deserializer::from_str(text);
    let seed = Node {
        reader: &reader,
        depth: 0,
    };
    let value = seed
        .deserialize(&mut json)
        .and_then(|v| json.end().map(|()| v));
    match value {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => Err(JsonError::NotObject),
        Err(_) => Err(reader.problem.into_inner().unwrap_or(JsonError::Syntax)),
    }
}

struct Reader {
    limits: Limits,
    left: Cell<usize>,
    /// Our reason: serde carries errors as text, which could quote the document.
    problem: RefCell<Option<JsonError>>,
}

impl Reader {
    fn refuse<T, E: Error>(&self, problem: JsonError) -> Result<T, E> {
        *self.problem.borrow_mut() = Some(problem);
        Err(E::custom("refused"))
    }

    fn string<E: Error>(&self, text: &str, limit: usize) -> Result<String, E> {
        if text.len() > limit {
            return self.refuse(JsonError::TooLong);
        }
        if text.contains('\0') {
            return self.refuse(JsonError::Nul);
        }
        Ok(text.to_owned())
    }
}

#[derive(Copy, Clone)]
struct Node<'r> {
    reader: &'r Reader,
    depth: usize,
}

impl Node<'_> {
    fn deeper<E: Error>(self) -> Result<Self, E> {
        if self.depth >= self.reader.limits.depth {
            return self.reader.refuse(JsonError::TooDeep);
        }
        let depth = self.depth + 1;
        Ok(Self { depth, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Value, D::Error> {
        match self.reader.left.get().checked_sub(1) {
            Some(left) => self.reader.left.set(left),
            None => return self.reader.refuse(JsonError::TooMany),
        }
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        let text = self.reader.string(value, self.reader.limits.string)?;
        Ok(Value::String(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let element = self.deeper()?;
        let mut values = Vec::new();
        while let Some(value) = seq.next_element_seed(element)? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let member = self.deeper()?;
        let mut members = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            let name = self.reader.string(&name, self.reader.limits.name)?;
            if members.contains_key(&name) {
                return self.reader.refuse(JsonError::Duplicate(name));
            }
            let value = map.next_value_seed(member)?;
            members.insert(name, value);
        }
        Ok(Value::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Map<String, Value>, JsonError> {
        object(text.as_bytes(), TOKEN)
    }

    #[test]
    fn reads_what_serde_json_reads() {
        let text = r#" {"a":[1,-2,2.5,null,true,"\u00e9\n"],"b":{"c":{}}} "#;
        let expected: Value = serde_json::from_str(text).unwrap();
        assert_eq!(Value::Object(read(text).unwrap()), expected);
    }

    #[test]
    fn refuses_duplicates_at_any_depth() {
        for text in [
            r#"{"a":1,"a":1}"#,
            r#"{"x":{"a":1,"b":2,"a":3}}"#,
            r#"{"x":[[{"a":1,"\u0061":2}]]}"#,
        ] {
            assert_eq!(read(text), Err(JsonError::Duplicate("a".into())), "{text}");
        }
    }

    #[test]
    fn refuses_nul_in_names_and_values() {
        for text in [
            r#"{"a":"x\u0000"}"#,
            r#"{"a\u0000":1}"#,
            r#"{"a":[{"b":"\u0000"}]}"#,
        ] {
            assert_eq!(read(text), Err(JsonError::Nul), "{text}");
        }
        // A raw NUL byte is not JSON.
        assert_eq!(read("{\"a\":\"\0\"}"), Err(JsonError::Syntax));
    }

    #[test]
    fn refuses_what_is_not_one_object() {
        for text in ["", "[]", "1", "\"a\"", "null"] {
            assert!(read(text).is_err(), "{text}");
        }
        for text in [
            "{",
            "{}x",
            "{} {}",
            "{\"a\":1,}",
            "{'a':1}",
            "{\"a\":01}",
            "{\"a\":NaN}",
            "{\"a\":1e999}",
            "{\"a\":\"\\ud800\"}",
            "\u{feff}{}",
        ] {
            assert_eq!(read(text), Err(JsonError::Syntax), "{text}");
        }
        assert_eq!(object(b"{\"a\":\"\xff\"}", TOKEN), Err(JsonError::Syntax));
    }

    #[test]
    fn bounds() {
        let nested = |n: usize| format!("{{\"a\":{}{}}}", "[".repeat(n), "]".repeat(n));
        assert!(read(&nested(15)).is_ok());
        assert_eq!(read(&nested(16)), Err(JsonError::TooDeep));
        assert_eq!(read(&nested(100_000)), Err(JsonError::TooDeep));

        let many = |n: usize| format!("{{\"a\":[{}0]}}", "0,".repeat(n - 1));
        assert!(read(&many(2046)).is_ok());
        assert_eq!(read(&many(2047)), Err(JsonError::TooMany));

        let long = |n: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(n));
        assert!(read(&long(8192)).is_ok());
        assert_eq!(read(&long(8193)), Err(JsonError::TooLong));
        let name = |n: usize| format!("{{\"{}\":1}}", "x".repeat(n));
        assert!(read(&name(256)).is_ok());
        assert_eq!(read(&name(257)), Err(JsonError::TooLong));
    }
}
