#!/usr/bin/env bash
# PostgreSQL's own regression suite and pgvector's, run three times, and what ward changed in their output (nothing):
#   bare       ward not loaded: what this server says by itself (once per server)
#   preloaded  ward in shared_preload_libraries, its extension nowhere
#   active     as well the extension and a protected table in the database, so that ward's pass looks at every query
#   tests/core/run.sh                 both suites, whole
#   tests/core/run.sh join select …   these tests of PostgreSQL's, after test_setup
# The suites come from Debian's source packages; ends with "N passed, M failed", one per test and variant.
. "$(dirname "$0")/../../scripts/lib.sh"
. "$top/scripts/pg.sh"
own_server

here=$top/tests/core
lib=$run/core/lib

# private_apt …: apt-get with lists, cache and sources of its own.
source=$cache/core-source
private_apt() {
  local state=$source/apt codename
  codename=$(. /etc/os-release && echo "${VERSION_CODENAME:?}")
  mkdir -p "$state/lists/partial" "$state/archives/partial" "$state/etc"
  {
    echo "deb-src $(apt_mirror main) $codename main"
    echo "deb-src $(apt_mirror security) $codename-security main"
    # pgvector came with Debian 13.
    [ "$codename" = trixie ] || echo "deb-src $(apt_mirror main) trixie main"
  } >"$state/etc/sources.list"
  "$1" -q -o Dir::State::Lists="$state/lists" -o Dir::Cache="$state" -o Dir::Cache::Archives="$state/archives" \
    -o Dir::Etc::SourceList="$state/etc/sources.list" -o Dir::Etc::SourceParts=/dev/null \
    -o APT::Sandbox::User="$(id -un)" "${@:2}"
}

# fetch PACKAGE: the newest release that can be had. The runs are compared with each other, so it need not be the very
# release that the server has.
fetch() {
  local version
  # A release without a security suite is no reason to stop; having no source at all is, below.
  private_apt apt-get update || true
  cd "$source" || return
  for version in $(private_apt apt-cache showsrc "$1" | awk '$1 == "Version:" { print $2 }' | sort -Vru); do
    if private_apt apt-get source --download-only "$1=$version"; then return; fi
  done
  return 1
}

# unpack PACKAGE FOLDER: the folder of its source, into a place where PostgreSQL can read it.
unpack() {
  local target=$run/core/$1 tarball
  [ ! -e "$target/ready" ] || return 0
  command -v bzip2 >/dev/null || {
    step "Install bzip2" "run: apt-get install bzip2"
    logged core-bzip2 as_root env DEBIAN_FRONTEND=noninteractive apt-get install -yq --no-install-recommends bzip2
  }
  mkdir -p "$source" "$target"
  tarball=$(compgen -G "$source/$1_*.orig.tar.*" | sort -V | tail -n 1 || true)
  if [ -z "$tarball" ]; then
    step "Download the source package $1" "is $(apt_mirror main) reachable?"
    logged core-source fetch "$1"
    tarball=$(compgen -G "$source/$1_*.orig.tar.*" | sort -V | tail -n 1)
  fi
  tar -xf "$tarball" -C "$target" --strip-components=1 --wildcards "*/$2/*"
  touch "$target/ready"
}

# Functions in C that PostgreSQL's suite calls, and two libraries of Debian's that it expects beside them.
build_library() {
  local module
  mkdir -p "$lib"
  for module in refint autoinc; do ln -sf "$("$pg_config" --pkglibdir)/$module.so" "$lib/"; done
  [ ! -e "$lib/regress.so" ] || return 0
  step "Compile the suite's C functions" "see $cache/log/core-library.log; is gcc installed?"
  logged core-library gcc -O1 -fPIC -shared -w -I"$("$pg_config" --includedir-server)" "$core/regress.c" \
    -o "$lib/regress.so"
}

