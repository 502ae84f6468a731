//! Which rows a principal may read and write, as pure rules over text values.
//!
//! A protected table has up to four dimensions: tenant, label, owner and acl. A row is readable if
//! every dimension in use allows it, and writable likewise. An absent value (`None`, SQL NULL) is
//! never a wildcard.

use crate::decision::{Decision, Denial};
use crate::label::Label;
use crate::principal::Principal;

/// The tenant dimension of a table.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct TenantRule<'a> {
    /// Rows with this tenant are read by every tenant and written by none.
    pub shared: Option<&'a str>,
}

impl<'a> TenantRule<'a> {
    /// The tenants whose rows the principal may read: its own, then the shared one. An identity
    /// without a tenant reads nothing, not even shared rows.
    pub fn readable(&self, principal: &'a Principal) -> Result<Vec<&'a str>, Denial> {
        if principal.tenants.is_empty() {
            return Err(Denial::NoTenant);
        }
        let own = principal.tenants.iter().map(String::as_str);
        let shared = self
            .shared
            .filter(|s| !principal.tenants.iter().any(|t| t == s));
        Ok(own.chain(shared).collect())
    }

    /// The tenants whose rows the principal may write: its own without the shared one, even if its
    /// token claims to be the shared tenant.
    pub fn writable(&self, principal: &'a Principal) -> Result<Vec<&'a str>, Denial> {
        if principal.tenants.is_empty() {
            return Err(Denial::NoTenant);
        }
        let own = principal.tenants.iter().map(String::as_str);
        let writable: Vec<_> = own.filter(|t| Some(*t) != self.shared).collect();
        if writable.is_empty() {
            return Err(Denial::SharedTenant);
        }
        Ok(writable)
    }

    /// The tenant that fills an absent value of a new row: the only one the principal may write.
    pub fn fill(&self, principal: &'a Principal) -> Result<&'a str, Denial> {
        match self.writable(principal)?.as_slice() {
            [only] => Ok(only),
            _ => Err(Denial::AmbiguousTenant),
        }
    }

    /// May the principal read a row of this tenant?
    pub fn read(&self, principal: &'a Principal, tenant: Option<&str>) -> Decision {
        match (self.readable(principal), tenant) {
            (Err(denial), _) => Decision::Deny(denial),
            (Ok(readable), Some(tenant)) => {
                Decision::allow_if(readable.contains(&tenant), Denial::OtherTenant)
            }
            (Ok(_), None) => Decision::Deny(Denial::OtherTenant),
        }
    }

    /// May the principal write a row of this tenant, after filling?
    pub fn write(&self, principal: &'a Principal, tenant: Option<&str>) -> Decision {
        if tenant.is_some() && tenant == self.shared {
            return Decision::Deny(Denial::SharedTenant);
        }
        match (self.writable(principal), tenant) {
            (Err(denial), _) => Decision::Deny(denial),
            (Ok(writable), Some(tenant)) => {
                Decision::allow_if(writable.contains(&tenant), Denial::OtherTenant)
            }
            (Ok(_), None) => Decision::Deny(Denial::OtherTenant),
        }
    }
}

/// May the principal read or write a row of this owner? Only its own.
pub fn owner(principal: &Principal, owner: Option<&str>) -> Decision {
    Decision::allow_if(
        owner == Some(principal.subject.as_str()),
        Denial::OtherOwner,
    )
}

/// May the principal see a row shared with these names? One of them must be its subject or one of
/// its groups. An empty or absent list is shared with nobody.
pub fn acl<'a>(principal: &Principal, names: impl IntoIterator<Item = &'a str>) -> Decision {
    let shared = names
        .into_iter()
        .any(|name| principal.acl_names().any(|own| own == name));
    Decision::allow_if(shared, Denial::NotShared)
}

/// May a row with this label be read with this clearance? A row without a label is not public: it
/// is invisible until somebody labels it.
pub fn read_label(clearance: Label, row: Option<Label>) -> Decision {
    match row {
        Some(row) => Decision::allow_if(clearance.dominates(row), Denial::AboveClearance),
        None => Decision::Deny(Denial::Unlabelled),
    }
}

/// The label dimension of a write.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct LabelRule {
    /// What a new row without a label gets.
    pub default: Label,
    /// The join of the labels of everything the statement read; `Label::PUBLIC` if nothing.
    pub floor: Label,
}

impl LabelRule {
    /// The label a new row is stored with. An absent one becomes the default, raised to the floor;
    /// a given one must not be below the floor. Either must be within the clearance, so nobody
    /// writes what they could not read.
    pub fn insert(&self, clearance: Label, given: Option<Label>) -> Result<Label, Denial> {
        let label = given.unwrap_or_else(|| self.default.join(self.floor));
        self.check(clearance, label)
    }

    /// The label an existing row is stored with after a change. It never falls below the label the
    /// row has; `None` keeps that one, raised to the floor.
    pub fn update(
        &self,
        clearance: Label,
        old: Option<Label>,
        new: Option<Label>,
    ) -> Result<Label, Denial> {
        read_label(clearance, old).into_result()?;
        let old = old.ok_or(Denial::Unlabelled)?;
        let label = new.unwrap_or_else(|| old.join(self.floor));
        if !label.dominates(old) {
            return Err(Denial::BelowSource);
        }
        self.check(clearance, label)
    }

    fn check(&self, clearance: Label, label: Label) -> Result<Label, Denial> {
        if !label.dominates(self.floor) {
            return Err(Denial::BelowSource);
        }
        if !clearance.dominates(label) {
            return Err(Denial::AboveClearance);
        }
        Ok(label)
    }
}
