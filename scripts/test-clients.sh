#!/usr/bin/env bash
# Ring 4: real clients over real sockets (tests/client), against a throw-away cluster.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/pg.sh"
"$top/scripts/setup-clients.sh"

with_cluster clients
export WARD_CLIENTS=$cache/clients

step "Test with real clients (tests/client)" "run: scripts/test-clients.sh [test_FILE[.Class[.test]] …]"
"$top/tests/client/run.sh" "$@"
