#!/usr/bin/env bash
# The clients that tests/client drives: psycopg and SQLAlchemy in a virtual environment, node-postgres from npm, PgBouncer.
# They land in $cache/clients/{venv,node}, never in the machine's Python or Node.
. "$(dirname "$0")/lib.sh"

clients=$cache/clients
suite=$top/tests/client
mkdir -p "$clients/node"

missing=()
python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
command -v node >/dev/null || missing+=(nodejs)
command -v npm >/dev/null || missing+=(npm)
[ -x /usr/sbin/pgbouncer ] || missing+=(pgbouncer)
if [ "${#missing[@]}" -gt 0 ]; then
  apt_install "${missing[@]}"
  # Debian starts a PgBouncer of its own; nobody asked for that.
  case " ${missing[*]} " in *' pgbouncer '*) as_root systemctl disable --now pgbouncer >/dev/null 2>&1 || true ;; esac
fi

# fresh FILE STAMP: succeeds when STAMP was made from this very FILE.
fresh() { cmp -s "$1" "$2"; }

if [ -e "$suite/requirements.txt" ] && ! fresh "$suite/requirements.txt" "$clients/venv/made-from"; then
  step "Install psycopg and SQLAlchemy (PyPI)" "see $cache/log/clients-python.log; is PyPI reachable?"
  rm -rf "$clients/venv"
  python3 -m venv "$clients/venv"
  logged clients-python "$clients/venv/bin/pip" install -q --disable-pip-version-check -r "$suite/requirements.txt"
  cp "$suite/requirements.txt" "$clients/venv/made-from"
fi
if [ -e "$suite/package.json" ] && ! fresh "$suite/package.json" "$clients/node/made-from"; then
  step "Install node-postgres (npm)" "see $cache/log/clients-node.log; is the npm registry reachable?"
  cp "$suite"/package*.json "$clients/node/"
  logged clients-node npm ci --prefix "$clients/node" --no-audit --no-fund
  cp "$suite/package.json" "$clients/node/made-from"
fi
