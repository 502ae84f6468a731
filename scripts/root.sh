#!/usr/bin/env bash
# Runs a command in a Debian root of another release (another PostgreSQL), which is made on first use.
#   scripts/root.sh trixie make test          PostgreSQL 17
#   scripts/root.sh forky  make test          PostgreSQL 18
#   scripts/root.sh forky  bash               a shell in it
# The project appears read-only at /ward; the root's own /var/cache/ward holds builds and clusters.
# Mounts live in a private mount namespace: they vanish with the command, whatever happens to it.
. "$(dirname "$0")/lib.sh"

suite=${1:?usage: root.sh SUITE COMMAND…}
shift
root=$cache/roots/$suite
ready=$root/var/cache/ward/.root-ready

check_machine() {
  [ "$(id -u)" -eq 0 ] || die "A Debian root needs root rights" "run it with sudo"
  command -v debootstrap >/dev/null || apt_install debootstrap debian-archive-keyring
  local options
  mkdir -p "$cache/roots"
  options=$(findmnt -no OPTIONS -T "$cache/roots")
  case ,$options, in
    *,nodev,* | *,noexec,* | *,nosuid,*)
      die "$cache/roots is mounted $options" "point WARD_CACHE at a folder on an ordinary disk, such as /var/cache/ward" ;;
  esac
}

# The machine's own release knows where packages come from; derivatives of Debian fall back to the public name.
write_apt_config() {
  local mirror=$1 security=$2
  mkdir -p "$root/etc/apt/apt.conf.d"
  echo "deb $mirror $suite main" >"$root/etc/apt/sources.list"
  # Testing has no security suite of its own worth naming; stable releases do.
  [ "$suite" = forky ] || echo "deb $security $suite-security main" >>"$root/etc/apt/sources.list"
  apt-config dump | grep -E '^Acquire::(Check-Valid-Until|Check-Date|https?::Proxy) ' \
    >"$root/etc/apt/apt.conf.d/90machine" || true
  echo 'APT::Install-Recommends "false";' >>"$root/etc/apt/apt.conf.d/90machine"
  # Proxies that sign with a certificate of their own are trusted inside as outside.
  mkdir -p "$root/etc/ssl/machine"
  cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/machine/ca.crt" 2>/dev/null || true
}

make_root() {
  local mirror security script
  mirror=$(apt_mirror main)
  security=$(apt_mirror security)
  # A suite younger than this debootstrap is made as sid is.
  script=/usr/share/debootstrap/scripts/$suite
  [ -e "$script" ] || script=/usr/share/debootstrap/scripts/sid

  step "Make a Debian root ($suite) in $root" "see $cache/log/root-$suite.log; is $mirror reachable?"
  rm -rf --one-file-system "$root"
  logged "root-$suite" debootstrap --variant=minbase "$suite" "$root" "$mirror" "$script"
  write_apt_config "$mirror" "$security"
  # Nothing may start by itself in here.
  printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
  chmod 755 "$root/usr/sbin/policy-rc.d"
  mkdir -p "$root/ward" "$root/opt/rust" "$root/opt/cargo-pgrx" "$root/var/cache/ward"
  touch "$ready"
}

# Runs in the private mount namespace.
enter() {
  mount -t proc proc "$root/proc"                                 # postgresql-common insists on it
  mount -t tmpfs -o mode=1777,size=2g tmpfs "$root/dev/shm"       # parallel workers
  mount --bind "$top" "$root/ward"
  mount -o remount,bind,ro "$root/ward"
  cp -L /etc/resolv.conf "$root/etc/resolv.conf"
  local path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin sysroot pgrx tls=()
  # The machine's rustup toolchain and cargo-pgrx serve inside too; without them the root gets its own.
  sysroot=$(rustc --print sysroot 2>/dev/null || true)
  if [ -x "$sysroot/bin/cargo" ] && [ "$sysroot" != /usr ]; then
    mount --bind "$sysroot" "$root/opt/rust"
    path=/opt/rust/bin:$path
  fi
  pgrx=$(command -v cargo-pgrx || true)
  if [ -n "$pgrx" ]; then
    mount --bind "$(dirname "$pgrx")" "$root/opt/cargo-pgrx"
    path=/opt/cargo-pgrx:$path
  fi
  [ ! -e "$root/etc/ssl/machine/ca.crt" ] || tls=(CARGO_HTTP_CAINFO=/etc/ssl/machine/ca.crt
    PIP_CERT=/etc/ssl/machine/ca.crt NODE_EXTRA_CA_CERTS=/etc/ssl/machine/ca.crt)
  cd "$root"
  exec env -i HOME=/root TERM="${TERM:-dumb}" PATH="$path" LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
    CI="${CI:-}" WARD_IN_ROOT=1 WARD_CACHE=/var/cache/ward CARGO_HOME=/var/cache/ward/cargo "${tls[@]}" \
    chroot "$root" sh -c 'cd /ward && exec "$@"' sh "$@"
}

if [ "${WARD_ROOT_ENTER:-}" = 1 ]; then
  trap - EXIT
  enter "$@"
fi

check_machine
exec 9>"$cache/roots/$suite.lock"
flock 9
[ -e "$ready" ] || make_root
flock -u 9
WARD_ROOT_ENTER=1 unshare --mount --propagation private "$0" "$suite" "$@" 9>&-
