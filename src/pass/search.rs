#![forbid(unsafe_code)]
//! Vector searches: how many rows they ask for, and which they return.
//!
//! For an auditor of retrieval the rows that came back are the answer to "what did the model see?". So a
//! query that orders a labelled relation by distance, under a LIMIT, tells the audit the key of each row
//! that it puts out.

use crate::errors::Result;
use crate::pg::expr;
use crate::pg::node::{Query, Rte};
use crate::pg::plan::Limit;
use crate::pg::{BOOLEAN, catalog};
use crate::registry::{self, Objects};

/// The limit of the query's search, if it is one. Row conditions are in place, masks are not: what is told
/// of a masked key is its mask.
pub fn enforce(query: Query, objects: &Objects) -> Result<Option<Limit>> {
    let mut found = None;
    query.visit(&mut |level| {
        if let Some(limit) = level.distance_limit() {
            found.get_or_insert(limit);
            if level.can_show_more() {
                tell_rows(level, objects)?;
            }
        }
        Ok::<_, crate::errors::WardError>(())
    })?;
    Ok(found)
}

fn tell_rows(level: Query, objects: &Objects) -> Result<()> {
    for index in level.leaves() {
        let Some(table) = level.rte(index).and_then(Rte::table) else {
            continue;
        };
        let Some(p) = registry::protection(table)? else {
            continue;
        };
        let key = catalog::primary_key(table);
        if let Some(label) = p.label.as_ref().filter(|_| !key.is_empty()) {
            let names = [p.name.clone()].into_iter();
            let names: Vec<String> = names.chain(key.iter().map(|c| c.name.clone())).collect();
            let mut arguments = vec![expr::text_array(&names), level.column_value(index, label)];
            arguments.extend(key.iter().map(|column| level.column_value(index, column)));
            level.call_for_each_output(expr::call(objects.audit_found, BOOLEAN, &arguments));
        }
    }
    Ok(())
}
