#!/bin/sh
# Random programs against the kernel: a million ops, at least a fifth of them in
# each of the modes with forked children, threads, shared offsets and a writer.
#
# ONECOPY_DIFF_OPS scales it (default 1000000), ONECOPY_DIFF_SEED is where the
# seeds begin.  A difference is printed with the command that shows it again;
# `run-diff.sh --minimise ...` beside this file gives it the same surroundings.
set -u
here=$(dirname "$0")
ops=${ONECOPY_DIFF_OPS:-1000000}
seed=${ONECOPY_DIFF_SEED:-1}
scratch=$(mktemp -d "${TMPDIR:-/tmp}/onecopy-diff-XXXXXX") || exit 99
trap 'rm -rf "$scratch"' EXIT
trap 'exit 99' HUP INT TERM
export TMPDIR="$scratch"

n=0
check() {
    n=$((n + 1))
    if [ "$1" = 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; fi
}

# one NAME ARGUMENT...: a run of the tester, its words as comments
one() {
    name=$1
    shift
    "$@" >"$scratch/out" 2>&1
    status=$?
    sed 's/^/# /' "$scratch/out"
    check $status "$name"
}

# What the reports of all processes add up to.
sum() {
    awk -v key="$1" '{ for (i = 1; i <= NF; i++) if (index($i, key "=") == 1)
        total += substr($i, length(key) + 2) } END { print total + 0 }' "$scratch/report"
}

for mode in plain forked threads shared writers signals; do
    PLAIN=1 one "$mode: the tester agrees with itself without the library" \
        "$here/run-diff.sh" --mode $mode --ops $((ops / 200)) --seed "$seed"
done
: >"$scratch/report"
export ONECOPY_REPORT="$scratch/report"
began=$(date +%s)
total=0
shares=
for part in plain:7 forked:21 threads:21 shared:21 writers:21 signals:9; do
    mode=${part%:*}
    count=$((ops / 100 * ${part#*:}))
    [ "$count" -ge 20000 ] || count=20000 # in fewer nothing may be mapped
    total=$((total + count))
    shares="$shares $mode ${part#*:} %"
    one "$mode: $count ops as the kernel would" \
        "$here/run-diff.sh" --mode "$mode" --ops "$count" --seed "$seed" --expect-active
done
echo "# $total ops in $(($(date +%s) - began)) s:$shares"
few=$((ops / 100 > 10000 ? ops / 100 : 10000))
SIZES=default one "plain: with the default sizes, files of megabytes" \
    "$here/run-diff.sh" --mode plain --scale 16 --ops "$few" --seed "$seed" --expect-active

copied=$(sum copied_calls)
lent=$(sum lent_calls)
echo "# reads copied: $copied, lent: $lent, left to the kernel: $(sum kernel_calls)"
[ "$copied" -ge $((ops / 50)) ] && [ "$lent" -ge $((ops / 500)) ]
check $? "all ways of serving were taken"
echo "# bytes of images compared: $(sum compared_bytes), found stale: $(sum differed_bytes)"
[ "$(sum differed_bytes)" -gt 0 ]
check $? "stale images were met"
echo "1..$n"
