#!/usr/bin/env bash
# All tests, ring by ring, on one PostgreSQL (PG=17 scripts/test.sh for another). Each ring ends with "N passed, M failed".
. "$(dirname "$0")/lib.sh"
started=$SECONDS
"$top/scripts/setup.sh"
. "$(dirname "$0")/pg.sh"

alone

table=()
total_passed=0 total_failed=0 broken=0

# ring NAME COMMAND…: runs it, keeps its output, adds a line to the table.
ring() {
  local name=$1 log=$cache/log/ring-$1.log begin=$SECONDS status=0 passed failed line
  shift
  printf '\n'
  "$@" 2>&1 | tee "$log" || status=${PIPESTATUS[0]}
  line=$(grep -E '^[0-9]+ passed, [0-9]+ failed$' "$log" | tail -n 1 || true)
  read -r passed _ failed _ <<<"${line:-0 passed, 0 failed}"
  # A ring that ran nothing, or ended badly without naming a test, is a failure too.
  if [ "$failed" -eq 0 ] && { [ "$status" -ne 0 ] || [ "$passed" -eq 0 ]; }; then failed=1; fi
  if [ "$failed" -gt 0 ]; then broken=$((broken + 1)); fi
  total_passed=$((total_passed + passed)) total_failed=$((total_failed + failed))
  table+=("$(printf '%-10s %7d %7d %6d s' "$name" "$passed" "$failed" $((SECONDS - begin)))")
}

# The pure crates know no PostgreSQL: in the Debian roots of the matrix they need not run again.
[ -n "${WARD_IN_ROOT:-}" ] || ring crates "$top/scripts/test-crates.sh"
ring schema "$top/scripts/schema.sh" --check
ring database "$top/scripts/test-database.sh"
# From here on the release build is what is tested; the in-database ring left a debug build in our server.
"$top/scripts/install-own.sh"
ring golden "$top/scripts/regress.sh"
ring clients "$top/scripts/test-clients.sh"
ring dump "$top/tests/dump_label.sh"
ring core "$top/tests/core/run.sh"
ring image "$top/scripts/test-image.sh"

printf '\nPostgreSQL %s, %d s\n%-10s %7s %7s %8s\n' "$PG" $((SECONDS - started)) ring passed failed time
printf '%s\n' "${table[@]}"
printf '%d passed, %d failed\n' "$total_passed" "$total_failed"
[ "$broken" -eq 0 ] || die "$broken of ${#table[@]} rings failed" "the output of each ring is in $cache/log/ring-NAME.log"
