#!/usr/bin/env bash
# A throw-away PostgreSQL cluster with ward preloaded, reached only through its own socket folder.
#   scripts/cluster.sh start NAME [setting=value …]   a new, empty cluster (an old one of that name goes)
#   scripts/cluster.sh stop  NAME                     stops and removes it
#   scripts/cluster.sh log   NAME                     its log so far
#   scripts/cluster.sh env   NAME                     PGHOST and friends, for eval
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/pg.sh"
own_server

action=${1:?usage: cluster.sh start|stop|log|env NAME}
home=$run/${2:?usage: cluster.sh start|stop|log|env NAME}
port=$((54300 + PG))

stop() {
  [ ! -e "$home/data/postmaster.pid" ] ||
    as_postgres "$pgbin/pg_ctl" -D "$home/data" -m immediate -w stop >/dev/null 2>&1 || true
}

start() {
  stop
  rm -rf "$home"
  mkdir -p "$home/socket"
  # Nobody but the two of us gets to the socket, so local connections need no password.
  [ "$(id -u)" -ne 0 ] || chown -R "$(postgres_user)" "$home"
  chmod 700 "$home/socket"
  local setting
  step "Start a throw-away PostgreSQL $PG" "read $home/log"
  (cd / && as_postgres "$pgbin/initdb" -D "$home/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 -N >/dev/null)
  {
    echo "listen_addresses = ''"
    echo "unix_socket_directories = '$home/socket'"
    echo "port = $port"
    echo "shared_preload_libraries = 'ward'"
    echo "fsync = off"                  # thrown away after use
    echo "timezone = 'UTC'"
    echo "max_prepared_transactions = 10"
    for setting in "$@"; do echo "$setting"; done
  } | as_postgres tee -a "$home/data/postgresql.conf" >/dev/null
  # The server must not keep our callers' locks.
  (cd / && as_postgres "$pgbin/pg_ctl" -D "$home/data" -l "$home/log" -w -t 60 start >/dev/null 7>&- 8>&-) || {
    as_postgres tail -n 20 "$home/log" >&2
    exit 1
  }
}

case $action in
  start) start "${@:3}" ;;
  stop) stop && rm -rf "$home" ;;
  log) as_postgres cat "$home/log" ;;
  env) printf 'export PATH=%q:$PATH PGHOST=%q PGPORT=%q PGUSER=postgres PGDATABASE=postgres WARD_PG_CONFIG=%q\n' \
    "$pgbin" "$home/socket" "$port" "$pg_config" ;;
  *) die "Unknown action: $action" "start, stop, log or env" ;;
esac
