#!/usr/bin/env bash
# Puts Debian's pgaudit into our copy of the server, for the benchmark to compare with. The machine's own server does
# not get it. Fails where apt does not offer it.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/pg.sh"
own_server
library=$("$pg_config" --pkglibdir)/pgaudit.so
[ ! -e "$library" ] || exit 0
package=postgresql-$PG-pgaudit
place=$cache/pgaudit/pg$PG
step "Unpack $package into our copy of the server" "is it in: apt-cache policy $package"
mkdir -p "$place"
(cd "$place" && logged pgaudit-download apt-get download "$package")
dpkg-deb -x "$(ls -t "$place/$package"_*.deb | head -n 1)" "$place/root"
cp -a "$place/root/." "$run/server/"
test -e "$library"
