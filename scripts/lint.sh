#!/usr/bin/env bash
# Formatting, clippy with warnings denied, the layer test, and shellcheck where the machine has it.
. "$(dirname "$0")/lib.sh"
"$top/scripts/setup.sh"
. "$(dirname "$0")/pg.sh"
. "$(dirname "$0")/build-env.sh"
own_server
build_for "$pg_config"
cd "$top"

step "Formatting" "run: cargo fmt --all"
cargo fmt --all --check

cargo clippy --version >/dev/null 2>&1 || die "This Rust has no clippy" "install it: rustup component add clippy (Debian: rust-clippy)"
step "Clippy: pure crates" "mend the warnings above"
cargo clippy --release --locked --workspace --exclude ward --all-targets -- -D warnings
step "Clippy: the extension on PostgreSQL $PG" "mend the warnings above"
cargo clippy --release --locked --package ward --all-targets --no-default-features --features "pg$PG,pg_test" -- -D warnings

step "Layers" "docs: ARCHITECTURE.md; the test: crates/house"
cargo test --quiet --locked --package house

if command -v shellcheck >/dev/null; then
  step "Shell scripts" "mend the findings above"
  shellcheck -S warning -x -P scripts scripts/*.sh .ci/run
fi
