//! Categories: the compartments of a label.
//!
//! 24 are standard and have fixed bits, so that a label means the same in every database. 31 more
//! can be given names by an administrator; their canonical text is `x0` … `x30` whatever the name,
//! so that printing, dumping and restoring a label never needs a look-up. The last bit is
//! `quarantine`, which no clearance ever has: a row with it is hidden from everybody.

use std::fmt;

/// How many standard categories there are.
pub const STANDARD: u8 = 24;
/// How many custom categories there are.
pub const CUSTOM: u8 = 31;
/// The longest custom category name, in bytes (the length of a PostgreSQL identifier).
pub const MAX_NAME: usize = 63;

/// The standard categories in bit order: name and meaning. The order is stored data: only append.
pub const STANDARD_CATEGORIES: [(&str, &str); STANDARD as usize] = [
    ("pii", "personal data: identifies a natural person"),
    (
        "spi",
        "sensitive personal data: belief, origin, politics, sexuality (GDPR art. 9)",
    ),
    ("phi", "health records (HIPAA)"),
    ("biometric", "fingerprints, faces, voices used to identify"),
    ("genetic", "genetic data"),
    ("minor", "data about children (COPPA, GDPR art. 8)"),
    ("location", "precise location of a person"),
    ("comms", "content of private communication"),
    ("pci", "payment card data (PCI DSS)"),
    ("financial", "accounts and transactions (GLBA)"),
    ("tax", "tax records"),
    ("mnpi", "material non-public information, insider data"),
    ("credentials", "passwords, keys, tokens"),
    ("security", "vulnerabilities, incidents, defences"),
    ("legal", "privileged legal advice"),
    ("hr", "personnel records"),
    ("ip", "trade secrets and other intellectual property"),
    ("source", "source code"),
    ("export", "export-controlled technology (EAR, ITAR)"),
    (
        "cui",
        "controlled unclassified information (NIST SP 800-171)",
    ),
    ("criminal", "criminal records (GDPR art. 10, CJIS)"),
    ("education", "student records (FERPA)"),
    (
        "customer",
        "a customer's confidential material under contract",
    ),
    ("model", "model weights, prompts and training data"),
];

/// The name of [`Category::QUARANTINE`].
const QUARANTINE: &str = "quarantine";

/// One category: 0 to 23 standard, 24 to 54 custom, 55 quarantine.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Category(u8);

impl Category {
    /// How many categories there are in all.
    pub const COUNT: u8 = STANDARD + CUSTOM + 1;

    /// Taken out of circulation: no clearance contains it.
    pub const QUARANTINE: Self = Self(STANDARD + CUSTOM);

    /// The category with this position, 0 to 55.
    pub const fn from_index(index: u8) -> Option<Self> {
        if index < Self::COUNT {
            Some(Self(index))
        } else {
            None
        }
    }

    /// The custom category `x0` to `x30`.
    pub const fn custom(index: u8) -> Option<Self> {
        if index < CUSTOM {
            Some(Self(STANDARD + index))
        } else {
            None
        }
    }

    /// Position 0 to 55.
    pub const fn index(self) -> u8 {
        self.0
    }

    /// For a custom category its number 0 to 30, else `None`.
    pub const fn custom_index(self) -> Option<u8> {
        match self.0.checked_sub(STANDARD) {
            Some(index) if index < CUSTOM => Some(index),
            _ => None,
        }
    }

    /// Reads a canonical category name in lower case: a standard name, `x0` … `x30`, or
    /// `quarantine`.
    pub fn from_canonical(name: &str) -> Option<Self> {
        if name == QUARANTINE {
            return Some(Self::QUARANTINE);
        }
        if let Some(index) = STANDARD_CATEGORIES.iter().position(|(n, _)| *n == name) {
            return u8::try_from(index).ok().map(Self);
        }
        let digits = name.strip_prefix('x')?;
        let plain = !digits.starts_with('0') || digits == "0";
        let digits_only = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        if plain && digits_only {
            Self::custom(digits.parse().ok()?)
        } else {
            None
        }
    }
}

/// Prints the canonical name.
impl fmt::Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match STANDARD_CATEGORIES.get(usize::from(self.0)) {
            Some((name, _)) => f.write_str(name),
            None if *self == Self::QUARANTINE => f.write_str(QUARANTINE),
            None => write!(f, "x{}", self.0 - STANDARD),
        }
    }
}

