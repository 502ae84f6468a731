//! Masks within JSON documents.
//!
//! Only what is masked is written anew; all else is copied as it is written, so that numbers keep
//! their digits and members their order, even repeated ones.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::leaf::Leaf;
use crate::path::{JsonPath, Step};

/// How deep paths are followed into arrays within arrays; what lies deeper counts as on the path.
const MAX_DEPTH: usize = 64;

/// The document with the values on the paths replaced by what `leaf` makes of them.
///
/// An object or array on a path becomes null, whatever `leaf` is. Paths are lax, as in PostgreSQL,
/// so that a mask does not depend on whether there is one value or a list of them: `.name` also
/// looks into the elements of an array, and `[*]` also means a value that is no array. All members
/// of the same name are masked.
///
/// A document in which nothing is on a path stays as it is. One that cannot be read becomes
/// `null`.
pub fn json_paths(
    text: &str,
    paths: &[JsonPath],
    leaf: impl Fn(&Leaf<'_>) -> Leaf<'static>,
) -> String {
    let Ok(document) = serde_json::from_str::<&RawValue>(text) else {
        return NULL.to_owned();
    };
    let mut walk = Walk {
        leaf,
        out: String::with_capacity(text.len()),
        hits: false,
    };
    let steps = paths.iter().map(JsonPath::steps).collect();
    walk.value(document.get(), steps, 0);
    if walk.hits { walk.out } else { text.to_owned() }
}

const NULL: &str = "null";

struct Walk<F> {
    leaf: F,
    out: String,
    hits: bool,
}

impl<F: Fn(&Leaf<'_>) -> Leaf<'static>> Walk<F> {
    /// Writes a value. `paths` are what is left of the paths that lead here.
    fn value(&mut self, raw: &str, mut paths: Vec<&[Step]>, depth: usize) {
        let depth = depth.saturating_add(1);
        if !raw.starts_with('[') {
            paths = paths.into_iter().map(skip_elements).collect();
        }
        if paths.is_empty() {
            self.out.push_str(raw);
        } else if depth > MAX_DEPTH || paths.iter().any(|path| path.is_empty()) {
            self.masked(raw);
        } else if raw.starts_with('{') {
            self.object(raw, &paths, depth);
        } else if raw.starts_with('[') {
            self.array(raw, &paths, depth);
        } else {
            self.out.push_str(raw);
        }
    }

    fn masked(&mut self, raw: &str) {
        self.hits = true;
        let masked = match Leaf::read(raw) {
            Some(value) => (self.leaf)(&value).to_string(),
            None => NULL.to_owned(),
        };
        self.out.push_str(&masked);
    }

    fn object(&mut self, raw: &str, paths: &[&[Step]], depth: usize) {
        // Not readable although the document is: a name that is no Unicode text.
        let Ok(Members(members)) = serde_json::from_str(raw) else {
            return self.masked(raw);
        };
        let mut separator = '{';
        for (name, value) in members {
            self.out.push(separator);
            separator = ',';
            self.out.push_str(&quoted(&name));
            self.out.push(':');
            let paths = paths.iter().filter_map(|path| after_member(path, &name));
            self.value(value.get(), paths.collect(), depth);
        }
        self.out.push_str(if separator == '{' { "{}" } else { "}" });
    }

    fn array(&mut self, raw: &str, paths: &[&[Step]], depth: usize) {
        let Ok(elements) = serde_json::from_str::<Vec<&RawValue>>(raw) else {
            return self.masked(raw);
        };
        let mut separator = '[';
        for element in elements {
            self.out.push(separator);
            separator = ',';
            let paths = paths.iter().map(|path| after_element(path)).collect();
            self.value(element.get(), paths, depth);
        }
        self.out.push_str(if separator == '[' { "[]" } else { "]" });
    }
}

/// For a value that is no array, `[*]` is the value itself.
fn skip_elements(path: &[Step]) -> &[Step] {
    match path {
        [Step::AnyElement, rest @ ..] => skip_elements(rest),
        _ => path,
    }
}

/// What is left of the path in a member of this name; `None` if it does not lead there.
fn after_member<'p>(path: &'p [Step], name: &str) -> Option<&'p [Step]> {
    match path {
        [Step::AnyMember, rest @ ..] => Some(rest),
        [Step::Member(wanted), rest @ ..] if wanted == name => Some(rest),
        _ => None,
    }
}

/// What is left of the path in an element: all of it, if it does not speak of elements.
fn after_element(path: &[Step]) -> &[Step] {
    match path {
        [Step::AnyElement, rest @ ..] => rest,
        _ => path,
    }
}

/// The members of an object as they come; a map would keep one of each name.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

/// The text as a JSON string.
fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_else(|_| NULL.to_owned())
}
