#!/usr/bin/env bash
# Gives our copy of the server pgvector: the distribution's package where there is one, else built from
# Debian's source package. The machine's own apt configuration stays as it is.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/pg.sh"
own_server

has_vector() { [ -e "$("$1" --sharedir)/extension/vector.control" ]; }

! has_vector "$pg_config" || exit 0

if [ -n "$(apt-cache search --names-only "^postgresql-$PG-pgvector\$" 2>/dev/null)" ]; then
  apt_install "postgresql-$PG-pgvector"
  own_server
  has_vector "$pg_config" || die "postgresql-$PG-pgvector is installed, but $("$pg_config" --sharedir) lacks it"
  exit 0
fi

source=$cache/pgvector
mkdir -p "$source"

fetch_source() {
  use_private_apt "$source/apt" "deb-src $(apt_mirror main) trixie main"
  apt-get -q "${private_apt[@]}" update
  cd "$source" && apt-get -q "${private_apt[@]}" source --download-only pgvector
}

tarball=$(compgen -G "$source/pgvector_*.orig.tar.*" | sort -V | tail -n 1 || true)
if [ -z "$tarball" ]; then
  step "Download pgvector's source package (Debian trixie)" "is $(apt_mirror main) reachable?"
  logged pgvector-source fetch_source
  tarball=$(compgen -G "$source/pgvector_*.orig.tar.*" | sort -V | tail -n 1)
fi

step "Build pgvector for PostgreSQL $PG" "see $cache/log/pgvector-build.log"
build=$source/pg$PG
rm -rf "$build"
mkdir -p "$build"
tar -xf "$tarball" -C "$build" --strip-components=1
# No -march=native: what is built here may be kept in an image and run on another processor.
logged pgvector-build make -C "$build" -j"$(nproc)" OPTFLAGS="" with_llvm=no PG_CONFIG="$pg_config"
logged pgvector-copy make -C "$build" install OPTFLAGS="" with_llvm=no PG_CONFIG="$pg_config"
