#!/usr/bin/env bash
# The benchmarks (bench/run.sh), on a throw-away cluster with a release build. Arguments go to bench/run.sh.
. "$(dirname "$0")/lib.sh"
"$top/scripts/setup.sh"
. "$(dirname "$0")/pg.sh"
alone
"$top/scripts/install-own.sh"

with_cluster bench "shared_buffers = '2GB'" "max_wal_size = '8GB'" "jit = off"
export WARD_BENCH_OUT=$cache/bench

step "Run the benchmarks (bench/run.sh)"
"$top/bench/run.sh" "$@"
