#![forbid(unsafe_code)]
//! From a token to an identity: verified once, checked again at every statement.
//!
//! What is cached per backend is the verified *claims*, never the verdict: the trust registry's
//! generation, revocation, `exp` and `nbf` are looked at on each use (RFC 8725 §3; a cached verdict
//! outlives its reasons).

use crate::audit::{self, Actor};
use crate::errors::{Code, Result, WardError};
use crate::pg;
use crate::pg::guc::{self, TokenHash};
use crate::pg::plan::Fingerprint;
use crate::registry::{self, Trust};
use sha2::{Digest, Sha256};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use ward_audit::Block;
use ward_core::{Principal, Verified};
use ward_token::{Issuer, RevocationKind, UnverifiedToken};

/// How many identities a backend remembers. A pooled backend sees every user; an entry is a few
/// kilobytes, and forgetting one costs a single verification.
const REMEMBERED: usize = 512;

/// A verified identity with what it takes to check it again.
pub struct Identity {
    principal: Verified<Principal>,
    issuer: Rc<Issuer>,
    hash: TokenHash,
    /// The trust generation that the signature and the revocations were checked against.
    generation: u64,
    /// What the audit calls it.
    actor: Actor,
    /// Binds plans to what was folded into them.
    pub fingerprint: Fingerprint,
}

impl Identity {
    /// The verified claims.
    pub fn principal(&self) -> &Principal {
        self.principal.get()
    }

    /// SHA-256 of the token.
    pub fn hash(&self) -> &TokenHash {
        &self.hash
    }
}

thread_local! {
    /// The identity of the previous statement: the same in most cases.
    static LAST: RefCell<Option<Rc<Identity>>> = const { RefCell::new(None) };
    static CACHE: RefCell<HashMap<TokenHash, Rc<Identity>>> = RefCell::default();
}

/// The identity in force, checked now.
///
/// Errors: WD000 without a token; WD001–WD010 if it does not verify; WD012 if it was revoked.
pub fn current() -> Result<Rc<Identity>> {
    super::consulted::note();
    let hash = guc::token_hash().ok_or_else(super::no_identity)?;
    pg::accept_invalidation_messages();
    let trust = registry::trust()?;
    let now = pg::now_unix();
    let last = LAST.with_borrow(|last| last.clone().filter(|identity| identity.hash == hash));
    let cached = last.or_else(|| CACHE.with_borrow(|cache| cache.get(&hash).cloned()));
    if let Some(identity) = cached.filter(|identity| identity.generation == trust.generation) {
        LAST.set(Some(Rc::clone(&identity)));
        audit::act_as(&identity.actor);
        ward_token::recheck(identity.principal(), identity.issuer.leeway(), now)?;
        return Ok(identity);
    }
    let identity = Rc::new(verify(hash, &trust, now)?);
    audit::act_as(&identity.actor);
    LAST.set(Some(Rc::clone(&identity)));
    CACHE.with_borrow_mut(|cache| {
        if cache.len() >= REMEMBERED {
            // Forgetting everybody is rare, cheap to recover from, and needs no order of use.
            cache.clear();
        }
        cache.insert(hash, Rc::clone(&identity));
    });
    Ok(identity)
}

/// Has the audit know who asks, before anything can be refused. Whether the identity is good is not asked here.
pub fn introduce() {
    if audit::who::knows_actor() {
        return;
    }
    let identity = guc::token_hash().ok_or_else(super::no_identity);
    let identity = identity.and_then(|hash| {
        let cached = CACHE.with_borrow(|cache| cache.get(&hash).cloned());
        match cached {
            Some(identity) => Ok(identity),
            None => verify(hash, &*registry::trust()?, pg::now_unix()).map(Rc::new),
        }
    });
    match identity {
        Ok(identity) => audit::act_as(&identity.actor),
        Err(_) => audit::who::set_stranger(),
    }
}

/// The identity that was last found to be in force, without another look.
pub fn last() -> Option<Rc<Identity>> {
    LAST.with_borrow(Clone::clone)
}

fn verify(hash: TokenHash, trust: &Trust, now: i64) -> Result<Identity> {
    let token = guc::token().ok_or_else(super::no_identity)?;
    let token = UnverifiedToken::parse(&token)?;
    let issuer = trust.issuer(token.claimed_issuer())?;
    let principal = token.verify(&issuer, now, &registry::category)?;
    let by_hash = trust.is_revoked(RevocationKind::Token, &hex(&hash));
    if by_hash {
        return Err(WardError::new(Code::Revoked, "the token was revoked")
            .hint("Obtain a new token from the issuer."));
    }
    ward_token::check_revoked(principal.get(), |kind, value| trust.is_revoked(kind, value))?;
    let fingerprint = fingerprint(principal.get(), &hash);
    Ok(Identity {
        actor: Actor::new(hash, block(principal.get(), hash)),
        principal,
        issuer,
        hash,
        generation: trust.generation,
        fingerprint,
    })
}

/// A token's hash in hexadecimal: how `ward.revoke` can name a token that has no `jti`.
pub fn hex(hash: &TokenHash) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    // Without `format!`, which costs more than the rest of giving a known token again.
    hash.iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|digit| char::from(DIGITS[usize::from(digit)]))
        .collect()
}

/// Who it is, for the audit. A token with an actor (RFC 8693 §4.1) is used on behalf of its subject.
fn block(principal: &Principal, hash: TokenHash) -> Block {
    Block::Identity {
        issuer: principal.issuer.clone(),
        subject: principal.subject.clone(),
        kind: principal.kind.name().to_owned(),
        tenants: principal.tenants.clone(),
        clearance: principal.clearance.to_bits(),
        token_id: principal.token_id.clone(),
        token_hash: hash,
        sid: principal.session_id.clone(),
        actors: principal.actors.clone(),
        on_behalf_of: (!principal.actors.is_empty()).then(|| principal.subject.clone()),
        expires_at: principal.expires_at,
    }
}

/// Everything that the fold writes into a plan, in 128 bits.
fn fingerprint(principal: &Principal, hash: &TokenHash) -> Fingerprint {
    let mut digest = Sha256::new();
    digest.update(hash);
    let lists = [&principal.tenants, &principal.groups];
    let texts = lists.into_iter().flatten().map(String::as_str);
    for text in texts.chain([principal.subject.as_str(), principal.issuer.as_str()]) {
        digest.update((text.len() as u64).to_le_bytes());
        digest.update(text);
    }
    digest.update(principal.clearance.to_bits().to_le_bytes());
    let digest = digest.finalize();
    let mut fingerprint = [0; 4];
    for (part, bytes) in fingerprint.iter_mut().zip(digest.chunks_exact(4)) {
        *part = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    }
    fingerprint
}
