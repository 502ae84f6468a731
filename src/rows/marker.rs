#![forbid(unsafe_code)]
//! The functions that ward's catalog policies call.
//!
//! The pass replaces them in every query it sees. They decide by themselves on paths that it does
//! not see, row by row, and they raise where the library is not preloaded: an unprotected answer is
//! never a fall-back.

use super::{carrier, predicate};
use crate::errors::{Code, Result, WardError};
use crate::pg::Oid;
use crate::pg::scalar::{Scalar, Value};
use crate::registry::{self, Dimension, Protection};
use crate::session::{self, Access, Identity};
use std::rc::Rc;
use ward_core::Label;

/// A row's values of the protected columns, as text, in the order tenant, label, owner, acl; only
/// the dimensions that the relation uses are present.
pub type RowTexts = Vec<Option<Vec<Option<String>>>>;

/// Is ward's permissive policy the only one of this relation? If others exist, it must not widen
/// them; and a relation that is not registered is left to them alone.
pub fn permit(relation: Oid) -> bool {
    matches!(registry::protection(relation), Ok(Some(p)) if p.permits)
}

/// May the session read (or write) a row with these values?
///
/// Errors: those of [`session::access`]; WD040 if the relation is not registered any more.
pub fn decide(relation: Oid, row: &RowTexts, write: bool) -> Result<bool> {
    let identity = match session::access()? {
        Access::Maintenance => return Ok(true),
        Access::Bound(identity) => identity,
    };
    let p = registry::protection(relation)?.ok_or_else(|| {
        WardError::new(
            Code::Registry,
            "a policy of ward guards a relation that is not registered",
        )
        .hint("An administrator can run ward.protect() for it, or drop the policy.")
    })?;
    if p.columns().next().is_none() {
        return Ok(true);
    }
    let dimensions = [
        p.tenant.is_some(),
        p.label.is_some(),
        p.owner.is_some(),
        p.acl.is_some(),
    ];
    if dimensions.iter().filter(|used| **used).count() != row.len() {
        return Err(WardError::new(
            Code::Registry,
            "a policy of ward does not match the registry",
        )
        .hint("An administrator can run ward.protect() for the relation again."));
    }
    Row { p, identity, write }.allowed(row)
}

struct Row {
    p: Rc<Protection>,
    identity: Rc<Identity>,
    write: bool,
}

impl Row {
    fn allowed(&self, row: &RowTexts) -> Result<bool> {
        let mut values = row.iter();
        let mut next = || values.next().and_then(Option::as_deref).unwrap_or_default();
        let tenant = match &self.p.tenant {
            None => true,
            Some(tenant) => {
                let own = predicate::tenants(&self.p, tenant, &self.identity, self.write)?;
                contains(tenant, next(), &own)
            }
        };
        let label = self.p.label.is_none() || self.label_allowed(next())?;
        let owner = self.p.owner.as_ref().map(|owner| {
            let own: Vec<Value> = owner
                .scalar
                .parse(&self.identity.principal().subject)
                .into_iter()
                .collect();
            contains(owner, next(), &own)
        });
        let acl = self.p.acl.as_ref().map(|acl| {
            contains(
                acl,
                next(),
                &predicate::acl_values(acl.scalar, &self.identity),
            )
        });
        let person = match (owner, acl) {
            (None, None) => true,
            (Some(owner), None) => owner,
            (None, Some(acl)) => acl,
            (Some(owner), Some(acl)) => owner || (acl && !self.write),
        };
        Ok(tenant && label && person)
    }

    fn label_allowed(&self, value: &[Option<String>]) -> Result<bool> {
        let Some(Some(text)) = value.first() else {
            return Ok(false);
        };
        let is_carried = self
            .p
            .label
            .as_ref()
            .is_some_and(|label| label.carrier.is_some());
        let label = if is_carried {
            // Whatever a document holds there: what is no label is nobody's row.
            carrier::label(text)
        } else {
            let label = Label::parse(text, &registry::category)
                .map_err(|error| WardError::new(Code::LabelText, error.to_string()))?;
            Some(label)
        };
        Ok(label.is_some_and(|label| self.identity.principal().clearance.dominates(label)))
    }
}

/// Is one of the row's values one of these? The row's text is parsed under the column's own type.
fn contains(dimension: &Dimension, row: &[Option<String>], own: &[Value]) -> bool {
    let scalar: Scalar = dimension.scalar;
    row.iter()
        .flatten()
        .filter_map(|text| scalar.parse(text))
        .any(|value| own.contains(&value))
}
