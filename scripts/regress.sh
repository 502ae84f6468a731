#!/usr/bin/env bash
# Ring 3: golden tests, by PostgreSQL's own pg_regress, against a throw-away cluster.
#   scripts/regress.sh                 all of tests/pg_regress/sql, `setup` first
#   scripts/regress.sh mask_basics     only these, after `setup`
#   scripts/regress.sh --accept [NAME…]   takes the results as the expected output (read the diff before you commit)
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/pg.sh"

suite=$top/tests/pg_regress
output=$cache/regress/pg$PG
accept=
if [ "${1:-}" = --accept ]; then accept=1; shift; fi

names=("$@")
if [ "${#names[@]}" -eq 0 ]; then
  for file in "$suite"/sql/*.sql; do
    name=$(basename "$file" .sql)
    [ "$name" = setup ] || names+=("$name")
  done
fi
[ ! -e "$suite/sql/setup.sql" ] || names=(setup "${names[@]}")

# pg_regress gives up on a test without expected output, so a new one begins with an empty file.
for name in "${names[@]}"; do
  [ -e "$suite/expected/$name.out" ] || { [ -n "$accept" ] && : >"$suite/expected/$name.out"; } ||
    die "tests/pg_regress/expected/$name.out is missing" "scripts/regress.sh --accept $name, then read what it wrote"
done

with_cluster regress
createdb ward_regress

step "Golden tests (tests/pg_regress) on PostgreSQL $PG" "read $output/regression.diffs"
rm -rf "$output"
mkdir -p "$output"
log=$output/summary.log
status=0
cd "$output"
"$(dirname "$("$WARD_PG_CONFIG" --pgxs)")/../test/regress/pg_regress" \
  --bindir="$(dirname "$WARD_PG_CONFIG")" --inputdir="$suite" --outputdir="$output" \
  --host="$PGHOST" --port="$PGPORT" --user=postgres --use-existing --dbname=ward_regress "${names[@]}" 2>&1 |
  tee "$log" || status=${PIPESTATUS[0]}

if [ -n "$accept" ]; then
  for name in "${names[@]}"; do cp "$output/results/$name.out" "$suite/expected/$name.out"; done
  note "accepted ${#names[@]} results: read git diff before you commit"
  exit 0
fi
[ ! -s "$output/regression.diffs" ] || head -n 200 "$output/regression.diffs"
# "All 3 tests passed." or "1 of 3 tests failed.", with a leading # since PostgreSQL 16
awk '/ tests? passed\./ { p = $(NF - 2) } / tests? failed/ { for (i = 1; i <= NF; i++) if ($i == "of") { f = $(i - 1); p = $(i + 1) - f } }
  END { printf "%d passed, %d failed\n", p, f }' "$log"
exit "$status"