# suite VARIANT DATABASE FOLDER ARGUMENT…: one suite in a database of its own; the output goes to $run/core/VARIANT/DATABASE.
suite() {
  local variant=$1 database=$2 folder=$3 output=$run/core/$1/$2 options=() regress status=0
  mkdir -p "$output"
  [ "$(id -u)" -ne 0 ] || chown "$(postgres_user)" "$output"
  # The settings that pg_regress gives to databases that it makes itself.
  psql -Xqc "CREATE DATABASE $database" -c "ALTER DATABASE $database SET bytea_output = hex" \
    -c "ALTER DATABASE $database SET timezone_abbreviations = 'Default'"
  [ "$variant" != active ] || psql -Xq -d "$database" -v ON_ERROR_STOP=1 -f - <"$here/active.sql" >/dev/null
  regress=$(dirname "$("$pg_config" --pgxs)")/../test/regress/pg_regress
  ! "$regress" --help | grep -q expecteddir || options=(--expecteddir="$folder")
  (cd / && logged "core-$variant-$database" as_postgres "$regress" "${options[@]}" --bindir="$pgbin" --inputdir="$folder" \
    --outputdir="$output" --dlpath="$lib" --host="$PGHOST" --port="$PGPORT" --user=postgres \
    --use-existing --dbname="$database" --max-connections=8 "${@:4}") 2>/dev/null || status=$?
  compgen -G "$output/results/*.out" >/dev/null || die "$database did not run" "see $cache/log/core-$variant-$database.log"
  note "$database: $(compgen -G "$output/results/*.out" | wc -l) tests, status $status against its own expected output"
}

# variant NAME SETTING: runs the suites in a cluster of their own.
variant() {
  local name=$1 setting=$2 cluster=core-$1-$$
  step "Run the suites: $name" "read $run/core/$name/*/regression.out"
  rm -rf "$run/core/$name"
  on_exit "$(printf '%q stop %q' "$top/scripts/cluster.sh" "$cluster")"
  # No answer may depend on how far statistics have got.
  "$top/scripts/cluster.sh" start "$cluster" "shared_preload_libraries = '$setting'" "autovacuum = off" \
    "max_prepared_transactions = 2" >/dev/null
  eval "$("$top/scripts/cluster.sh" env "$cluster")"
  suite "$name" regression "$core" "${tests[@]}"
  [ "${#vector_tests[@]}" -eq 0 ] || suite "$name" regression_vector "$vector" --load-extension=vector "${vector_tests[@]}"
  "$top/scripts/cluster.sh" log "$cluster" >"$cache/log/core-$name-server.log"
  "$top/scripts/cluster.sh" stop "$cluster"
}

# Object ids differ from run to run; places within a file say nothing.
essence() { grep -v '^[#@]' | sed -E 's/\b[0-9]{5,}\b/OID/g'; }

# compare VARIANT: its results against those of the bare run, less what expected/VARIANT.TEST[.pgNN].diff knows and explains.
compare() {
  local name=$1 result test known found
  for result in "$run/core/bare/"*/results/*.out; do
    test=$(basename "$result" .out)
    known=$here/expected/$name.$test.pg$PG.diff
    [ -e "$known" ] || known=$here/expected/$name.$test.diff
    found=$run/core/$name/$test.diff
    if diff -U0 --label bare --label "$name" "$result" "${result/core\/bare/core/$name}" >"$found"; then
      [ ! -e "$known" ] || note "tests/core/expected/${known##*/} is no longer needed"
    elif [ ! -e "$known" ] || ! cmp -s <(essence <"$known") <(essence <"$found"); then
      failed=$((failed + 1))
      printf 'FAIL  %s differs with ward %s\n' "$test" "$name"
      head -n "${CORE_LINES:-20}" "$found"
      continue
    fi
    passed=$((passed + 1))
  done
}

mkdir -p "$run/core"
core=$run/core/postgresql-$PG/src/test/regress
vector=$run/core/pgvector/test
tests=(--schedule="$core/parallel_schedule") vector_tests=()
unpack "postgresql-$PG" src/test/regress
if [ $# -gt 0 ]; then
  tests=(test_setup "$@")
else
  "$top/scripts/setup-pgvector.sh"
  # Where setup-pgvector.sh had to build pgvector, its source is here already.
  cp -n "$cache/pgvector"/pgvector_*.orig.tar.* "$source/" 2>/dev/null || true
  unpack pgvector test
  for file in "$vector"/sql/*.sql; do vector_tests+=("$(basename "$file" .sql)"); done
fi
build_library
# What the server says by itself changes with the server alone: the whole run is kept.
server="$("$pg_config" --version) ${tests[*]} ${vector_tests[*]}"
if [ "$(cat "$run/core/bare/made-by" 2>/dev/null || true)" != "$server" ]; then
  variant bare ''
  echo "$server" >"$run/core/bare/made-by"
fi
variant preloaded ward
variant active ward
passed=0 failed=0
compare preloaded
compare active
printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ] || die "$failed outputs differ" "the differences are in $run/core/{preloaded,active}/TEST.diff"
