//! Where a mask applies.

use std::fmt;

use crate::error::MethodError;

/// What a session that sees a column masked may do with it.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Default)]
pub enum Mode {
    /// It sees the mask wherever the value could surface.
    #[default]
    Mask,
    /// Naming the column is an error.
    Deny,
    /// It sees the mask in the output; naming the column in a condition is an error.
    Project,
    /// It may compare the clear value with one of its own; it sees the mask.
    Match,
}

impl Mode {
    /// All modes, in the order of the documentation.
    pub const ALL: [Self; 4] = [Self::Mask, Self::Deny, Self::Project, Self::Match];

    /// The name, as in the SQL argument.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mask => "mask",
            Self::Deny => "deny",
            Self::Project => "project",
            Self::Match => "match",
        }
    }

    /// The mode of this name, in any case.
    ///
    /// # Errors
    /// [`MethodError::UnknownMode`].
    pub fn parse(text: &str) -> Result<Self, MethodError> {
        let name = text.trim();
        let found = Self::ALL
            .into_iter()
            .find(|mode| mode.name().eq_ignore_ascii_case(name));
        found.ok_or_else(|| MethodError::UnknownMode(name.to_owned()))
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for mode in Mode::ALL {
            assert_eq!(Mode::parse(&mode.to_string()), Ok(mode));
        }
        assert_eq!(Mode::parse(" DENY "), Ok(Mode::Deny));
        assert_eq!(
            Mode::parse("hide").unwrap_err().to_string(),
            "the mode \"hide\" is unknown; write mask, deny, project or match"
        );
    }
}
