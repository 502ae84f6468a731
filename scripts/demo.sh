#!/usr/bin/env bash
# The demonstration: sets up, builds, starts a throw-away cluster, runs demo/demo.sh on it, removes the cluster.
. "$(dirname "$0")/lib.sh"
"$top/scripts/setup.sh"
. "$(dirname "$0")/pg.sh"
. "$(dirname "$0")/build-env.sh"
"$top/scripts/install-own.sh"

cluster=demo-$$
on_exit '"$top/scripts/cluster.sh" stop "$cluster"'
"$top/scripts/cluster.sh" start "$cluster"
eval "$("$top/scripts/cluster.sh" env "$cluster")"
export WARD_MINT=$CARGO_TARGET_DIR/release/ward-mint

step "Run the demonstration (demo/demo.sh)"
"$top/demo/demo.sh"
