#!/bin/bash
# The core, the shim, the unit tests and the differential tester built with
# sanitizers, and run.  Takes minutes: not part of the suite's own run.
# usage: sanitize.sh KIND [BUILD-DIRECTORY]
#   KIND: address (with undefined behaviour), or thread
# OPS: ops of the differential tester in each mode (default 40000).
#
# The tester is linked with core and shim into one program, so that the order of
# names is program, shim, sanitizer's runtime, libc: what the library calls its
# real functions are the runtime's.  (Preloaded, the runtime has to come first, and
# would keep malloc and free from the shim.)
set -u
kind=${1:?usage: sanitize.sh address|thread [BUILD-DIRECTORY]}
source=$(cd "$(dirname "$0")/.." && pwd)
build=${2:-$(mktemp -d "${TMPDIR:-/tmp}/onecopy-$kind-XXXXXX")}
ops=${OPS:-40000}
[ $# -lt 2 ] && trap 'rm -rf "$build"' EXIT
mkdir -p "$build" && cd "$build" || exit 99

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
jobs=$(nproc)
[ -e Makefile ] || "$source/configure" -q CFLAGS="-O1 -g -fno-omit-frame-pointer $flags" || exit 99
programs=tests/kernel/diff
for test in "$source"/tests/unit/test_*.c; do
    programs="$programs tests/unit/$(basename "$test" .c)"
done
{ make -s -j"$jobs" src/libonecopy-preload.la src/libonecopy.la && make -s -j"$jobs" check TESTS= \
    "check_PROGRAMS=$programs"; } >build.log 2>&1 || {
    tail -20 build.log
    exit 99
}
# The dynamic linker calls free before address' runtime is ready for checked code, and thread's
# calls the others when it starts.
names="alloc real"
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

failed=0
for test in tests/unit/test_*; do
    case $test in *.*) continue ;; esac
    # The runtime delivers signals late, at the next call that it knows.
    [ "$kind" = thread ] && [ "$test" = tests/unit/test_guard ] && continue
    # It has a malloc of its own, and locks no memory.
    [ "$kind" = address ] && [ "$test" = tests/unit/test_vma ] && continue
    if ! "$test" >"$build/unit.out" 2>&1 || grep -q '^not ok' "$build/unit.out"; then
        echo "FAILED: $test"
        grep -v '^ok' "$build/unit.out" | head -60
        failed=1
    fi
done
for mode in plain forked threads shared writers signals; do
    if ! TESTER=tests/kernel/diff-whole top_builddir=$build sh "$source/tests/kernel/run-diff.sh" \
        --mode $mode --ops "$ops" --round-ops 2000 >"$build/$mode.out" 2>&1; then
        echo "FAILED: diff --mode $mode"
        failed=1
    fi
    grep -v '^mode' "$build/$mode.out" | head -60
    grep '^mode' "$build/$mode.out"
done
[ $failed = 0 ] && echo "clean: $kind"
exit $failed
