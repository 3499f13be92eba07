#!/bin/bash
# Other libraries preloaded together with ours, after it and before it: those that wrap the same
# calls (libeatmydata, libfaketime) and one that is an allocator, wraps much of libc and
# handles SIGSEGV (AddressSanitizer's runtime).
set -u
here=$(dirname "$0")
scratch=$(mktemp -d "${TMPDIR:-/tmp}/onecopy-preloads-XXXXXX") || exit 99
trap 'rm -rf "$scratch"' EXIT
trap 'exit 99' HUP INT TERM
export PASSES="${PASSES:-oracle tiny}"
# It wants to be the first library, and looks for leaks in programs that were not built for it.
export ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=0:log_path=$scratch/asan

# shellcheck source=tests/shim/number-lines.sh
. "$here/number-lines.sh"

# preload NAME LIBRARY
preload() {
    local order test
    if [ -z "$2" ] || LD_PRELOAD=$2 /bin/true 2>&1 | grep -q .; then
        n=$((n + 1))
        echo "ok $n - $1 # SKIP it is not installed"
        return
    fi
    export ONECOPY_TEST_WITH=$2
    for order in after before; do
        export ONECOPY_TEST_ORDER=$order
        for test in seeks dups; do
            numbered "$1 $order: $test" "$test"
        done
    done
}

preload eatmydata libeatmydata.so
# shellcheck disable=SC2012 # its directory has the machine's name in it
preload faketime "$(ls /usr/lib/*/faketime/libfaketime.so.1 2>/dev/null | head -1)"
preload asan "$(gcc -print-file-name=libasan.so 2>/dev/null | grep / | xargs -r readlink -f)"
echo "1..$n"
