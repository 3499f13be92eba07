#!/bin/bash
# Files that no rule matches cost no system call, and with no rule the library does nothing: strace
# sees the same calls as without it.
set -u
builddir=${top_builddir:-$(pwd)}
library=$(cd "$builddir" && pwd)/src/.libs/libonecopy-preload.so
hot=$(cd "$builddir" && pwd)/tests/shim/hot
scratch=$(mktemp -d "${TMPDIR:-/tmp}/onecopy-strangers-XXXXXX") || exit 99
trap 'rm -rf "$scratch"' EXIT
trap 'exit 99' HUP INT TERM

if ! strace -o "$scratch/probe" true 2>/dev/null; then
    echo "1..0 # SKIP strace cannot trace here"
    exit 0
fi

n=0
check() {
    n=$((n + 1))
    if [ "$1" = 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; fi
}

# traced NAME WAY STRACE'S OPTIONS...: all calls of a program that makes 500 reads
traced() {
    local name=$1 way=$2
    shift 2
    strace -qq -e signal=none "$@" -o "$scratch/$name" "$hot" "$way" 500 "$scratch/hot.plain" >"$scratch/out" 2>&1
}
# The calls from the opening of the file to the last that reads it, without addresses.
of_file() {
    sed -n -e 's/0x[0-9a-f]*/ADDRESS/g' -e '/hot\.plain", O_RDONLY/,$p' "$scratch/$1" | tac | sed -n '/^\(p\?read\(64\)\?\|lseek\)(/,$p' | tac
}
# How many calls between the program's start and its reading are about other places than libraries.
looks() {
    sed '/hot\.plain", O_RDONLY/,$d' "$scratch/$1" | grep -cE '"(/proc|/dev|/sys|/run|/var|/tmp/onecopy[^"]*home)'
}

"$hot" pread 1 "$scratch/hot.plain"
mkdir -m 700 "$scratch/home"
for way in pread seek read; do
    traced without $way
    check $? "$way: without the library"
    for rules in '' '*.matched'; do
        what=${rules:+other rules}
        what=${what:-no rule}
        traced with $way -E "ONECOPY_FILES=$rules" -E "ONECOPY_DIR=$scratch/home" -E "LD_PRELOAD=$library"
        check $? "$way, $what: with the library"
        [ "$(of_file without | wc -l)" -ge 500 ] && [ "$(of_file without)" = "$(of_file with)" ]
        check $? "$way, $what: the same calls between opening the file and the last read"
        [ -z "$rules" ] || continue
        [ -s "$scratch/with" ] && [ "$(looks with)" -le "$(looks without)" ]
        check $? "$way, $what: nothing is looked up at the start"
    done
done
echo "1..$n"
