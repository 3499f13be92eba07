#!/bin/sh
# Run a test program three times and join the results into one TAP stream:
#   oracle   without the library: the test agrees with the kernel alone
#   default  under the library, settings as they come
#   tiny     sections of a page, a pool of 64 K, lends from 4 K on; on tmpfs
# usage: run-preload.sh PROGRAM [ARG...]
# PASSES (a subset of the three names) and ONECOPY_TEST_WRAP (a command put
# before the program, such as "valgrind -q") are for use by hand.  Another preload goes
# with all three: ONECOPY_TEST_WITH, which comes after the library, or, if
# ONECOPY_TEST_ORDER is "before", before it.  ONECOPY_TEST_FILES: other rules.
set -u
builddir=${top_builddir:-$(pwd)}
library=$builddir/src/.libs/libonecopy-preload.so
scratch=$(mktemp -d "${TMPDIR:-/tmp}/onecopy-test-XXXXXX") || exit 99
fast=$(mktemp -d /dev/shm/onecopy-test-XXXXXX) || fast=$scratch
trap 'rm -rf "$scratch" "$fast"' EXIT
trap 'exit 99' HUP INT TERM

# one_pass NAME DIRECTORY COMMAND...: run it there, its lines renumbered and named
one_pass() {
    pass=$1
    shift
    place=$1
    shift
    rm -rf "${place:?}/home"
    mkdir -m 700 "$place/home"
    env ONECOPY_TEST="$pass" ONECOPY_DIR="$place/home" TMPDIR="$place" "$@" >"$scratch/out" 2>"$scratch/err"
    echo $? >"$scratch/status"
    sed 's/^/# /' "$scratch/err"
    awk -v pass="$pass" -v first="$count" '
        /^(not )?ok / { n++; sub(/ok [0-9]+ - /, "ok " first + n " - " pass ": "); print; next }
        /^1\.\.[0-9]+$/ { planned = substr($0, 4); next }
        { print }
        END { print n + 0 > counted; if (planned == "" || planned != n) exit 1 }
    ' counted="$scratch/counted" "$scratch/out" || echo "# $pass: the plan does not fit"
    count=$((count + $(cat "$scratch/counted") + 1))
    if [ "$(cat "$scratch/status")" -le 1 ] && grep -q '^1\.\.' "$scratch/out"; then
        echo "ok $count - $pass: ran to its end"
    else
        echo "not ok $count - $pass: ran to its end (status $(cat "$scratch/status"))"
    fi
}

count=0
rules=${ONECOPY_TEST_FILES:-*.matched}
limit="timeout ${ONECOPY_TEST_LIMIT:-300} ${ONECOPY_TEST_WRAP:-}"
with=${ONECOPY_TEST_WITH:-${LD_PRELOAD:-}}
case ${ONECOPY_TEST_ORDER:-after} in
after) served=LD_PRELOAD=$library${with:+:$with} ;;
*) served=LD_PRELOAD=${with:+$with:}$library ;;
esac
# shellcheck disable=SC2086
for pass in ${PASSES:-oracle default tiny}; do
    case $pass in
    oracle) one_pass oracle "$scratch" $limit env ${with:+"LD_PRELOAD=$with"} "$@" ;;
    default) one_pass default "$scratch" $limit env "$served" "ONECOPY_FILES=$rules" \
        ONECOPY_MIN_SIZE=0 "$@" ;;
    tiny) one_pass tiny "$fast" $limit env "$served" "ONECOPY_FILES=$rules" \
        ONECOPY_MIN_SIZE=0 ONECOPY_SECTION="$(getconf PAGESIZE)" ONECOPY_POOL=64K \
        ONECOPY_LEND_MIN=4K "$@" ;;
    esac
done
echo "1..$count"
