//! Labels: a level and a set of categories, ordered as a lattice.
//!
//! One label *dominates* another when its level is at least as high and it has every category of
//! the other (Bell–LaPadula; Denning, "A lattice model of secure information flow", 1976). Reading
//! needs a clearance that dominates the row's label; deriving data from several sources gives the
//! *join* of their labels.

use std::fmt;

use crate::category::Category;

/// Looks a custom category name (lower case) up and returns its number, 0 to 30.
pub type ResolveCategory<'a> = &'a dyn Fn(&str) -> Option<u8>;

/// The longest label text accepted, in bytes.
pub const MAX_TEXT: usize = 2048;

const LEVEL_SHIFT: u32 = 56;
const CATEGORY_MASK: u64 = (1 << LEVEL_SHIFT) - 1;

/// How sensitive something is. The numbers are stored; the gaps leave room for levels between.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Level {
    /// Anyone may see it.
    Public = 0,
    /// Anyone of the organisation.
    Internal = 16,
    /// Those who need it.
    Confidential = 32,
    /// Named people.
    Restricted = 48,
    /// The fewest.
    Secret = 64,
}

impl Level {
    /// All levels, lowest first.
    pub const ALL: [Self; 5] = [
        Self::Public,
        Self::Internal,
        Self::Confidential,
        Self::Restricted,
        Self::Secret,
    ];

    /// The lower-case name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Internal => "internal",
            Self::Confidential => "confidential",
            Self::Restricted => "restricted",
            Self::Secret => "secret",
        }
    }

    /// The level with this lower-case name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.name() == name)
    }

    #[inline]
    const fn from_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::Public),
            16 => Some(Self::Internal),
            32 => Some(Self::Confidential),
            48 => Some(Self::Restricted),
            64 => Some(Self::Secret),
            _ => None,
        }
    }
}

/// A level and a set of categories in 8 bytes: bits 56–63 the level, bits 0–23 the standard
/// categories, bits 24–54 the custom ones, bit 55 quarantine.
///
/// `Ord` is a total order for sorting and btree indexes: it agrees with `Eq` and extends
/// [`Label::dominates`] (what dominates sorts last), but it is not dominance.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label(u64);

impl Label {
    /// The lowest label: dominated by every label.
    pub const PUBLIC: Self = Self::new(Level::Public, 0);
    /// The highest label: dominates every label.
    pub const TOP: Self = Self::new(Level::Secret, CATEGORY_MASK);

    #[inline]
    const fn new(level: Level, categories: u64) -> Self {
        Self(((level as u64) << LEVEL_SHIFT) | (categories & CATEGORY_MASK))
    }

    /// A label of this level without categories.
    pub const fn of(level: Level) -> Self {
        Self::new(level, 0)
    }

    /// The same label with one more category.
    #[must_use]
    pub const fn with(self, category: Category) -> Self {
        Self(self.0 | (1 << category.index()))
    }

    /// The same label without this category.
    #[must_use]
    pub const fn without(self, category: Category) -> Self {
        Self(self.0 & !(1 << category.index()))
    }

    /// Has it this category?
    pub const fn has(self, category: Category) -> bool {
        self.0 & (1 << category.index()) != 0
    }

    /// Takes a stored value; `None` if its level is not one of [`Level`].
    #[inline]
    pub const fn from_bits(bits: u64) -> Option<Self> {
        match Level::from_code((bits >> LEVEL_SHIFT) as u8) {
            Some(_) => Some(Self(bits)),
            None => None,
        }
    }

    /// The value to store.
    #[inline]
    pub const fn to_bits(self) -> u64 {
        self.0
    }

    /// The level.
    #[inline]
    pub const fn level(self) -> Level {
        match Level::from_code((self.0 >> LEVEL_SHIFT) as u8) {
            Some(level) => level,
            // No constructor makes such a label. If one appeared, the highest level is the safe reading.
            None => Level::Secret,
        }
    }

    /// The categories in bit order.
    pub fn categories(self) -> impl Iterator<Item = Category> {
        (0..Category::COUNT)
            .filter(move |index| self.0 & (1 << index) != 0)
            .filter_map(Category::from_index)
    }

    #[inline]
    const fn category_bits(self) -> u64 {
        self.0 & CATEGORY_MASK
    }

    /// Least upper bound: the higher level, all categories of both.
    #[must_use]
    #[inline]
    pub fn join(self, other: Self) -> Self {
        Self::new(
            self.level().max(other.level()),
            self.category_bits() | other.category_bits(),
        )
    }

    /// Greatest lower bound: the lower level, the categories both have.
    #[must_use]
    #[inline]
    pub fn meet(self, other: Self) -> Self {
        Self::new(
            self.level().min(other.level()),
            self.category_bits() & other.category_bits(),
        )
    }

    /// Whether a clearance of `self` suffices to see `other`.
    #[inline]
    pub const fn dominates(self, other: Self) -> bool {
        (self.0 >> LEVEL_SHIFT) >= (other.0 >> LEVEL_SHIFT)
            && other.category_bits() & !self.category_bits() == 0
    }

    /// Whether a clearance of `other` suffices to see `self`.
    #[inline]
    pub const fn is_dominated_by(self, other: Self) -> bool {
        other.dominates(self)
    }

