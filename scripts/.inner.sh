. scripts/lib.sh; . scripts/pg.sh; with_cluster py; export WARD_CLIENTS=/tmp/w/cache-tests/clients PYTHONDONTWRITEBYTECODE=1; /tmp/w/cache-tests/clients/venv/bin/python /tmp/w/patchrun.py "$@"
