#!/usr/bin/env bash
# Measures ward against the same work written by hand and against native row security.
#   bench/run.sh [--quick] [--only plain,vectors,…] [--publish] [--keep]
# --quick is a smoke check of at most two minutes: small data, one repetition, figures that mean nothing.
# --publish keeps the figures: bench/results/ and the tables of docs/benchmarks.md.
# --keep leaves the databases, to look into a result.
#
# Needs PGHOST, PGPORT, PGUSER of a superuser on a server with ward preloaded and pgvector installed, and
# WARD_MINT, the tool that signs tokens. Optional:
#   WARD_BENCH_BARE     socket folder or host of a second server, alike but without ward (PGPORT is the same,
#                       or WARD_BENCH_BARE_PORT); without it the arm "ward not loaded" is left out
#   WARD_BENCH_AUDIT_NONE, …_WARD, …_PGAUDIT  socket folders of three servers alike but for what audits, with fsync and
#                       on this machine (the part "audit" reads their files); without …_NONE and …_WARD it is left out
#   WARD_BENCH_OUT      where the Python environment and unpublished results go
#   valgrind            if it is installed, instructions are counted too
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd -P)
: "${PGHOST:?the server with ward}" "${WARD_MINT:?the path of ward-mint, the tool that signs tokens}"
export WARD_BENCH_OUT=${WARD_BENCH_OUT:-$here/../.ward/bench}

venv=$WARD_BENCH_OUT/venv
if ! cmp -s "$here/requirements.txt" "$venv/made-from"; then
  echo "    installing numpy, matplotlib and psycopg (PyPI) into $venv"
  rm -rf "$venv"
  mkdir -p "$WARD_BENCH_OUT"
  python3 -m venv "$venv"
  "$venv/bin/pip" install -q --disable-pip-version-check -r "$here/requirements.txt"
  cp "$here/requirements.txt" "$venv/made-from"
fi

# One thread for numpy: the second core belongs to the server.
export PYTHONPATH=$here PYTHONDONTWRITEBYTECODE=1 OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
exec "$venv/bin/python" -m ward_bench "$@"