/// Why a name cannot name a custom category.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CategoryError {
    /// The name is empty.
    Empty,
    /// The name is longer than [`MAX_NAME`] bytes.
    TooLong,
    /// The character at this 1-based position is not allowed.
    Character(usize),
    /// The name is one of the standard categories.
    Standard,
    /// The name is `x` and digits, which is how custom categories are printed.
    Reserved,
}

impl fmt::Display for CategoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("category name is empty"),
            Self::TooLong => write!(f, "category name is longer than {MAX_NAME} bytes"),
            Self::Character(position) => write!(
                f,
                "category name has a character at position {position} that is not allowed: \
                 use a lower-case letter first, then lower-case letters, digits and _"
            ),
            Self::Standard => f.write_str("category name is a standard category"),
            Self::Reserved => f.write_str(
                "category name is reserved: x and digits is how custom ones are printed",
            ),
        }
    }
}

impl std::error::Error for CategoryError {}

/// Checks a name for a custom category: an identifier in lower case (`[a-z][a-z0-9_]*`), at most
/// [`MAX_NAME`] bytes, neither a standard category nor `x<digits>`.
pub fn validate_name(name: &str) -> Result<(), CategoryError> {
    if name.is_empty() {
        return Err(CategoryError::Empty);
    }
    if name.len() > MAX_NAME {
        return Err(CategoryError::TooLong);
    }
    let allowed =
        |i: usize, c: char| c.is_ascii_lowercase() || (i > 0 && (c.is_ascii_digit() || c == '_'));
    if let Some((i, _)) = name.chars().enumerate().find(|&(i, c)| !allowed(i, c)) {
        return Err(CategoryError::Character(i + 1));
    }
    if name == QUARANTINE || STANDARD_CATEGORIES.iter().any(|(n, _)| *n == name) {
        return Err(CategoryError::Standard);
    }
    match name.strip_prefix('x') {
        Some(rest) if !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()) => {
            Err(CategoryError::Reserved)
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_names_round_trip() {
        for index in 0..Category::COUNT {
            let category = Category::from_index(index).unwrap();
            assert_eq!(
                Category::from_canonical(&category.to_string()),
                Some(category)
            );
        }
        assert_eq!(Category::from_index(Category::COUNT), None);
        assert_eq!(Category::custom(30).unwrap().to_string(), "x30");
        assert_eq!(Category::custom(31), None);
        assert_eq!(Category::QUARANTINE.to_string(), "quarantine");
        assert_eq!(Category::QUARANTINE.custom_index(), None);
    }

    #[test]
    fn near_misses_are_not_canonical() {
        for name in [
            "", "x", "x31", "x32", "x00", "x01", "x+1", "x-1", "PII", "pii ", "x1x", "x999",
        ] {
            assert_eq!(Category::from_canonical(name), None, "{name}");
        }
    }

    #[test]
    fn standard_names_are_distinct_identifiers() {
        for (i, (name, meaning)) in STANDARD_CATEGORIES.iter().enumerate() {
            assert!(!meaning.is_empty());
            assert_eq!(validate_name(name), Err(CategoryError::Standard));
            assert!(STANDARD_CATEGORIES[..i].iter().all(|(n, _)| n != name));
        }
    }

    #[test]
    fn custom_names() {
        for name in [
            "project_x",
            "a",
            "x_1",
            "xray",
            "x1y",
            &"a".repeat(MAX_NAME),
        ] {
            assert_eq!(validate_name(name), Ok(()), "{name}");
        }
        let long = "a".repeat(MAX_NAME + 1);
        for (name, error) in [
            ("", CategoryError::Empty),
            (long.as_str(), CategoryError::TooLong),
            ("Project", CategoryError::Character(1)),
            ("1a", CategoryError::Character(1)),
            ("_a", CategoryError::Character(1)),
            ("a-b", CategoryError::Character(2)),
            ("a b", CategoryError::Character(2)),
            ("é", CategoryError::Character(1)),
            ("a}", CategoryError::Character(2)),
            ("phi", CategoryError::Standard),
            ("quarantine", CategoryError::Standard),
            ("x0", CategoryError::Reserved),
            ("x31", CategoryError::Reserved),
            ("x032", CategoryError::Reserved),
        ] {
            assert_eq!(validate_name(name), Err(error), "{name}");
        }
    }
}
