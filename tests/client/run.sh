#!/usr/bin/env bash
# Runs the client tests against the cluster named by PGHOST, PGPORT and PGUSER (a superuser), which has ward preloaded.
#   tests/client/run.sh                       all of them
#   tests/client/run.sh test_switch …         some files, or file.Class.test
# WARD_MINT signs tokens, WARD_CLIENTS holds the drivers, WARD_PG_CONFIG is the server's; scripts/test-clients.sh
# sets them all. WARD_SEED repeats a run, WARD_SWITCHES changes the length of the switch test.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
: "${PGHOST:?}" "${WARD_MINT:?}" "${WARD_CLIENTS:?}" "${WARD_PG_CONFIG:?}"
unset RUST_BACKTRACE
export PYTHONDONTWRITEBYTECODE=1 NODE_PATH=$WARD_CLIENTS/node/node_modules
exec "$WARD_CLIENTS/venv/bin/python" "$here/run.py" "$@"
