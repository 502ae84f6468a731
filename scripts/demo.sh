#!/usr/bin/env bash
# The demonstration: sets up, builds, starts a throw-away cluster, runs demo/demo.sh on it, removes the cluster.
. "$(dirname "$0")/lib.sh"
"$top/scripts/setup.sh"
. "$(dirname "$0")/pg.sh"
alone
"$top/scripts/install-own.sh"

with_cluster demo

step "Run the demonstration (demo/demo.sh)"
"$top/demo/demo.sh"
