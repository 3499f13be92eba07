#!/bin/bash
# The core, the shim, the unit tests and the differential tester built with
# sanitizers, and run: some minutes, most of them for building.
# usage: sanitize.sh KIND [BUILD-DIRECTORY]
#   KIND: address (with undefined behaviour), or thread
# OPS: ops of the differential tester in each mode (default 40000).
# JOBS: tests at once (default: as many as there are processors).
#
# The tester is linked with core and shim into one program, so that the order of
# names is program, shim, sanitizer's runtime, libc: what the library calls its
# real functions are the runtime's.  (Preloaded, the runtime has to come first, and
# would keep malloc and free from the shim.)
set -u
kind=${1:?usage: sanitize.sh address|thread [BUILD-DIRECTORY]}
source=$(cd "$(dirname "$0")/.." && pwd)
build=${2:-$(mktemp -d "${TMPDIR:-/tmp}/onecopy-$kind-XXXXXX")}
jobs=${JOBS:-$(nproc)}
[ $# -lt 2 ] && trap 'rm -rf "$build"' EXIT
mkdir -p "$build" && cd "$build" || exit 99
build=$PWD

case $kind in
address)
    flags="-fsanitize=address,undefined -fno-sanitize-recover=undefined"
    # Faults in guarded copies are the guard's; what the kernel wrote needs no malloc of
    # its own kind; a process that is killed leaks.
    export ASAN_OPTIONS="handle_segv=0:handle_sigbus=0:allow_user_segv_handler=1:use_sigaltstack=0:detect_leaks=0:allocator_may_return_null=1:detect_stack_use_after_return=0:replace_intrin=0:${ASAN_OPTIONS:-}"
    export UBSAN_OPTIONS=print_stacktrace=1
    ;;
thread)
    flags="-fsanitize=thread -Wno-tsan"
    export TSAN_OPTIONS="die_after_fork=0:handle_segv=0:handle_sigbus=0:allow_user_segv_handler=1:report_signal_unsafe=0:use_sigaltstack=0:halt_on_error=1:suppressions=$source/tests/sanitize.tsan:${TSAN_OPTIONS:-}"
    ;;
*)
    echo "sanitize.sh: no kind $kind" >&2
    exit 2
    ;;
esac

# ---- build ----

[ -e Makefile ] || "$source/configure" -q CFLAGS="-O1 -g -fno-omit-frame-pointer $flags" || exit 99
units=$(sed -n 's,.*\(tests\)_\(unit\)_\(test_[a-z_]*\)_LDADD.*,\1/\2/\3,p' "$source/tests/unit/local.mk" | tr '\n' ' ')
{ make -s -j"$jobs" src/libonecopy-preload.la src/libcore.la && make -s -j"$jobs" check TESTS= \
    "check_PROGRAMS=tests/kernel/diff $units"; } >build.log 2>&1 || {
    tail -20 build.log
    exit 99
}
# The dynamic linker calls free, and address' runtime setrlimit, before it is ready for checked code, and thread's
# calls the others when it starts.
names="alloc limits real"
[ "$kind" = thread ] && names="$names memory signal open close"
plain=
for name in $names; do
    plain="$plain src/shim/libonecopy_preload_la-$name.lo"
done
# shellcheck disable=SC2086
rm -f $plain && make -s $plain CFLAGS="-O1 -g" >>build.log 2>&1 || exit 99
# shellcheck disable=SC2086
${CC:-gcc} -O1 -g $flags -rdynamic -o tests/kernel/diff-whole tests/kernel/diff-*.o \
    tests/shim/kernel_diff-side.o src/shim/.libs/libonecopy_preload_la-*.o src/.libs/libcore.a -lpthread -ldl || exit 99

# ---- run ----

# Cases that the runtime itself makes fail are listed, with reasons, in sanitize.known.
unit() {
    local test=$1 name=${1##*/} status=0 bad
    timeout 600 "$test" >"$name.out" 2>&1 || status=$?
    bad=$(sed -n 's/^not ok [0-9]* - [a-z_ ]*: //p' "$name.out" |
        grep -vxF -f <(sed -n "s/^$kind $name //p" "$source/tests/sanitize.known"))
    if [ $status -gt 1 ] || [ -n "$bad" ] || ! grep -q '^1\.\.' "$name.out" || grep -q '^Bail' "$name.out"; then
        echo "FAILED: $test, status $status"
        grep -v '^ok' "$name.out" | head -60
        return 1
    fi
    echo "unit $name: $(grep -c '^ok' "$name.out") ok, $(grep -c '^not ok' "$name.out") known"
}

mode() {
    local mode=$1 status=0
    TESTER=tests/kernel/diff-whole top_builddir=$build timeout 1800 sh \
        "$source/tests/kernel/run-diff.sh" --mode "$mode" --ops "${OPS:-40000}" --round-ops 2000 \
        >"$mode.out" 2>&1 || status=$?
    [ $status = 0 ] || echo "FAILED: diff --mode $mode, status $status"
    grep -v '^mode' "$mode.out" | head -60
    grep '^mode' "$mode.out"
    return $status
}

failed=0
for task in $units plain forked threads shared writers signals; do
    while [ "$(jobs -pr | wc -l)" -ge "$jobs" ]; do
        wait -n || failed=1
    done
    case $task in
    tests/unit/*) unit "$task" & ;;
    *) mode "$task" & ;;
    esac
done
while [ -n "$(jobs -p)" ]; do
    wait -n || failed=1
done
[ $failed = 0 ] && echo "clean: $kind"
exit $failed
