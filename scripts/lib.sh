# shellcheck shell=bash
# Shared by every script here: where things live, how progress and failures are told, who runs what.
#
# Settings, all optional:
#   PG          PostgreSQL major to work with (15 to 18); default: the newest one installed or offered by apt
#   WARD_CACHE  where builds, tools, Debian roots and clusters live; default: .ward in the project
#   PG_CONFIG   only for `make install`: the server to install into

set -euo pipefail
umask 022
export LC_ALL=C.UTF-8
# A Rust backtrace would travel to SQL clients in the DETAIL of every error.
unset RUST_BACKTRACE

# shellcheck disable=SC2034  # read by the scripts that include this file
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
cache=${WARD_CACHE:-$top/.ward}
mkdir -p "$cache/log"
cache=$(cd "$cache" && pwd -P)
export PATH=$cache/tools/bin:$PATH

# --- progress and failures ---------------------------------------------------------------------

current_step=
current_cure=

# step TEXT [CURE]: what happens now, and what to do should it fail.
step() {
  current_step=$1
  current_cure=${2:-}
  printf '==> %s\n' "$1"
}

note() { printf '    %s\n' "$1"; }

# die REASON [CURE]: the only way a script refuses.
die() {
  current_step=$1
  current_cure=${2:-$current_cure}
  exit 1
}

on_exit_do=()
# on_exit COMMAND: runs when the script ends, whichever way; the last one registered first.
on_exit() { on_exit_do=("$1" "${on_exit_do[@]}"); }

finish() {
  local status=$? command
  trap - EXIT
  for command in "${on_exit_do[@]}"; do eval "$command" || true; done
  if [ "$status" -ne 0 ]; then
    printf '\nFAILED: %s\n' "${current_step:-${0##*/}}" >&2
    [ -z "$current_cure" ] || printf '  cure: %s\n' "$current_cure" >&2
  fi
  exit "$status"
}
trap finish EXIT
trap 'exit 130' INT TERM

# logged NAME COMMAND…: output into a log file, a sign of life every ten seconds, the log's end on failure.
logged() {
  local log=$cache/log/$1.log start=$SECONDS status=0 job
  shift
  "$@" >"$log" 2>&1 </dev/null &
  job=$!
  while kill -0 "$job" 2>/dev/null; do
    sleep 0.2
    if [ $((SECONDS - start)) -ge 10 ] && [ $(((SECONDS - start) % 10)) -eq 0 ]; then
      printf '    %3d s  %.90s\n' $((SECONDS - start)) "$(tail -n 1 "$log" | tr -cd '[:print:]')"
      sleep 1
    fi
  done
  wait "$job" || status=$?
  if [ "$status" -ne 0 ]; then
    printf '    ---- the end of %s\n' "$log" >&2
    tail -n 25 "$log" >&2
  fi
  return "$status"
}

# --- who runs what -----------------------------------------------------------------------------

# as_root COMMAND…: directly for root, else through sudo.
as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    die "Root rights are needed for: $*" "run as root, or install sudo"
  fi
}

# as_postgres COMMAND…: PostgreSQL refuses to run as root, so root lends it to the user postgres.
as_postgres() {
  if [ "$(id -u)" -eq 0 ]; then
    runuser -u postgres -- "$@"
  else
    "$@"
  fi
}

postgres_user() { if [ "$(id -u)" -eq 0 ]; then echo postgres; else id -un; fi; }

# --- Debian ------------------------------------------------------------------------------------

# apt_install PACKAGE…: only ever called with what is missing. Nothing that is installed gets removed for it.
apt_install() {
  command -v apt-get >/dev/null || die "Not here, and no apt-get to install it: $*" "install these by hand and run again"
  step "Install $*" "run: apt-get install $*"
  logged apt-update as_root apt-get update -q
  logged apt-install as_root env DEBIAN_FRONTEND=noninteractive apt-get install -yq --no-install-recommends --no-remove "$@"
}

# apt_mirror main|security: the address from which this machine's apt gets Debian, for use with another suite.
apt_mirror() {
  local codename='' release default=http://deb.debian.org/debian uri
  codename=$(. /etc/os-release && [ "$ID" = debian ] && echo "${VERSION_CODENAME:-}") || true
  release=$codename
  if [ "$1" = security ]; then release=$codename-security default=$default-security; fi
  # shellcheck disable=SC2016  # apt expands these itself
  uri=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(CREATED_BY)' 2>/dev/null |
    awk -v release="${release:-none}" '$2 == release && $3 == "Packages" { print $1; exit }')
  echo "${uri:-$default}"
}

# use_private_apt DIR SOURCE…: sets the array `private_apt`, options that give apt-get and apt-cache these sources,
# with lists and cache in DIR. The machine's own apt configuration stays as it is.
use_private_apt() {
  local dir=$1
  shift
  mkdir -p "$dir/lists/partial" "$dir/archives/partial"
  printf '%s\n' "$@" >"$dir/sources.list"
  # shellcheck disable=SC2034  # read by the caller
  private_apt=(-o Dir::State::Lists="$dir/lists" -o Dir::Cache="$dir" -o Dir::Cache::Archives="$dir/archives"
    -o Dir::Etc::SourceList="$dir/sources.list" -o Dir::Etc::SourceParts=/dev/null -o APT::Sandbox::User="$(id -un)")
}
