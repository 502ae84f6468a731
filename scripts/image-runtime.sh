#!/usr/bin/env bash
# The image's runtime stage: pgvector from the package source that the PostgreSQL image already has, and a place for
# the audit log.
set -euo pipefail
apt-get update -q
apt-get install -yq --no-install-recommends "postgresql-${PG_MAJOR:?}-pgvector"
rm -rf /var/lib/apt/lists/*
install -d -o postgres -g postgres -m 700 /var/lib/postgresql/ward
