#!/usr/bin/env bash
# The image's runtime stage: pgvector from the package source that the PostgreSQL image already has.
set -euo pipefail
apt-get update -q
apt-get install -yq --no-install-recommends "postgresql-${PG_MAJOR:?}-pgvector"
rm -rf /var/lib/apt/lists/*
