#!/usr/bin/env bash
# Makes sure of a Rust compiler that is new enough: the one at hand, else Debian's (rustc-web follows Firefox, so it is recent).
. "$(dirname "$0")/lib.sh"

wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$top/Cargo.toml")

new_enough() {
  local have
  have=$(rustc --version 2>/dev/null | awk '{ print $2 }') && command -v cargo >/dev/null &&
    [ "$(printf '%s\n%s\n' "$wanted" "$have" | sort -V | head -n 1)" = "$wanted" ]
}
by_hand="install Rust $wanted or newer: https://rustup.rs"

! new_enough || exit 0
command -v rustup >/dev/null && die "This machine's rustc is older than $wanted" "run: rustup update stable"
command -v apt-get >/dev/null || die "No rustc $wanted or newer" "$by_hand"

# candidate PACKAGE: succeeds when apt offers it in a version that is new enough.
candidate() {
  local version
  version=$(apt-cache policy "$1" 2>/dev/null | sed -n 's/^ *Candidate: \([0-9.]*\).*/\1/p')
  [ -n "$version" ] && [ "$(printf '%s\n%s\n' "$wanted" "$version" | sort -V | head -n 1)" = "$wanted" ]
}

logged apt-update as_root apt-get update -q
if candidate rustc-web; then
  packages=(rustc-web cargo-web rustfmt-web)
elif candidate rustc; then
  packages=(rustc cargo rustfmt rust-clippy)
else
  die "No rustc $wanted or newer, and apt offers none" "$by_hand"
fi
apt_install "${packages[@]}"
new_enough || die "rustc is still older than $wanted: $(command -v rustc)" "$by_hand"
