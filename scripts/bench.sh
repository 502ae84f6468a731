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

# Three for the part "audit", alike but for what audits. They wait for the disk, as a server in earnest does.
if [[ " $* " != *" --only "* || " $* " == *audit* ]]; then
  "$top/scripts/install-pgaudit.sh" || note "without pgaudit: that arm is left out"
  durable=("shared_buffers = '512MB'" "max_wal_size = '8GB'" "jit = off" "fsync = on" "max_connections = 120")
  with_cluster bench-none "${durable[@]}" "shared_preload_libraries = ''"
  export WARD_BENCH_AUDIT_NONE=$PGHOST
  with_cluster bench-ward "${durable[@]}"
  export WARD_BENCH_AUDIT_WARD=$PGHOST
  if [ -e "$("$WARD_PG_CONFIG" --pkglibdir)/pgaudit.so" ]; then
    with_cluster bench-pgaudit "${durable[@]}" "shared_preload_libraries = 'pgaudit'" "pgaudit.log = 'read, write'" \
      "pgaudit.log_catalog = off" "logging_collector = on"
    export WARD_BENCH_AUDIT_PGAUDIT=$PGHOST
  fi
fi

with_cluster bench "${settings[@]}"

step "Run the benchmarks (bench/run.sh)"
"$top/bench/run.sh" "$@"
