#!/usr/bin/env bash
# Ring 1: unit and property tests of the pure crates, the tools and the layer test. Needs no PostgreSQL.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/pg.sh"
. "$(dirname "$0")/build-env.sh"

step "Test the pure crates" "run: cargo test --workspace --exclude ward"
log=$cache/log/test-crates-output.log
status=0
cargo test --locked --workspace --exclude ward --manifest-path "$top/Cargo.toml" --no-fail-fast 2>&1 | tee "$log" |
  grep -vE '^(running|test .* ok|$)' || status=${PIPESTATUS[0]}
awk '/^test result:/ { p += $4; f += $6 } END { printf "%d passed, %d failed\n", p, f }' "$log"
exit "$status"
