#!/bin/sh
# C++ streams, whose library is not libc's: what they say without the library, with it, and
# with the smallest sizes, must be the same.
set -u
builddir=${top_builddir:-$(pwd)}
here=$(cd "$(dirname "$0")" && pwd)
library=$builddir/src/.libs/libonecopy-preload.so
cxx=${CXX:-g++}
if ! command -v "$cxx" >/dev/null; then
    echo "1..0 # SKIP no C++ compiler"
    exit 0
fi
scratch=$(mktemp -d "${TMPDIR:-/tmp}/onecopy-streams-XXXXXX") || exit 99
trap 'rm -rf "$scratch"' EXIT
trap 'exit 99' HUP INT TERM

n=0
check() {
    n=$((n + 1))
    if [ "$1" = 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; fi
}

echo 1..5
"$cxx" -std=c++17 -O1 -Wall -Wextra -o "$scratch/streams" "$here/streams.cc"
check $? "streams.cc is compiled"
i=0
while [ $i -lt 40 ]; do
    sed "s/^/$i /" "$here/streams.cc" "$here/twin.c" "$here/run-preload.sh"
    i=$((i + 1))
done >"$scratch/text.matched"
"$scratch/streams" "$scratch/text.matched" >"$scratch/oracle"
check $? "without the library"
[ "$(wc -l <"$scratch/oracle")" -ge 40 ]
check $? "as much is printed as there is to compare"
mkdir -m 700 "$scratch/home"
for sizes in default tiny; do
    (
        export LD_PRELOAD="$library" ONECOPY_FILES='*.matched' ONECOPY_MIN_SIZE=0 \
            ONECOPY_DIR="$scratch/home" ONECOPY_REPORT="$scratch/report.$sizes"
        if [ $sizes = tiny ]; then
            ONECOPY_SECTION=$(getconf PAGESIZE)
            export ONECOPY_SECTION ONECOPY_POOL=64K ONECOPY_LEND_MIN=4K
        fi
        exec "$scratch/streams" "$scratch/text.matched"
    ) >"$scratch/$sizes"
    cmp "$scratch/oracle" "$scratch/$sizes" && grep -q 'lent_calls=[1-9]' "$scratch/report.$sizes"
    check $? "streams, shared buffers and duplicated descriptors, $sizes"
done
