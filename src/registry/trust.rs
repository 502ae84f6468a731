#![forbid(unsafe_code)]
//! Trusted issuers, revocations and custom label categories.

use super::{Cached, objects};
use crate::errors::{Code, Result, WardError};
use crate::pg::{Oid, table};
use std::cell::Cell;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use ward_token::{Issuer, RevocationKind};

/// The state of trust at one moment.
pub struct Trust {
    /// Grows with every reload; identities verified under an older one are verified again.
    pub generation: u64,
    /// `None`: stored, but unreadable. Its tokens are refused; those of others are not.
    issuers: HashMap<String, Option<Rc<Issuer>>>,
    revoked: HashSet<(String, String)>,
}

impl Trust {
    /// The issuer of this exact name. Errors: WD003 if it is not trusted; WD040 if its stored
    /// definition cannot be read.
    pub fn issuer(&self, name: &str) -> Result<Rc<Issuer>> {
        match self.issuers.get(name) {
            Some(Some(issuer)) => Ok(Rc::clone(issuer)),
            Some(None) => Err(WardError::new(
                Code::Registry,
                "the stored definition of the token's issuer is unreadable",
            )
            .hint("An administrator can store it again with ward.trust_issuer().")),
            None => Err(
                WardError::new(Code::Issuer, "the token's issuer is not trusted here")
                    .hint("An administrator can add it with ward.trust_issuer()."),
            ),
        }
    }

    /// Is this token, subject or session revoked?
    pub fn is_revoked(&self, kind: RevocationKind, value: &str) -> bool {
        // Two small strings per look-up; most databases have no revocation at all.
        !self.revoked.is_empty()
            && self
                .revoked
                .contains(&(kind.name().to_owned(), value.to_owned()))
    }
}

type Categories = Rc<HashMap<String, u8>>;

thread_local! {
    static TRUST: Cached<Rc<Trust>> = const { Cached::new() };
    static CATEGORIES: Cached<Categories> = const { Cached::new() };
    static GENERATION: Cell<u64> = const { Cell::new(0) };
    /// The tables whose changes matter here; invalid until first loaded.
    static TABLES: Cell<[Oid; 3]> = const { Cell::new([Oid::INVALID; 3]) };
}

/// The trusted issuers and revocations.
///
/// Error: WD000 where the extension is not installed.
pub fn trust() -> Result<Rc<Trust>> {
    TRUST.with(|trust| trust.get_or_load(load))
}

/// The index of a custom category, by its defined name.
pub fn category(name: &str) -> Option<u8> {
    let categories = CATEGORIES
        .with(|categories| categories.get_or_load(load_categories))
        .ok()?;
    categories.get(name).copied()
}

pub(super) fn relation_changed(relation: Option<Oid>) {
    if relation.is_none_or(|relation| TABLES.get().contains(&relation)) {
        TRUST.with(Cached::forget);
        CATEGORIES.with(Cached::forget);
    }
}

fn load_categories() -> Result<Categories> {
    let mut categories = HashMap::new();
    if let Some(objects) = objects()? {
        TABLES.set([objects.issuer, objects.revocation, objects.category]);
        table::scan(objects.category, |row| {
            if let (Some(name), Some(index)) = (row.text(1), row.small_int(2)) {
                categories.insert(name, index as u8);
            }
        });
    }
    Ok(Rc::new(categories))
}

fn load() -> Result<Rc<Trust>> {
    let objects = objects()?.ok_or_else(|| {
        WardError::new(Code::NoIdentity, "ward is not installed in this database")
            .hint("Run CREATE EXTENSION ward.")
    })?;
    TABLES.set([objects.issuer, objects.revocation, objects.category]);
    let mut rows = Vec::new();
    table::scan(objects.issuer, |row| {
        rows.push((
            row.text(1),
            row.text(2),
            row.json(3),
            row.json(4),
            row.json(5),
        ));
    });
    let mut issuers = HashMap::new();
    for row in rows {
        // No column is nullable; a row that is short all the same names nobody to trust.
        let (Some(name), Some(audience), Some(jwks), Some(claims), Some(options)) = row else {
            continue;
        };
        let [jwks, claims, options] = [jwks, claims, options].map(|json| json.to_string());
        let issuer = Issuer::define(&name, &audience, &jwks, &claims, &options, &category);
        issuers.insert(name, issuer.ok().map(Rc::new));
    }
    let mut revoked = HashSet::new();
    table::scan(objects.revocation, |row| {
        if let (Some(kind), Some(value)) = (row.text(1), row.text(2)) {
            revoked.insert((kind, value));
        }
    });
    GENERATION.set(GENERATION.get() + 1);
    Ok(Rc::new(Trust {
        generation: GENERATION.get(),
        issuers,
        revoked,
    }))
}
