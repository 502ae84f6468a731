#!/usr/bin/env bash
# The benchmarks (bench/run.sh), on a throw-away cluster with a release build. Arguments go to bench/run.sh.
. "$(dirname "$0")/lib.sh"
"$top/scripts/setup.sh"
. "$(dirname "$0")/pg.sh"
. "$(dirname "$0")/build-env.sh"
"$top/scripts/install-own.sh"

cluster=bench-$$
on_exit '"$top/scripts/cluster.sh" stop "$cluster"'
"$top/scripts/cluster.sh" start "$cluster" "shared_buffers = '2GB'" "max_wal_size = '8GB'" "jit = off"
eval "$("$top/scripts/cluster.sh" env "$cluster")"
export WARD_MINT=$CARGO_TARGET_DIR/release/ward-mint WARD_BENCH_OUT=$cache/bench

step "Run the benchmarks (bench/run.sh)"
"$top/bench/run.sh" "$@"
