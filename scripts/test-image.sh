#!/usr/bin/env bash
# Ring 5: the steps of the Dockerfile that need no Docker: staged installation, first start, health check.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/pg.sh"
own_server

passed=0 failed=0
# check TEXT COMMAND…: counts whether the command succeeds.
check() {
  local text=$1
  shift
  if "$@" >"$cache/log/test-image.log" 2>&1; then
    passed=$((passed + 1))
    note "ok      $text"
  else
    failed=$((failed + 1))
    note "NOT OK  $text"
    cat "$cache/log/test-image.log"
  fi
}
refused() { ! "$@"; }
# Each word of the Dockerfile that begins with scripts/ is a file; a COPY from this project finds its source.
sources_exist() { (cd "$top" && grep -oE 'scripts/[a-z-]+\.sh' Dockerfile | sort -u | xargs ls -l); }

step "The image's steps, without Docker" "see the lines above"
check "the Dockerfile names scripts that exist" sources_exist

stage=$(mktemp -d)
on_exit 'rm -rf "$stage"'
check "ward installs into a stage" env PG_CONFIG="$pg_config" DESTDIR="$stage" "$top/scripts/install.sh"
check "the stage has the library" test -s "$stage$("$pg_config" --pkglibdir)/ward.so"
check "the stage has the control file" test -s "$stage$("$pg_config" --sharedir)/extension/ward.control"
check "its version is filled in" refused grep -q '@' "$stage$("$pg_config" --sharedir)/extension/ward.control"

with_cluster image
check "the first start makes both extensions" "$top/scripts/image-init.sh"
check "a server with ward is healthy" "$top/scripts/image-health.sh"
with_cluster bare "shared_preload_libraries = ''"
check "a server without ward is not" refused "$top/scripts/image-health.sh"

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
