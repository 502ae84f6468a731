//! Reading a method from left to right.

use serde::de::DeserializeOwned;

use crate::error::MethodError;

/// A text and how much of it is read.
pub(crate) struct Cursor<'a> {
    text: &'a str,
    rest: &'a str,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, rest: text }
    }

    /// The position of the next character, from 1.
    pub(crate) fn position(&self) -> usize {
        let read = self.text.len().saturating_sub(self.rest.len());
        let before = self.text.get(..read).unwrap_or_default();
        before.chars().count().saturating_add(1)
    }

    /// That `expected` should stand here.
    pub(crate) fn expected<T>(&self, expected: &'static str) -> Result<T, MethodError> {
        Err(MethodError::Expected {
            position: self.position(),
            expected,
        })
    }

    pub(crate) fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_start();
    }

    pub(crate) fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    /// Reads this character, after blanks, if it is the next.
    pub(crate) fn eat(&mut self, wanted: char) -> bool {
        self.skip_blanks();
        self.next_is(wanted)
    }

    /// Reads this character if it is the next.
    pub(crate) fn next_is(&mut self, wanted: char) -> bool {
        match self.rest.strip_prefix(wanted) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// Reads this character, after blanks.
    pub(crate) fn need(&mut self, wanted: char, expected: &'static str) -> Result<(), MethodError> {
        if self.eat(wanted) {
            return Ok(());
        }
        self.expected(expected)
    }

    /// Reads on as long as characters are of this sort.
    pub(crate) fn take_while(&mut self, sort: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|c| !sort(c)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at_checked(end).unwrap_or((self.rest, ""));
        self.rest = rest;
        taken
    }

    /// Reads one JSON value, after blanks.
    pub(crate) fn json<T: DeserializeOwned>(
        &mut self,
        expected: &'static str,
    ) -> Result<T, MethodError> {
        self.skip_blanks();
        let mut values = serde_json::Deserializer::from_str(self.rest).into_iter::<T>();
        let Some(Ok(value)) = values.next() else {
            return self.expected(expected);
        };
        let read = values.byte_offset();
        self.rest = self.rest.get(read..).unwrap_or_default();
        Ok(value)
    }

    /// Reads blanks up to the end of the text.
    pub(crate) fn end(&mut self) -> Result<(), MethodError> {
        self.skip_blanks();
        if self.rest.is_empty() {
            return Ok(());
        }
        self.expected("nothing more")
    }
}
