#!/usr/bin/env bash
# Installs cargo-pgrx, which the in-database tests and the SQL generator need (building and installing ward does not).
# Takes some five minutes, once. A cargo-pgrx of the right version on PATH is used as it is.
. "$(dirname "$0")/lib.sh"

version=$(sed -n 's/^pgrx = "=\(.*\)"/\1/p' "$top/Cargo.toml")
[ "$(cargo pgrx --version 2>/dev/null || true)" != "cargo-pgrx $version" ] || exit 0
step "Install cargo-pgrx $version (about five minutes, once)" "see $cache/log/cargo-pgrx.log; is crates.io reachable?"
# Its default features add a second TLS library, OpenSSL, which would need headers and pkg-config.
logged cargo-pgrx cargo install cargo-pgrx --version "$version" --locked --no-default-features --root "$cache/tools"
