#!/usr/bin/env bash
# Writes sql/ward--VERSION.sql, the SQL that gets installed, from the code; or checks that the committed one is current.
#   scripts/schema.sh            writes it
#   scripts/schema.sh --check    fails with the difference
. "$(dirname "$0")/lib.sh"
"$top/scripts/setup-cargo-pgrx.sh"
. "$(dirname "$0")/pg.sh"
. "$(dirname "$0")/build-env.sh"
own_server
build_for "$pg_config"

version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' "$top/Cargo.toml")
committed=$top/sql/ward--$version.sql
generated=$CARGO_TARGET_DIR/ward--$version.sql

step "Generate the SQL of ward $version" "cargo's message above names the cause"
(cd "$top" && cargo pgrx schema "pg$PG" --release --package ward --no-default-features --features "pg$PG" --out "$generated.new")
# The generator notes where each object was written in the code; line numbers would make every edit a change of SQL.
sed -E '/^-- .*\.rs:[0-9]+$/d' "$generated.new" | cat -s >"$generated"

# The generator's order is one of several that respect what needs what, and differs between builds: objects are compared
# one by one. Those of the committed file stand in an order that was installed.
objects() { awk 'BEGIN { RS = "/\\* <begin connected objects> \\*/" } { gsub(/\n/, "\001"); print }' "$1" | LC_ALL=C sort | tr '\001' '\n'; }

if [ "${1:-}" = --check ]; then
  if diff -u <(objects "$committed") <(objects "$generated"); then
    echo "1 passed, 0 failed"
  else
    echo "0 passed, 1 failed"
    die "sql/ward--$version.sql is not what the code generates" "run: scripts/schema.sh, and commit the file"
  fi
else
  cp "$generated" "$committed"
  note "wrote ${committed#"$top"/}"
fi
