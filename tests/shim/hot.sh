#!/bin/sh
# At least 99 of 100 hot small reads make no system call: strace counts them.
set -u
builddir=${top_builddir:-$(pwd)}
library=$builddir/src/.libs/libonecopy-preload.so
hot=$builddir/tests/shim/hot
calls=100000
scratch=$(mktemp -d "${TMPDIR:-/tmp}/onecopy-hot-XXXXXX") || exit 99
trap 'rm -rf "$scratch"' EXIT
trap 'exit 99' HUP INT TERM

if ! strace -o "$scratch/probe" true 2>/dev/null; then
    echo "1..0 # SKIP strace cannot trace here"
    exit 0
fi

# traced WAY NAME ENVIRONMENT...: how many read, pread and lseek calls reached the kernel
traced() {
    way=$1
    data=$scratch/$2
    shift 2
    env "$@" timeout 100 strace -f -qq -e trace=read,pread64,lseek,readv,preadv,preadv2 \
        -o "$scratch/trace" "$hot" "$way" "$calls" "$data" >"$scratch/out" 2>&1
    status=$?
    made=$(wc -l <"$scratch/trace")
    [ $status -eq 0 ] || sed 's/^/# /' "$scratch/out"
    return $status
}

n=0
check() {
    n=$((n + 1))
    if [ "$1" = 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; fi
}

mkdir -m 700 "$scratch/home"
"$hot" pread 1 "$scratch/hot.matched" && "$hot" pread 1 "$scratch/hot.plain"
serve="ONECOPY_FILES=*.matched ONECOPY_MIN_SIZE=0 ONECOPY_DIR=$scratch/home"
for way in pread seek read; do
    calls=3000
    traced $way hot.plain LD_PRELOAD=
    check $? "$way: without the library"
    [ "$made" -ge 3000 ]
    check $? "$way: strace sees the calls of an unmatched file ($made)"
    calls=100000
    # shellcheck disable=SC2086
    traced $way hot.matched LD_PRELOAD="$library" $serve
    check $? "$way: $calls hot reads give the right bytes"
    [ "$made" -le $((calls / 100)) ]
    check $? "$way: at least 99 % of them make no system call ($made made)"
done
echo "1..$n"
