#![forbid(unsafe_code)]
//! Changes of the registry: what is trusted, protected, masked, derived and revoked.

use super::record::Rules;
use super::{change, references};
use crate::audit::{self, Durability};
use crate::errors::Result;
use crate::pg::image::{self, Stored};
use crate::pg::trigger::Call;
use crate::pg::{catalog, guc, spi};
use crate::registry;
use serde_json::Value;
use ward_audit::{Change, Event, Kind};

/// The members of a JSON Web Key that nobody but its owner may know.
const PRIVATE: [&str; 9] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"];
/// Definitions are recorded in full, as far as they fit.
const LONG: usize = 16_384;

/// The trigger on the registry's tables. Error: WD043 if nothing can be recorded.
pub fn changed(call: Call) -> Result<()> {
    let relation = call.relation();
    let is_key = registry::is_mask_key(Some(relation));
    let secret = |column: &Stored| is_key && column.name == "secret";
    let rules = Rules::new(relation, LONG, secret);
    let name = catalog::qualified_name(relation).unwrap_or_default();
    let level = guc::nest();
    // Relations are named in full.
    guc::save(c"search_path", "pg_catalog, pg_temp");
    let change = image::steadily(|| change(call, &name, &rules));
    guc::unnest(level);
    let change = without_private_keys(change?);
    let event = Event {
        kind: Kind::Policy,
        statement: Some(change.operation.clone()),
        policy_version: next_version()?,
        change: Some(change),
        ..Event::default()
    };
    audit::emit(event, &references(), Durability::Now).map(|_| ())
}

/// The library refuses key sets with private parts (RFC 7518, section 6); by hand they can be stored all the
/// same.
fn without_private_keys(mut change: Change) -> Change {
    for row in [&mut change.old, &mut change.new].into_iter().flatten() {
        let Ok(mut value) = serde_json::from_str::<Value>(row) else {
            continue;
        };
        let keys = value
            .pointer_mut("/jwks/keys")
            .and_then(Value::as_array_mut);
        let Some(keys) = keys else { continue };
        for key in keys.iter_mut().filter_map(Value::as_object_mut) {
            key.retain(|member, _| !PRIVATE.contains(&member.as_str()));
        }
        *row = value.to_string();
    }
    change
}

/// Counts the policy's version up, as soon as this transaction commits.
///
/// Rows of others that count as well are replaced by their sum, unless somebody is at that already, or
/// the transaction could not see that somebody was. So nobody waits: a session that makes tables of
/// protected rows could otherwise hold up whoever revokes its token.
fn next_version() -> Result<Option<u64>> {
    let sql = "WITH before AS (
            DELETE FROM ward_internal.policy_version WHERE ctid = ANY (ARRAY(
                SELECT ctid FROM ward_internal.policy_version
                WHERE current_setting('transaction_isolation') = 'read committed'
                FOR UPDATE SKIP LOCKED))
            RETURNING changes)
        INSERT INTO ward_internal.policy_version SELECT COALESCE(sum(changes), 0) + 1 FROM before";
    spi::as_owner(|| spi::run(sql, &[]))?;
    registry::version_changed();
    Ok(Some(registry::version()))
}
