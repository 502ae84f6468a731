#!/usr/bin/env bash
# Builds the extension (release) for PostgreSQL $PG, or for the server of $PG_CONFIG, with cargo alone.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/pg.sh"
. "$(dirname "$0")/build-env.sh"

if [ -n "${PG_CONFIG:-}" ]; then
  build_for "$PG_CONFIG"
else
  own_server
  build_for "$pg_config"
fi
step "Build ward for PostgreSQL $PG (some minutes the first time)" "cargo's message above names the cause"
cargo build --release --locked --manifest-path "$top/Cargo.toml" --package ward \
  --no-default-features --features "pg$PG"
# What checks an audit log where there is no database.
cargo build --release --locked --manifest-path "$top/Cargo.toml" --package ward-verify
