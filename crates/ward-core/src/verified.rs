//! The witness that a value was checked.

use std::ops::Deref;

/// A value whose proof was checked. Code that asks for `Verified<T>` cannot be reached without it.
///
/// The only way to make one is [`Verified::assert_checked`], which exactly one function calls: the
/// verifier of the `ward-token` crate. There is no `Default`, no `From` and no way to change the
/// value inside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified<T>(T);

impl<T> Verified<T> {
    /// Declares that `value` passed every check. Call this in the verifier and nowhere else.
    pub fn assert_checked(value: T) -> Self {
        Self(value)
    }

    /// The checked value.
    pub fn get(&self) -> &T {
        &self.0
    }

    /// Gives the value up, and with it the proof.
    pub fn into_unproven(self) -> T {
        self.0
    }
}

impl<T> Deref for Verified<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}
