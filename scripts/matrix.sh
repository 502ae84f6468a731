#!/usr/bin/env bash
# The same tests on other PostgreSQL releases, each in a Debian root of its own: 17 in trixie, 18 in forky.
#   scripts/matrix.sh            all, at the same time
#   scripts/matrix.sh forky      one
. "$(dirname "$0")/lib.sh"

suites=("${@:-}")
[ -n "${suites[0]}" ] || suites=(trixie forky)
mkdir -p "$cache/log"
log() { echo "$cache/log/matrix-$1.log"; }

step "Tests in the Debian roots ${suites[*]}" "run: scripts/matrix.sh ${suites[0]}"
declare -A running
for suite in "${suites[@]}"; do
  "$top/scripts/root.sh" "$suite" scripts/test.sh </dev/null >"$(log "$suite")" 2>&1 &
  running[$suite]=$!
  note "$suite: $(log "$suite")"
done

# Half of a test run is waiting, so the releases hardly slow each other down; the last line of each shows how far it is.
while [ -n "$(jobs -pr)" ]; do
  sleep 20
  for suite in "${suites[@]}"; do
    printf '%6d s  %-8s %.100s\n' "$SECONDS" "$suite" "$(tail -n 1 "$(log "$suite")")"
  done
done

results=() failed=0
for suite in "${suites[@]}"; do
  if wait "${running[$suite]}"; then verdict=passed; else verdict=FAILED failed=$((failed + 1)); fi
  printf '\n######## %s\n' "$suite"
  # All of a failure; of a success the table.
  if [ "$verdict" = FAILED ]; then cat "$(log "$suite")"; else tail -n 12 "$(log "$suite")"; fi
  results+=("$(printf '%-10s %s' "$suite" "$verdict")")
done
printf '\nmatrix, %d s\n' "$SECONDS"
printf '%s\n' "${results[@]}"
[ "$failed" -eq 0 ] || die "$failed of ${#suites[@]} releases failed" "see the output above"
