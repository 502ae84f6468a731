# shellcheck shell=bash
# What demo.sh is written with: headings, psql as the DBA and as the application, tokens, checks.

bold='' dim='' green='' red='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
  bold=$'\e[1m' dim=$'\e[2m' green=$'\e[32m' red=$'\e[31m' plain=$'\e[0m'
fi

# --- what the reader sees ------------------------------------------------------------------------

heading() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
say() { printf '%s\n' "$*"; }
indent() { sed 's/^/    /'; }
# shown FILE: the SQL itself, as it is about to run.
shown() { printf '%s' "$dim" && grep -v '^--' "$1" | indent && printf '%s' "$plain"; }

# --- checks --------------------------------------------------------------------------------------

proved=()
failures=0
refusals=0

# check WHAT EXPECTED ACTUAL: one line now, one line in the summary.
check() {
  if [ "$2" = "$3" ]; then
    proved+=("${green}PASS${plain}  $1")
    printf '  %sok%s  %s\n' "$green" "$plain" "$1"
  else
    proved+=("${red}FAIL${plain}  $1")
    failures=$((failures + 1))
    printf '  %sNO%s  %s\n        expected: %s\n        got:      %s\n' "$red" "$plain" "$1" "$2" "$3"
  fi
}

summary() {
  local number=0 line
  heading "What this run proved"
  for line in "${proved[@]}"; do
    number=$((number + 1))
    printf '%3d  %s\n' "$number" "$line"
  done
  if [ "$failures" -gt 0 ]; then
    printf '\n%s%d of %d did not hold.%s\n' "$red" "$failures" "$number" "$plain"
    return 1
  fi
  printf '\n%sAll %d held.%s\n' "$green" "$number" "$plain"
}

# --- two ways to the database --------------------------------------------------------------------

# The DBA: a superuser. An error here ends the demo.
dba() { psql -X -q -v ON_ERROR_STOP=1 "$@"; }
dba_value() { dba -At -c "$1"; }

# The application: one role for all its users, whatever they may see.
app() { psql -X -q -v ON_ERROR_STOP=1 -v VERBOSITY=verbose -P footer=off -U app "$@"; }

# as TOKEN [psql options] < SQL: one transaction of the application, on behalf of the token's bearer.
# A driver would bind the token as a parameter; psql takes it from the environment, never from its arguments.
as() {
  local token=$1
  shift
  {
    echo '\getenv token TOKEN'
    echo 'BEGIN;'
    echo "SELECT set_config('ward.token', :'token', true) \\g /dev/null"
    cat
    echo 'COMMIT;'
  } | TOKEN=$token app "$@"
}

# value TOKEN SQL: the result alone; an error's message if there is one.
value() { as "$1" -At <<<"$2;" 2>&1 || true; }

# refused WHAT CODE TOKEN SQL: passes if the statement fails with this SQLSTATE (and ward code, after a slash).
refused() {
  local what=$1 code=$2 output
  output=$(value "$3" "$4")
  report "$what" "$code" "$output"
}

# report WHAT CODE OUTPUT: shows the error as a client gets it, and checks its codes.
report() {
  local found state ward
  refusals=$((refusals + 1))
  state=$(sed -nE 's/.*ERROR:  ([0-9A-Z]{5}): .*/\1/p' <<<"$3" | head -n 1)
  ward=$(sed -nE 's/^DETAIL:  (WD[0-9]{3}).*/\1/p' <<<"$3" | head -n 1)
  found=$state
  case $2 in */*) found=$state/$ward ;; esac
  { grep -E '(ERROR|DETAIL|HINT): ' <<<"$3" || head -n 3 <<<"$3"; } | sed -E 's/^psql:[^ ]* //' | fold -s -w 116 | indent
  check "$1" "error $2" "error $found"
}

# --- tokens --------------------------------------------------------------------------------------

# tampered TOKEN: the same token with another organisation written into it, the signature untouched.
tampered() {
  local header payload signature
  IFS=. read -r header payload signature <<<"$1"
  payload=$(unbase64url "$payload" | sed -E 's/("org" *: *")[a-z]+/\1postgres/' | base64 -w 0 | tr '+/' '-_' | tr -d '=')
  echo "$header.$payload.$signature"
}

unbase64url() {
  local text
  text=$(tr '_-' '/+' <<<"$1")
  while [ $((${#text} % 4)) -ne 0 ]; do text+='='; done
  base64 -d <<<"$text"
}
