//! Decisions: a denial is a value that cannot be overlooked.

use std::fmt;

/// May it be done? Never a `bool`: which of the two means "allowed" would be a habit, and a dropped
/// answer would mean yes.
#[must_use = "a decision that is not looked at protects nothing"]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It may.
    Allow,
    /// It may not, for this reason.
    Deny(Denial),
}

impl Decision {
    /// Allows if `condition` holds, else denies with `denial`.
    pub fn allow_if(condition: bool, denial: Denial) -> Self {
        if condition {
            Self::Allow
        } else {
            Self::Deny(denial)
        }
    }

    /// Allowed only if both allow; the first denial is the reason.
    pub fn and(self, other: Self) -> Self {
        match self {
            Self::Allow => other,
            Self::Deny(_) => self,
        }
    }

    /// Whether it is allowed.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        matches!(self, Self::Allow)
    }

    /// For `?`: the denial as the error.
    pub fn into_result(self) -> Result<(), Denial> {
        match self {
            Self::Allow => Ok(()),
            Self::Deny(denial) => Err(denial),
        }
    }
}

/// Why something is denied. The message holds no value of a row or a claim, so that it can go to
/// the client as it is.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub enum Denial {
    /// The principal belongs to no tenant.
    NoTenant,
    /// The principal belongs to several tenants and the row names none.
    AmbiguousTenant,
    /// The row belongs to another tenant.
    OtherTenant,
    /// The row is shared by all tenants: everyone reads it, nobody writes it.
    SharedTenant,
    /// The row belongs to another owner.
    OtherOwner,
    /// The row is shared neither with the subject nor with one of its groups.
    NotShared,
    /// The row has no label, so nobody knows who may see it.
    Unlabelled,
    /// The label is not within the principal's clearance.
    AboveClearance,
    /// The label is lower than that of the data it comes from.
    BelowSource,
}

impl Denial {
    /// The stable code of the error.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::NoTenant | Self::AmbiguousTenant | Self::OtherTenant | Self::SharedTenant => {
                "WD014"
            }
            Self::OtherOwner | Self::NotShared => "WD021",
            Self::Unlabelled | Self::AboveClearance | Self::BelowSource => "WD030",
        }
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoTenant => "the identity belongs to no tenant",
            Self::AmbiguousTenant => {
                "the identity belongs to several tenants, so the row must name one of them"
            }
            Self::OtherTenant => "the row belongs to another tenant",
            Self::SharedTenant => "a row shared by all tenants cannot be written",
            Self::OtherOwner => "the row belongs to another owner",
            Self::NotShared => "the row is not shared with the identity",
            Self::Unlabelled => "the row has no label",
            Self::AboveClearance => "the label is above the clearance of the identity",
            Self::BelowSource => "the label is below that of the data it comes from",
        })
    }
}

impl std::error::Error for Denial {}
