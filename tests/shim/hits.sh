#!/bin/sh
# What a hit costs, in instructions of the library: callgrind counts them, the same on every
# run.
set -u
builddir=${top_builddir:-$(pwd)}
library=$builddir/src/.libs/libonecopy-preload.so
hits=$builddir/tests/shim/hits
scratch=$(mktemp -d "${TMPDIR:-/tmp}/onecopy-hits-XXXXXX") || exit 99
trap 'rm -rf "$scratch"' EXIT
trap 'exit 99' HUP INT TERM

skip() {
    echo "1..0 # SKIP $1"
    exit 0
}

[ "$(uname -m)" = x86_64 ] || skip "the ceilings are those of x86-64"
command -v valgrind >/dev/null || skip "no valgrind"
"$hits" pread "$scratch/data.matched"
[ $? -ne 77 ] || skip "built without optimisation"

# count WAY NAMES ENVIRONMENT...: what the calls of one hit to the functions cost, in $counted;
# empty: no answer
count() {
    way=$1 names=$2
    shift 2
    env "$@" timeout 300 valgrind --tool=callgrind --callgrind-out-file="$scratch/out" \
        --toggle-collect=counted_hits "$hits" "$way" "$scratch/data.matched" >"$scratch/log" 2>&1
    status=$?
    counted=
    [ $status -eq 0 ] || return
    counted=$(callgrind_annotate --inclusive=yes --threshold=100 "$scratch/out" |
        awk -v names="$names" '
            # One line for each source file that a function is made of: the first has it all.
            match($0, "[:](" names ")([^a-z0-9_]|$)") {
                name = substr($0, RSTART, RLENGTH)
                gsub(/[^a-z0-9_]/, "", name)
                gsub(/,/, "", $1)
                if (!seen[name]++)
                    sum += $1
            }
            END { if (sum) print int(sum / 1000) }')
}

count pread 'counted_hits' LD_PRELOAD=
[ "${counted:-0}" -gt 1 ] || skip "callgrind does not work here"

n=0
check() {
    n=$((n + 1))
    if [ "$1" = 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; fi
}

# ceiling WAY NAMES INSTRUCTIONS
ceiling() {
    count "$1" "$2" LD_PRELOAD="$library" ONECOPY_FILES='*.matched' ONECOPY_MIN_SIZE=0 \
        ONECOPY_DIR="$scratch/home" ONECOPY_REPORT="$scratch/report-$1"
    [ -n "$counted" ]
    check $? "$1: reads rightly under valgrind"
    [ -n "$counted" ] || sed 's/^/# /' "$scratch/log"
    grep -Eq '"?copied_calls"?[^0-9]*(1[0-9]{3}|[2-9][0-9]{3})' "$scratch/report-$1" ||
        { sed 's/^/# /' "$scratch/report-$1"; false; }
    check $? "$1: they were hits"
    [ "${counted:-0}" -gt 20 ] && [ "$counted" -le "$3" ]
    check $? "$1: 64 bytes take at most $3 instructions (${counted:-none})"
}

mkdir -m 700 "$scratch/home"
ceiling pread pread 90
ceiling seek 'lseek|read' 190
echo "1..$n"
