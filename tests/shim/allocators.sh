#!/bin/bash
# Lent memory under glibc's allocator and under others, preloaded after our library and
# before it.  Before it, their free() hides ours, and what they keep for later stays lent.
set -u
here=$(dirname "$0")
scratch=$(mktemp -d "${TMPDIR:-/tmp}/onecopy-allocators-XXXXXX") || exit 99
trap 'rm -rf "$scratch"' EXIT
trap 'exit 99' HUP INT TERM

# shellcheck source=tests/shim/number-lines.sh
. "$here/number-lines.sh"

# allocator NAME LIBRARY SYMBOL
allocator() {
    if ! LD_PRELOAD=$2 /bin/true 2>&1 | grep -q .; then
        export ONECOPY_TEST_WITH=$2 ONECOPY_TEST_SYMBOL=$3
        for ONECOPY_TEST_ORDER in after before; do
            export ONECOPY_TEST_ORDER
            numbered "$1 $ONECOPY_TEST_ORDER" allocators
        done
    else
        n=$((n + 1))
        echo "ok $n - $1 # SKIP $2 is not installed"
    fi
}

numbered "glibc alone" allocators
export PASSES="${PASSES:-oracle tiny}"
allocator jemalloc libjemalloc.so.2 mallctl
allocator tcmalloc libtcmalloc_minimal.so.4 MallocExtension_ReleaseFreeMemory
allocator mimalloc libmimalloc.so.2 mi_collect
echo "1..$n"
