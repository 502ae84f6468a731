#!/usr/bin/env bash
# The benchmarks (bench/run.sh), on a throw-away cluster with a release build. Arguments go to bench/run.sh.
. "$(dirname "$0")/lib.sh"
"$top/scripts/setup.sh"
. "$(dirname "$0")/pg.sh"
alone
"$top/scripts/install-own.sh"

missing=()
python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
command -v valgrind >/dev/null || missing+=(valgrind)
[ "${#missing[@]}" -eq 0 ] || apt_install "${missing[@]}"

# Two servers alike but for ward: what does it cost those who do not use it?
settings=("shared_buffers = '2GB'" "max_wal_size = '8GB'" "jit = off")
with_cluster bench-bare "${settings[@]}" "shared_preload_libraries = ''"
export WARD_BENCH_BARE=$PGHOST WARD_BENCH_OUT=$cache/bench
with_cluster bench "${settings[@]}"

step "Run the benchmarks (bench/run.sh)"
"$top/bench/run.sh" "$@"
