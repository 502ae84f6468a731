#!/usr/bin/env bash
# The crash test of the audit trail alone, for as many rounds as you like: WARD_CRASH_ROUNDS=1000 scripts/test-crash.sh
. "$(dirname "$0")/lib.sh"
"$top/scripts/setup.sh"
. "$(dirname "$0")/pg.sh"
alone
"$top/scripts/install-own.sh"
export WARD_CRASH_ROUNDS=${WARD_CRASH_ROUNDS:-100}
"$top/scripts/test-clients.sh" test_audit_crash
