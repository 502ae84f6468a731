#!/usr/bin/env bash
# Ring 2: the #[pg_test] functions of pg_test/, run inside a server by cargo-pgrx.
. "$(dirname "$0")/lib.sh"
"$top/scripts/setup-cargo-pgrx.sh"
. "$(dirname "$0")/pg.sh"
. "$(dirname "$0")/build-env.sh"
own_server
build_for "$pg_config"

options=(--no-default-features --features "pg$PG")
if [ "$(id -u)" -eq 0 ]; then
  # cargo-pgrx changes to the user postgres with it.
  command -v sudo >/dev/null || apt_install sudo
  options+=(--runas postgres)
fi
# Next to the other clusters: a folder that PostgreSQL can reach.
data=$run/database-tests
rm -rf "$data"
mkdir -p "$data"
[ "$(id -u)" -ne 0 ] || chown postgres "$data"
options+=(--pgdata "$data")
on_exit 'rm -rf "$data"'

step "Test inside the server (pg_test/)" "run: scripts/test-database.sh; the server's log is in the output"
log=$cache/log/test-database-output.log
status=0
(cd "$top" && cargo pgrx test "pg$PG" --release --package ward "${options[@]}" "$@") 2>&1 | tee "$log" |
  grep -vE '^(running|test .* ok|$)' || status=${PIPESTATUS[0]}
awk '/^test result:/ { p += $4; f += $6 } END { printf "%d passed, %d failed\n", p, f }' "$log"
exit "$status"
