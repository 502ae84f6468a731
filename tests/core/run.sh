#!/usr/bin/env bash
# PostgreSQL's own regression suite, run three times, and what ward changed in its output (nothing, it should be):
#   bare       ward not loaded: what this server says by itself
#   preloaded  ward in shared_preload_libraries, its extension nowhere
#   active     as well the extension and a protected table in the database, so that ward's pass looks at every query
#   tests/core/run.sh                 the whole suite
#   tests/core/run.sh join select …   these tests, after test_setup
# The suite comes from Debian's source package of this major; ends with "N passed, M failed", one per test and variant.
. "$(dirname "$0")/../../scripts/lib.sh"
. "$top/scripts/pg.sh"
own_server

here=$top/tests/core
source=$cache/postgresql-$PG-source
suite=$source/src/test/regress
lib=$run/core-lib

# private_apt …: apt-get with lists, cache and sources of its own.
private_apt() {
  local state=$source/apt codename
  codename=$(. /etc/os-release && echo "${VERSION_CODENAME:?}")
  mkdir -p "$state/lists/partial" "$state/archives/partial" "$state/etc"
  {
    echo "deb-src $(apt_mirror main) $codename main"
    echo "deb-src $(apt_mirror security) $codename-security main"
  } >"$state/etc/sources.list"
  apt-get -q -o Dir::State::Lists="$state/lists" -o Dir::Cache="$state" -o Dir::Cache::Archives="$state/archives" \
    -o Dir::Etc::SourceList="$state/etc/sources.list" -o Dir::Etc::SourceParts=/dev/null \
    -o APT::Sandbox::User="$(id -un)" "$@"
}

# The newest release of this major that can be had: the two runs are compared with each other, so it need not be
# the very release that the server has.
fetch_source() {
  local version
  # A release without a security suite is no reason to stop; having no source at all is, below.
  private_apt update || true
  cd "$source"
  for version in $(apt-cache -o Dir::State::Lists="$source/apt/lists" -o Dir::Etc::SourceList="$source/apt/etc/sources.list" \
    -o Dir::Etc::SourceParts=/dev/null showsrc "postgresql-$PG" | awk '$1 == "Version:" { print $2 }' | sort -Vru); do
    if private_apt source --download-only "postgresql-$PG=$version"; then return; fi
  done
  return 1
}

get_suite() {
  [ ! -e "$source/ready" ] || return 0
  command -v bzip2 >/dev/null || {
    step "Install bzip2" "run: apt-get install bzip2"
    logged core-bzip2 as_root env DEBIAN_FRONTEND=noninteractive apt-get install -yq --no-install-recommends bzip2
  }
  step "Download the source package of PostgreSQL $PG" "is $(apt_mirror main) reachable?"
  mkdir -p "$source"
  logged core-source fetch_source
  tar -xf "$(compgen -G "$source/postgresql-$PG"'_*.orig.tar.*' | sort -V | tail -n 1)" -C "$source" \
    --strip-components=1 --wildcards '*/src/test/regress/*'
  touch "$source/ready"
}

# Functions in C that the suite calls, and two libraries of Debian's that it expects beside them.
build_library() {
  local module
  mkdir -p "$lib"
  for module in refint autoinc; do ln -sf "$("$pg_config" --pkglibdir)/$module.so" "$lib/"; done
  [ ! -e "$lib/regress.so" ] || return 0
  step "Compile the suite's C functions" "see $cache/log/core-library.log; is gcc installed?"
  logged core-library gcc -O1 -fPIC -shared -w -I"$("$pg_config" --includedir-server)" "$suite/regress.c" \
    -o "$lib/regress.so"
}

# variant NAME SETTING: runs the suite in a cluster of its own; the output goes to $run/core-NAME/results.
variant() {
  local name=$1 setting=$2 cluster=core-$1-$$ output=$run/core-$1 options=() status=0
  shift 2
  step "Run PostgreSQL's regression suite: $name" "read $output/regression.out"
  rm -rf "$output"
  mkdir -p "$output"
  [ "$(id -u)" -ne 0 ] || chown "$(postgres_user)" "$output"
  # The suite's authors assume these, and an answer must not depend on how far statistics have got.
  "$top/scripts/cluster.sh" start "$cluster" "shared_preload_libraries = '$setting'" "autovacuum = off" \
    "max_prepared_transactions = 2" >/dev/null
  (
    eval "$("$top/scripts/cluster.sh" env "$cluster")"
    cd /
    psql -Xqc 'CREATE DATABASE regression' -c "ALTER DATABASE regression SET bytea_output = hex" \
      -c "ALTER DATABASE regression SET timezone_abbreviations = 'Default'"
    [ "$name" != active ] || psql -Xq -d regression -v ON_ERROR_STOP=1 -f - <"$here/active.sql" >/dev/null
    regress=$(dirname "$("$pg_config" --pgxs)")/../test/regress/pg_regress
    ! "$regress" --help | grep -q expecteddir || options=(--expecteddir="$suite")
    logged "core-$name" as_postgres "$regress" "${options[@]}" --bindir="$pgbin" --inputdir="$suite" \
      --outputdir="$output" --dlpath="$lib" --host="$PGHOST" --port="$PGPORT" --user=postgres \
      --use-existing --dbname=regression --max-connections=8 "${tests[@]}"
  ) >/dev/null 2>&1 || status=$?
  "$top/scripts/cluster.sh" log "$cluster" >"$cache/log/core-$name-server.log"
  "$top/scripts/cluster.sh" stop "$cluster"
  compgen -G "$output/results/*.out" >/dev/null || die "the suite did not run ($name)" "see $cache/log/core-$name.log"
  note "$(compgen -G "$output/results/*.out" | wc -l) tests ran; status $status against the suite's own expected output"
}

# Object ids differ from run to run; places within a file say nothing.
essence() { grep -v '^[#@]' | sed -E 's/\b[0-9]{5,}\b/OID/g'; }

# compare NAME: its results against those of the bare run, less what expected/NAME.TEST.diff knows and explains.
compare() {
  local name=$1 result test known found
  for result in "$run/core-bare/results/"*.out; do
    test=$(basename "$result" .out)
    known=$here/expected/$name.$test.diff
    found=$run/core-$name/$test.diff
    if diff -U0 --label bare --label "$name" "$result" "$run/core-$name/results/$test.out" >"$found"; then
      [ ! -e "$known" ] || note "tests/core/expected/$name.$test.diff is no longer needed"
    elif [ ! -e "$known" ] || ! cmp -s <(essence <"$known") <(essence <"$found"); then
      failed=$((failed + 1))
      printf 'FAIL  %s differs with ward %s\n' "$test" "$name"
      head -n "${CORE_LINES:-20}" "$found"
      continue
    fi
    passed=$((passed + 1))
  done
}

if [ $# -gt 0 ]; then tests=(test_setup "$@"); else tests=(--schedule="$suite/parallel_schedule"); fi
get_suite
build_library
variant bare ''
variant preloaded ward
variant active ward
passed=0 failed=0
compare preloaded
compare active
printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ] || die "$failed outputs differ" "the differences are in $run/core-*/TEST.diff"
