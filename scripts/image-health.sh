#!/usr/bin/env bash
# The image's health check: the server answers, and ward is in it. A server without ward is not healthy.
set -euo pipefail
preloaded=$(psql -XAtq --username "${POSTGRES_USER:-postgres}" --dbname "${POSTGRES_DB:-${POSTGRES_USER:-postgres}}" \
  -c "SELECT 'ward' = ANY (string_to_array(replace(current_setting('shared_preload_libraries'), ' ', ''), ','))")
[ "$preloaded" = t ]
