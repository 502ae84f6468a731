#!/usr/bin/env bash
# The same tests on other PostgreSQL releases, each in a Debian root of its own: 17 in trixie, 18 in forky.
#   scripts/matrix.sh            all
#   scripts/matrix.sh forky      one
. "$(dirname "$0")/lib.sh"

suites=("${@:-}")
[ -n "${suites[0]}" ] || suites=(trixie forky)
results=() failed=0
for suite in "${suites[@]}"; do
  begin=$SECONDS
  printf '\n'
  step "Tests in the Debian root $suite" "run: scripts/matrix.sh $suite"
  if "$top/scripts/root.sh" "$suite" scripts/test.sh; then verdict=passed; else verdict=FAILED failed=$((failed + 1)); fi
  results+=("$(printf '%-10s %-8s %5d s' "$suite" "$verdict" $((SECONDS - begin)))")
done
printf '\nmatrix\n'
printf '%s\n' "${results[@]}"
[ "$failed" -eq 0 ] || die "$failed of ${#suites[@]} releases failed" "see the output above"
