#!/bin/bash
# Where the kernel has no membarrier, readers keep the order by a fence of their own: the tests in
# which sections go while others read.
set -u
here=$(dirname "$0")
scratch=$(mktemp -d "${TMPDIR:-/tmp}/onecopy-denied-XXXXXX") || exit 99
trap 'rm -rf "$scratch"' EXIT
trap 'exit 99' HUP INT TERM

# shellcheck source=tests/shim/number-lines.sh
. "$here/number-lines.sh"

ONECOPY_TEST_WRAP=$(cd "${top_builddir:?}" && pwd)/tests/shim/deny
if ! "$ONECOPY_TEST_WRAP" true 2>/dev/null; then
    echo "1..0 # SKIP no call can be refused here"
    exit 0
fi
export ONECOPY_TEST_WRAP PASSES=tiny
for test in interrupts threads changes reads; do
    numbered "no membarrier: $test" "$test"
done
echo "1..$n"
