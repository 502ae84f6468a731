#!/usr/bin/env bash
# Builds the extension (release) for PostgreSQL $PG, or for the server of $PG_CONFIG, with cargo alone.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/pg.sh"
. "$(dirname "$0")/build-env.sh"

# A change of pg_config makes pgrx read all headers again, so every build of ours names the same one.
[ -n "${PG_CONFIG:-}" ] || own_server
export PGRX_PG_CONFIG_PATH=${PG_CONFIG:-$pg_config}
step "Build ward for PostgreSQL $PG (some minutes the first time)" "cargo's message above names the cause"
cargo build --release --locked --manifest-path "$top/Cargo.toml" --package ward \
  --no-default-features --features "pg$PG"
