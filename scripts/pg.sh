# shellcheck shell=bash
# Included after lib.sh by scripts that need PostgreSQL: which major, whose pg_config, and our own copy of its tree.
# shellcheck disable=SC2034,SC2154  # some names are read by, some come from, the scripts that include this file

supported_majors="18 17 16 15"

# The newest installed major, else the newest that apt offers.
default_major() {
  local major
  for major in $supported_majors; do
    [ ! -x "/usr/lib/postgresql/$major/bin/postgres" ] || { echo "$major"; return; }
  done
  for major in $supported_majors; do
    ! apt-cache show "postgresql-$major" >/dev/null 2>&1 || { echo "$major"; return; }
  done
}

if [ -n "${PG_CONFIG:-}" ]; then
  PG=$("$PG_CONFIG" --version | sed -n 's/^PostgreSQL \([0-9]*\).*/\1/p') ||
    die "PG_CONFIG=$PG_CONFIG does not answer" "give the full path of the server's pg_config"
fi
PG=${PG:-$(default_major)}
case " $supported_majors " in
  *" ${PG:-none} "*) ;;
  *) die "No supported PostgreSQL (15 to 18): PG='$PG'" "on Debian, apt-get update; elsewhere install PostgreSQL and its headers first" ;;
esac

export PG
system_pg_config=/usr/lib/postgresql/$PG/bin/pg_config

# Where clusters of this major live. PostgreSQL must be able to walk there (a clone may lie in somebody's
# private home), and a socket's whole path has at most 107 bytes: where either fails, a folder in /tmp takes its place.
choose_run_dir() {
  local here=$cache/run/pg$PG elsewhere
  mkdir -p "$here"
  if [ ${#here} -le 56 ] && as_postgres test -x "$here"; then
    echo "$here"
    return
  fi
  elsewhere=$(cat "$here/elsewhere" 2>/dev/null || true)
  if [ ! -d "$elsewhere" ] || [ ! -O "$elsewhere" ]; then
    elsewhere=$(mktemp -d "/tmp/ward-pg$PG-XXXXXX")
    chmod 755 "$elsewhere"
    echo "$elsewhere" >"$here/elsewhere"
    note "PostgreSQL cannot use $here: its files go to $elsewhere" >&2
  fi
  echo "$elsewhere"
}

# own_server: sets `run` and `pg_config`. Our copy of the server's tree is its programs, which find everything
# else by their own place, plus links to the rest: extensions are installed there, the machine's own server and
# its clusters never see them, and no root rights are needed.
own_server() {
  local tree stamp
  run=$(choose_run_dir)
  tree=$run/server
  pg_config=$tree/usr/lib/postgresql/$PG/bin/pg_config
  pgbin=$(dirname "$pg_config")
  # Stale after an upgrade of the server, and when the machine gained or lost an extension.
  stamp="$("$system_pg_config" --version) $(stat -c %Y "$system_pg_config" "/usr/lib/postgresql/$PG/lib" \
    "/usr/share/postgresql/$PG/extension" | tr '\n' ' ')"
  [ "$(cat "$tree/stamp" 2>/dev/null || true)" != "$stamp" ] || return 0
  rm -rf "$tree"
  mkdir -p "$tree/usr/lib/postgresql/$PG" "$tree/usr/share/postgresql" "$tree/usr/include"
  cp -a "/usr/lib/postgresql/$PG/bin" "$tree/usr/lib/postgresql/$PG/"
  cp -as "/usr/lib/postgresql/$PG/lib" "$tree/usr/lib/postgresql/$PG/"
  cp -as "/usr/share/postgresql/$PG" "$tree/usr/share/postgresql/"
  ln -s /usr/include/postgresql "$tree/usr/include/postgresql"
  # A ward that the machine's server has stays out of ours.
  rm -f "$tree/usr/lib/postgresql/$PG/lib/ward.so" "$tree/usr/share/postgresql/$PG/extension/"ward[.-]*
  echo "$stamp" >"$tree/stamp"
}

# with_cluster NAME [setting…]: starts a cluster that goes when the calling script ends, and exports its address
# (PGHOST …), WARD_MINT, the tool that signs tokens, and WARD_VERIFY, the one that checks audit logs.
with_cluster() {
  cluster=$1-$$
  shift
  on_exit "$(printf '%q stop %q' "$top/scripts/cluster.sh" "$cluster")"
  "$top/scripts/cluster.sh" start "$cluster" "$@"
  eval "$("$top/scripts/cluster.sh" env "$cluster")"
  export WARD_MINT=$cache/target/pg$PG/release/ward-mint WARD_VERIFY=$cache/target/pg$PG/release/ward-verify
}

# alone: one test, demo or benchmark at a time, since all of them install into the one copy of the server.
alone() {
  exec 8>"$cache/pg$PG.lock"
  flock -n 8 || { note "another run is using $cache: waiting for it"; flock 8; }
}