    /// Reads a label such as `confidential{pii, x3}`: a level, then optionally categories in
    /// braces. Case and white space between words do not matter. A category is a standard name,
    /// `x0` … `x30`, or a custom name that `resolve` knows.
    pub fn parse(text: &str, resolve: ResolveCategory<'_>) -> Result<Self, LabelError> {
        if text.len() > MAX_TEXT {
            return Err(LabelError::TooLong);
        }
        Parser { text, at: 0 }.label(resolve)
    }
}

/// Prints the canonical text, which needs no look-up to be read again: lower case, categories in
/// bit order, custom ones as `x0` … `x30`, no braces when there are none.
impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.level().name())?;
        let mut separator = "{";
        for category in self.categories() {
            write!(f, "{separator}{category}")?;
            separator = ",";
        }
        f.write_str(if separator == "," { "}" } else { "" })
    }
}

impl fmt::Debug for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Label({self})")
    }
}

/// Why a text is not a label. Positions count characters from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LabelError {
    /// Longer than [`MAX_TEXT`] bytes.
    TooLong,
    /// No level where one is needed.
    MissingLevel {
        /// Where.
        position: usize,
    },
    /// The first word is not a level.
    UnknownLevel {
        /// Where the word starts.
        position: usize,
        /// The word, shortened.
        word: String,
    },
    /// A category was needed.
    MissingCategory {
        /// Where.
        position: usize,
    },
    /// A category that is neither standard nor `x0` … `x30` nor defined.
    UnknownCategory {
        /// Where the word starts.
        position: usize,
        /// The word, shortened.
        word: String,
    },
    /// The brace is not closed.
    Unclosed {
        /// Where `,` or `}` was needed.
        position: usize,
    },
    /// Something follows the label.
    Trailing {
        /// Where it starts.
        position: usize,
    },
}

impl fmt::Display for LabelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => write!(f, "label text is longer than {MAX_TEXT} bytes"),
            Self::MissingLevel { position } => {
                write!(f, "a label starts with a level (position {position})")
            }
            Self::UnknownLevel { position, word } => write!(
                f,
                "unknown level \"{word}\" at position {position}; levels are public, internal, \
                 confidential, restricted, secret"
            ),
            Self::MissingCategory { position } => {
                write!(f, "a category is missing at position {position}")
            }
            Self::UnknownCategory { position, word } => {
                write!(f, "unknown category \"{word}\" at position {position}")
            }
            Self::Unclosed { position } => {
                write!(f, "\",\" or \"}}\" is missing at position {position}")
            }
            Self::Trailing { position } => {
                write!(f, "unexpected text after the label at position {position}")
            }
        }
    }
}

impl std::error::Error for LabelError {}

/// Reads one label; `at` is the byte offset of what is still unread.
struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Parser<'a> {
    fn label(mut self, resolve: ResolveCategory<'_>) -> Result<Label, LabelError> {
        let (position, word) = self.word();
        if word.is_empty() {
            return Err(LabelError::MissingLevel { position });
        }
        let Some(level) = Level::from_name(&word.to_ascii_lowercase()) else {
            let word = shorten(word);
            return Err(LabelError::UnknownLevel { position, word });
        };
        let mut label = Label::of(level);
        if self.take('{') && !self.take('}') {
            label = self.categories(label, resolve)?;
        }
        self.skip_space();
        if self.rest().is_empty() {
            Ok(label)
        } else {
            Err(LabelError::Trailing {
                position: self.position(),
            })
        }
    }

    fn categories(
        &mut self,
        mut label: Label,
        resolve: ResolveCategory<'_>,
    ) -> Result<Label, LabelError> {
        loop {
            label = label.with(self.category(resolve)?);
            if self.take('}') {
                return Ok(label);
            }
            if !self.take(',') {
                self.skip_space();
                return Err(LabelError::Unclosed {
                    position: self.position(),
                });
            }
        }
    }

    fn category(&mut self, resolve: ResolveCategory<'_>) -> Result<Category, LabelError> {
        let (position, word) = self.word();
        if word.is_empty() {
            return Err(LabelError::MissingCategory { position });
        }
        let name = word.to_ascii_lowercase();
        Category::from_canonical(&name)
            .or_else(|| resolve(&name).and_then(Category::custom))
            .ok_or_else(|| LabelError::UnknownCategory {
                position,
                word: shorten(word),
            })
    }

    /// Skips white space and takes everything up to the next separator.
    fn word(&mut self) -> (usize, &'a str) {
        self.skip_space();
        let position = self.position();
        let rest = self.rest();
        let ends = |c: char| c.is_whitespace() || matches!(c, '{' | '}' | ',');
        let length = rest.find(ends).unwrap_or(rest.len());
        self.at += length;
        (position, &rest[..length])
    }

    fn take(&mut self, wanted: char) -> bool {
        self.skip_space();
        let found = self.rest().starts_with(wanted);
        if found {
            self.at += wanted.len_utf8();
        }
        found
    }

    fn skip_space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn position(&self) -> usize {
        self.text[..self.at].chars().count() + 1
    }
}

/// The offending word for a message: at most 40 characters, control characters replaced.
fn shorten(word: &str) -> String {
    let printable = |c: char| if c.is_control() { '?' } else { c };
    word.chars().take(40).map(printable).collect()
}
