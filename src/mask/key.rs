#![forbid(unsafe_code)]
//! The keys of `hash` and `tokenise`: one per tenant, derived from the database's own.

use crate::errors::Result;
use crate::registry;
use std::cell::RefCell;
use std::rc::Rc;
use ward_mask::TenantKey;

/// What the derivation is for: other uses of the same secret get other keys.
const SCOPE: &str = "mask";

struct Derived {
    secret: Rc<[u8; 32]>,
    tenant: String,
    key: Rc<TenantKey>,
}

thread_local! {
    /// Rows of one tenant come together, and most statements see only one.
    static LAST: RefCell<Option<Derived>> = const { RefCell::new(None) };
}

/// The key for this tenant's values.
///
/// Error: WD040 if the database has lost its key.
pub fn of_tenant(tenant: &str) -> Result<Rc<TenantKey>> {
    let secret = registry::mask_secret()?;
    let known = LAST.with_borrow(|last| {
        last.as_ref()
            .filter(|last| Rc::ptr_eq(&last.secret, &secret) && last.tenant == tenant)
            .map(|last| Rc::clone(&last.key))
    });
    if let Some(key) = known {
        return Ok(key);
    }
    let key = Rc::new(TenantKey::derive(&secret, SCOPE, tenant));
    LAST.set(Some(Derived {
        secret,
        tenant: tenant.to_owned(),
        key: Rc::clone(&key),
    }));
    Ok(key)
}
