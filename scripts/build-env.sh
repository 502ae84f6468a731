# shellcheck shell=bash
# Included after lib.sh (and pg.sh, where PostgreSQL matters) by scripts that call cargo.

export PATH=$cache/tools/bin:$PATH
# pgrx wants a home of its own, even where it has nothing to keep there.
export PGRX_HOME=$cache/pgrx
mkdir -p "$PGRX_HOME"

# One target folder per PostgreSQL major: the extension's file has the same name in all of them.
export CARGO_TARGET_DIR=$cache/target/pg${PG:-none}
mkdir -p "$CARGO_TARGET_DIR"

# cargo compares times, not texts. Where the cache serves several clones, a file of this clone may be older than
# what another clone's file of the same name was built into; then our own crates are built afresh.
if [ "$(cat "$CARGO_TARGET_DIR/.built-from" 2>/dev/null || true)" != "$top" ]; then
  rm -rf "$CARGO_TARGET_DIR"/*/.fingerprint/{ward,house}*
  echo "$top" >"$CARGO_TARGET_DIR/.built-from"
fi
