#![forbid(unsafe_code)]
//! Who acts: the session of the database, the identity of the token, the role in force.
//!
//! All of it is remembered beforehand, because a refusal is recorded in the middle of an error, when
//! no catalog can be read.

use super::emit::Encoded;
use crate::pg::guc::{self, TokenHash};
use crate::pg::{Oid, catalog, client};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use ward_audit::Block;

/// A verified identity, ready to be recorded.
#[derive(Clone)]
pub struct Actor {
    token: TokenHash,
    block: Rc<Encoded>,
}

impl Actor {
    /// The identity that this token speaks for.
    pub fn new(token: TokenHash, block: Block) -> Self {
        Self {
            token,
            block: Encoded::new(block),
        }
    }
}

/// Who acts right now.
pub struct Who {
    pub session: Rc<Encoded>,
    pub identity: Option<Rc<Encoded>>,
    pub role: Option<Rc<str>>,
}

#[derive(Default)]
struct Known {
    /// The session's block, and the application name that stands in it.
    session: Option<(Rc<Encoded>, Vec<u8>)>,
    actor: Option<Actor>,
    /// The last token that did not verify.
    stranger: Option<TokenHash>,
    roles: HashMap<Oid, Rc<str>>,
}

thread_local! {
    static KNOWN: RefCell<Known> = RefCell::default();
}

/// Says whom the token in force speaks for.
pub fn act_as(actor: &Actor) {
    KNOWN.with_borrow_mut(|known| {
        if known
            .actor
            .as_ref()
            .is_none_or(|last| last.token != actor.token)
        {
            known.actor = Some(actor.clone());
        }
    });
}

/// Is it known whom the token in force speaks for, or is there none?
pub fn knows_actor() -> bool {
    let Some(token) = guc::token_hash() else {
        return true;
    };
    KNOWN.with_borrow(|known| {
        let actor = known.actor.as_ref().map(|actor| actor.token);
        actor == Some(token) || known.stranger == Some(token)
    })
}

/// The hash of the token in force, in hexadecimal, where it is not known whom it speaks for.
pub fn unknown_token() -> Option<String> {
    let token = guc::token_hash()?;
    let known = KNOWN.with_borrow(|known| known.actor.as_ref().map(|actor| actor.token));
    (known != Some(token)).then(|| token.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The token in force does not verify: nothing that it claims is recorded.
pub fn set_stranger() {
    KNOWN.with_borrow_mut(|known| known.stranger = guc::token_hash());
}

/// Learns the name of the role in force; where catalogs can be read.
pub fn learn_role() {
    if !knows_role() {
        let role = client::role();
        let name = catalog::role_name(role).into();
        KNOWN.with_borrow_mut(|known| known.roles.insert(role, name));
    }
}

/// Is its name known?
pub fn knows_role() -> bool {
    KNOWN.with_borrow(|known| known.roles.contains_key(&client::role()))
}

/// Forgets the names of roles: one was changed. Comes in the middle of catalog accesses, and so of
/// [`learn_role`], whose name is then kept only until the next message.
pub fn forget_roles() {
    KNOWN.with(|known| {
        if let Ok(mut known) = known.try_borrow_mut() {
            known.roles.clear();
        }
    });
}

/// Who acts.
pub fn current() -> Who {
    KNOWN.with_borrow_mut(|known| {
        let token = guc::token_hash();
        let actor = known
            .actor
            .as_ref()
            .filter(|actor| Some(actor.token) == token);
        Who {
            identity: actor.map(|actor| Rc::clone(&actor.block)),
            role: known.role(),
            session: known.session(),
        }
    })
}

impl Known {
    /// The role in force; before its name could be looked up, it is the one that logged in.
    fn role(&self) -> Option<Rc<str>> {
        let role = client::role();
        let name = self.roles.get(&role).cloned();
        name.or_else(|| {
            let logged_in = client::current()
                .role
                .filter(|_| client::is_login_role(role));
            logged_in.map(Rc::from)
        })
    }

    fn session(&mut self) -> Rc<Encoded> {
        let application = client::application().unwrap_or_default();
        if let Some((block, name)) = &self.session
            && name == application
        {
            return Rc::clone(block);
        }
        let block = Encoded::new(session(application));
        // Before the database is known there is more to say later.
        if client::database() != 0 {
            self.session = Some((Rc::clone(&block), application.to_vec()));
        }
        block
    }
}

fn session(application: &[u8]) -> Block {
    let client = client::current();
    Block::Session {
        pid: client::process(),
        database_oid: client::database(),
        database: client.database.unwrap_or_default(),
        role: client.role.unwrap_or_default(),
        client_address: client.address,
        client_port: client.port,
        application: (!application.is_empty())
            .then(|| String::from_utf8_lossy(application).into_owned()),
        started: client::started(),
    }
}
