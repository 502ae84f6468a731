#!/usr/bin/env bash
# Everything a build and a throw-away cluster need. What is there already is not touched: a second run takes a moment.
. "$(dirname "$0")/lib.sh"
"$top/scripts/setup-system.sh"
"$top/scripts/setup-rust.sh"
"$top/scripts/setup-pgvector.sh"
