#!/bin/sh
# What one process found hot the next one maps at once: the reads that it leaves to the
# kernel are counted, by the ledger and (where it can trace) by strace.
set -u
builddir=${top_builddir:-$(pwd)}
library=$builddir/src/.libs/libonecopy-preload.so
hot=$builddir/tests/shim/hot
scratch=$(mktemp -d "${TMPDIR:-/tmp}/onecopy-learn-XXXXXX") || exit 99
trap 'rm -rf "$scratch"' EXIT
trap 'exit 99' HUP INT TERM
mkdir -m 700 "$scratch/home"

n=0
check() {
    n=$((n + 1))
    if [ "$1" = 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; fi
}

# missed COMMAND...: what the hot program under COMMAND left to the kernel
missed() {
    rm -f "$scratch/report"
    env "$@" LD_PRELOAD="$library" ONECOPY_FILES='*.matched' ONECOPY_MIN_SIZE=0 \
        ONECOPY_DIR="$scratch/home" ONECOPY_SECTION=4K ONECOPY_REPORT="$scratch/report" \
        "$hot" pread 20000 "$scratch/hot.matched" >"$scratch/out" 2>&1
    status=$?
    made=$(sed -n 's/.* name=hot .*kernel_calls=\([0-9]*\).*/\1/p' "$scratch/report" | tail -1)
    made=${made:-99999}
    return $status
}

"$hot" pread 1 "$scratch/hot.matched"
missed A=1
check $? "a first process reads rightly"
first=$made
[ "$first" -ge 500 ] && [ -s "$scratch/home/hot" ]
check $? "it had $first misses until its 49 sections were mapped, and has written that down"
missed A=1
check $? "a second process reads rightly"
[ "$made" -le 120 ]
check $? "it had $made misses: hardly more than one a section"
if strace -o "$scratch/probe" true 2>/dev/null; then
    env LD_PRELOAD="$library" ONECOPY_FILES='*.matched' ONECOPY_MIN_SIZE=0 \
        ONECOPY_DIR="$scratch/home" ONECOPY_SECTION=4K \
        strace -qq -e trace=pread64 -P "$scratch/hot.matched" -o "$scratch/trace" \
        "$hot" pread 20000 "$scratch/hot.matched" >"$scratch/out" 2>&1
    check $? "under strace it reads rightly"
    # -P follows the descriptor; the library's own look-ups are preadv2.
    made=$(wc -l <"$scratch/trace")
    [ "$made" -le 120 ] && [ "$made" -ge 3 ]
    check $? "strace saw $made reads of the file"
fi
head -c 60000 /dev/urandom >"$scratch/home/hot"
missed A=1
check $? "with a garbled ledger it reads rightly"
[ "$made" -le $((first + 200)) ]
check $? "and is as quick to learn as the first ($made misses)"
rm -rf "${scratch:?}/home"
missed A=1
check $? "without a home it reads rightly"
echo "1..$n"
