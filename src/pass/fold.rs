#![forbid(unsafe_code)]
//! Context functions become constants, so that the planner can prune, prove and estimate.

use crate::pg::expr;
use crate::pg::node::Query;
use crate::registry::Objects;
use crate::rows::marker;
use crate::session::Identity;

/// Replaces `ward.tenant()`, `ward.tenants()`, `ward.subject()`, `ward.clearance()` and
/// `ward.permit()` throughout the query, nested levels included.
pub fn context(query: Query, identity: &Identity, objects: &Objects) {
    let functions = [
        objects.tenant,
        objects.tenants,
        objects.subject,
        objects.clearance,
        objects.permit,
    ];
    // Looking is much cheaper than copying the query, and most queries call none of them.
    if !query.calls_any(&functions) {
        return;
    }
    let principal = identity.principal();
    query.replace_calls(&mut |function, call| {
        if function == objects.clearance {
            Some(expr::eight_bytes(
                objects.label_type,
                principal.clearance.to_bits() as i64,
            ))
        } else if function == objects.subject {
            Some(expr::text(&principal.subject))
        } else if function == objects.tenants {
            Some(expr::text_array(&principal.tenants))
        } else if function == objects.tenant {
            // With several tenants the call stays, and raises its own clear error if it is reached.
            match principal.tenants.as_slice() {
                [only] => Some(expr::text(only)),
                _ => None,
            }
        } else if function == objects.permit {
            call.oid_argument(0)
                .map(|relation| expr::boolean(marker::permit(relation)))
        } else {
            None
        }
    });
}
