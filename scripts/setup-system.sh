#!/usr/bin/env bash
# Installs what the build and a throw-away cluster need and this machine lacks: PostgreSQL, its headers, libclang, a C compiler.
# Looks for files, not packages, so a machine that has them by other means is left alone.
. "$(dirname "$0")/lib.sh"

# Fresh images come without package lists, and the choice of a PostgreSQL needs them.
if command -v apt-get >/dev/null && [ -z "$(apt-cache search --names-only '^gcc$' 2>/dev/null)" ]; then
  step "Read the package lists" "check the network and /etc/apt"
  logged apt-update as_root apt-get update -q
fi
. "$(dirname "$0")/pg.sh"

has_libclang() { ldconfig -p | grep -q 'libclang[-.]' || compgen -G '/usr/lib/llvm-*/lib/libclang*.so*' >/dev/null; }
has_headers() { [ -x "$1" ] && [ -e "$("$1" --includedir-server)/postgres.h" ]; }

missing=()
# With PG_CONFIG the server is the caller's: only the headers beside it may be lacking.
if [ -z "${PG_CONFIG:-}" ]; then
  [ -x "/usr/lib/postgresql/$PG/bin/postgres" ] || missing+=("postgresql-$PG")
elif ! has_headers "$PG_CONFIG" && [ "$PG_CONFIG" != "$system_pg_config" ]; then
  die "The server of $PG_CONFIG has no headers" "install what it calls its development files"
fi
has_headers "${PG_CONFIG:-$system_pg_config}" || missing+=("postgresql-server-dev-$PG")
has_libclang || missing+=(libclang-dev)
command -v cc >/dev/null || missing+=(gcc libc6-dev)
command -v make >/dev/null || missing+=(make)
[ -e /etc/ssl/certs/ca-certificates.crt ] || missing+=(ca-certificates)
[ "${#missing[@]}" -gt 0 ] || exit 0

# Where we bring PostgreSQL, Debian's packages would also create and start a cluster nobody asked for.
case " ${missing[*]} " in
  *" postgresql-$PG "*)
    if ! dpkg -s postgresql-common >/dev/null 2>&1; then
      as_root mkdir -p /etc/postgresql-common/createcluster.d
      echo 'create_main_cluster = false' | as_root tee /etc/postgresql-common/createcluster.d/ward.conf >/dev/null
    fi ;;
esac

apt_install "${missing[@]}"
