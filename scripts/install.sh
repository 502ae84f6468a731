#!/usr/bin/env bash
# Copies the built extension into a server: library, control file, SQL, and the program ward-verify. Prints what the
# DBA does next.
#   PG_CONFIG=/usr/lib/postgresql/17/bin/pg_config scripts/install.sh
#   DESTDIR=/stage …                                                     for packagers
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/pg.sh"
. "$(dirname "$0")/build-env.sh"

: "${PG_CONFIG:?which server? PG_CONFIG=/usr/lib/postgresql/17/bin/pg_config}"
library=${DESTDIR:-}$("$PG_CONFIG" --pkglibdir)
share=${DESTDIR:-}$("$PG_CONFIG" --sharedir)/extension
programs=${DESTDIR:-}$("$PG_CONFIG" --bindir)
built=$CARGO_TARGET_DIR/release/libward.so
version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' "$top/Cargo.toml")

step "Install ward $version into $library and $share" "run scripts/build.sh first; a system directory needs root or sudo"
[ -e "$built" ] || die "Nothing is built at $built" "run: make install PG_CONFIG=$PG_CONFIG"
[ -e "$top/sql/ward--$version.sql" ] || die "sql/ward--$version.sql is missing" "run: scripts/schema.sh"

# put MODE SOURCE TARGET: an open library keeps its old file, a running server is not disturbed.
put() {
  if [ -w "$(dirname "$3")" ]; then install -m "$1" "$2" "$3"; else as_root install -m "$1" "$2" "$3"; fi
}
mkdir -p "$library" "$share" "$programs" 2>/dev/null || as_root mkdir -p "$library" "$share" "$programs"
control=$(mktemp)
on_exit 'rm -f "$control"'
sed "s/@CARGO_VERSION@/$version/" "$top/ward.control" >"$control"
put 755 "$built" "$library/ward.so"
put 755 "$CARGO_TARGET_DIR/release/ward-verify" "$programs/ward-verify"
put 644 "$control" "$share/ward.control"
for script in "$top"/sql/ward--*.sql; do put 644 "$script" "$share/${script##*/}"; done

[ -z "${WARD_QUIET_INSTALL:-}" ] || exit 0
cat <<TEXT

ward $version is in place for $("$PG_CONFIG" --version). What is left to do, once:
  1. in postgresql.conf:  shared_preload_libraries = 'ward'    (keep others; ward goes last)
  2. restart the server
  3. in each database:    CREATE EXTENSION ward;
TEXT
