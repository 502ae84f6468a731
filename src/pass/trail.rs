#![forbid(unsafe_code)]
//! What the audit is told of a statement over protected relations.

use crate::audit::statement::{self, Level, Statement};
use crate::audit::{self, Durability, Encoded, References, kept, project, text, who};
use crate::config;
use crate::errors::Result;
use crate::pg::node::{Command, Query};
use crate::pg::plan::Limit;
use crate::pg::portal::Running;
use crate::pg::rights::Use;
use crate::pg::{Oid, catalog, guc};
use crate::registry::{self, Protection};
use crate::session::Access;
use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;
use ward_audit::{Block, Event, Kind, Touched};

thread_local! {
    /// The relations of statements that ran before, by what identifies them.
    static RELATIONS: RefCell<HashMap<u64, Rc<Encoded>>> = RefCell::default();
}

/// How many sets of relations a session remembers.
const REMEMBERED: usize = 512;

/// A query over these relations is being planned: a refusal will name them.
pub fn planning(query: Query) -> Result<()> {
    let mut touched = Vec::new();
    query.visit(&mut |level| {
        for (_, rte) in level.rtes() {
            if let Some(p) = rte.table().map_or(Ok(None), registry::protection)?
                && !touched
                    .iter()
                    .any(|known: &Rc<Protection>| known.relation == p.relation)
            {
                touched.push(p);
            }
        }
        Ok::<_, crate::errors::WardError>(())
    })?;
    let mut hasher = DefaultHasher::new();
    touched.iter().for_each(|p| p.serial.hash(&mut hasher));
    let relations = remembered(hasher.finish(), || {
        let relations = touched.iter().map(|p| Touched {
            oid: p.relation.to_u32(),
            name: name(p),
            ..Touched::default()
        });
        Block::Relations {
            relations: relations.collect(),
        }
    });
    statement::planning(command(query), relations);
    Ok(())
}

fn command(query: Query) -> &'static str {
    match query.command() {
        Command::Select => "select",
        Command::Insert => "insert",
        Command::Update => "update",
        Command::Delete => "delete",
        Command::Merge => "merge",
        Command::Other => "other",
    }
}

/// A plan that was bound to `access` has started.
///
/// Error: WD043 if nothing can be recorded.
pub fn begin(query: Running, access: &Access) -> Result<()> {
    let mut uses = Vec::new();
    for used in query.uses() {
        if let Some(p) = registry::protection(used.relation())? {
            uses.push((used, p));
        }
    }
    if uses.is_empty() {
        return Ok(());
    }
    who::learn_role();
    let plan = query.plan();
    let search = plan.search();
    let (kind, detail, level) = match access {
        Access::Maintenance => (Kind::Maintenance, reason(), Level::Strict),
        Access::Bound(_) if plan.writes() => (Kind::Write, None, Level::Async),
        Access::Bound(identity) => {
            let kind = if search.is_some() {
                Kind::Search
            } else {
                Kind::Read
            };
            let clearance = identity.principal().clearance;
            let levels = uses.iter().map(|(_, p)| level(p, clearance));
            (kind, None, levels.max().unwrap_or(Level::Async))
        }
    };
    let about = Statement {
        kind,
        command: plan.command(),
        references: References {
            text: Some(text::block(query.text())),
            relations: Some(relations(&uses)),
        },
        level,
        k: search.and_then(|limit| rows_of(limit, query)),
        policy_version: registry::version(),
        detail,
    };
    statement::begin(query.key(), about)
}

/// Why an administrator works without a token.
fn reason() -> Option<String> {
    guc::maintenance().map(|reason| serde_json::json!({ "maintenance": reason }).to_string())
}

/// How sure a read must be of being recorded: for its relation, and for what the session may see.
fn level(p: &Protection, clearance: ward_core::Label) -> Level {
    let by_label = match p.label {
        Some(_) if config::audits_strictly(clearance) => Level::Strict,
        Some(_) if config::audits_at_commit(clearance) => Level::Commit,
        _ => Level::Async,
    };
    let by_table = match p.audit_reads.as_deref() {
        Some("strict") => Level::Strict,
        Some("commit") => Level::Commit,
        _ => Level::Async,
    };
    by_label.max(by_table)
}

fn rows_of(limit: Limit, query: Running) -> Option<u64> {
    match limit {
        Limit::Rows(rows) => Some(u64::from(rows)),
        Limit::Parameter(number) => u64::try_from(query.integer_parameter(number)?).ok(),
        Limit::Unknown => None,
    }
}

fn relations(uses: &[(Use, Rc<Protection>)]) -> Rc<Encoded> {
    let mut hasher = DefaultHasher::new();
    for (used, p) in uses {
        (used, p.serial).hash(&mut hasher);
    }
    remembered(hasher.finish(), || {
        let relations = uses.iter().map(|(used, p)| Touched {
            oid: p.relation.to_u32(),
            name: name(p),
            actions: used.actions(),
            read: used.read(),
            written: used.written(),
        });
        Block::Relations {
            relations: relations.collect(),
        }
    })
}

fn name(p: &Protection) -> String {
    catalog::qualified_name(p.relation).unwrap_or_else(|| p.name.clone())
}

fn remembered(key: u64, make: impl FnOnce() -> Block) -> Rc<Encoded> {
    if let Some(found) = RELATIONS.with_borrow(|known| known.get(&key).cloned()) {
        return found;
    }
    let block = Encoded::new(make());
    RELATIONS.with_borrow_mut(|known| {
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(key, Rc::clone(&block));
    });
    block
}

/// A table is about to be written. Who writes the server's catalogs by hand can change rights and definitions,
/// and nothing else would tell of it. Errors: WD032 for a table of the audit; WD043 if it cannot be recorded.
pub fn writing(table: Oid) -> Result<()> {
    refuse_kept(table)?;
    if catalog::is_user_object(table) || !catalog::is_catalog(table) {
        return Ok(());
    }
    let event = Event {
        kind: Kind::Privilege,
        statement: Some(String::from("catalog write")),
        policy_version: Some(registry::version()),
        ..Event::default()
    };
    let relations = vec![Touched {
        oid: table.to_u32(),
        name: catalog::qualified_name(table).unwrap_or_default(),
        ..Touched::default()
    }];
    let references = References {
        text: statement::client_text(),
        relations: Some(Encoded::new(Block::Relations { relations })),
    };
    audit::emit(event, &references, Durability::Now).map(|_| ())
}

/// Refuses to write or lock rows of the audit. Error: WD032.
pub fn refuse_kept(table: Oid) -> Result<()> {
    match kept::name(table) {
        Some(name) if !project::is_projecting() => Err(kept::refusal(&name)),
        _ => Ok(()),
    }
}

/// May the statement run, as far as the audit is concerned? Error: WD043.
pub fn admit() -> Result<()> {
    audit::admit()
}
