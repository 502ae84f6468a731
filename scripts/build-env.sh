# shellcheck shell=bash
# Included after lib.sh and pg.sh by scripts that call cargo.
# shellcheck disable=SC2154  # cache and top come from lib.sh

# One target folder per PostgreSQL major: the extension's file has the same name in all of them.
export CARGO_TARGET_DIR=$cache/target/pg$PG
mkdir -p "$CARGO_TARGET_DIR"

# One script at a time: between another clone's build and what we do with its result nobody may come in.
# The scripts that this one calls are covered by its lock.
if [ "${WARD_TARGET_LOCKED:-}" != "$CARGO_TARGET_DIR" ]; then
  exec 7>"$CARGO_TARGET_DIR/.lock"
  flock -n 7 || { note "another script is building in $CARGO_TARGET_DIR: waiting for it"; flock 7; }
  export WARD_TARGET_LOCKED=$CARGO_TARGET_DIR
fi

# cargo compares times, not texts. Where the cache serves several clones, a file of this clone may be older than
# what another clone's file of the same name was built into; then our own crates are built afresh.
if [ "$(cat "$CARGO_TARGET_DIR/.built-from" 2>/dev/null || true)" != "$top" ]; then
  rm -rf "$CARGO_TARGET_DIR"/*/.fingerprint/{ward,house}*
  echo "$top" >"$CARGO_TARGET_DIR/.built-from"
fi

# build.rs already does what cargo-pgrx would do by a link flag of its own; with other flags than cargo's it would
# build everything again.
export CARGO_PGRX_DISABLE_GC_SECTIONS_WORKAROUND=1

# build_for PG_CONFIG: tells pgrx whose headers to read. The file is written only when that changes: a newer one
# makes pgrx read all headers again, a missing one makes it do so at every build.
build_for() {
  export PGRX_HOME=$CARGO_TARGET_DIR/pgrx
  local config="[configs]
pg$PG = \"$1\""
  mkdir -p "$PGRX_HOME"
  [ "$(cat "$PGRX_HOME/config.toml" 2>/dev/null || true)" = "$config" ] || echo "$config" >"$PGRX_HOME/config.toml"
}
