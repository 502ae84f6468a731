#!/usr/bin/env bash
# Ring 4: real clients over real sockets (tests/client), against a throw-away cluster.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/pg.sh"
. "$(dirname "$0")/build-env.sh"
"$top/scripts/setup-clients.sh"

cluster=clients-$$
on_exit '"$top/scripts/cluster.sh" stop "$cluster"'
"$top/scripts/cluster.sh" start "$cluster"
eval "$("$top/scripts/cluster.sh" env "$cluster")"
export WARD_MINT=$CARGO_TARGET_DIR/release/ward-mint WARD_CLIENTS=$cache/clients

step "Test with real clients (tests/client)" "run: scripts/test-clients.sh; the server's log: $run/$cluster/log"
"$top/tests/client/run.sh" "$@"
