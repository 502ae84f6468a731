#!/usr/bin/env bash
# Builds ward for an existing server and installs it there: what `make install PG_CONFIG=…` runs. Needs cargo alone.
. "$(dirname "$0")/lib.sh"
[ -n "${PG_CONFIG:-}" ] || die "Which server?" "make install PG_CONFIG=/usr/lib/postgresql/17/bin/pg_config"
[ -x "$PG_CONFIG" ] || die "PG_CONFIG=$PG_CONFIG is not a program" "give the full path of the server's pg_config"
export PG_CONFIG
"$top/scripts/setup-system.sh"
"$top/scripts/setup-rust.sh"
"$top/scripts/build.sh"
"$top/scripts/install.sh"
