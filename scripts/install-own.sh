#!/usr/bin/env bash
# Builds ward and the tool that signs tokens (release), and installs ward into our copy of the server.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/pg.sh"
. "$(dirname "$0")/build-env.sh"
own_server
"$top/scripts/build.sh"
[ ! -d "$top/crates/ward-mint" ] ||
  cargo build --release --locked --manifest-path "$top/Cargo.toml" --package ward-mint
PG_CONFIG=$pg_config WARD_QUIET_INSTALL=1 "$top/scripts/install.sh"
