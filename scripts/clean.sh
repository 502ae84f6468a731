#!/usr/bin/env bash
# Removes what the scripts made: builds, tools, clusters, Debian roots.
. "$(dirname "$0")/lib.sh"
for elsewhere in "$cache"/run/*/elsewhere; do
  [ ! -e "$elsewhere" ] || rm -rf "$(cat "$elsewhere")"
done
step "Remove what is in $cache" "root owns the Debian roots in it: run with sudo"
for made in log run target tools pgvector postgresql-source clients regress bench roots; do
  rm -rf --one-file-system "${cache:?}/$made"
done
rm -f "$cache"/*.lock
