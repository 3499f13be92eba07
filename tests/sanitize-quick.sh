#!/bin/bash
# A short look by sanitizers and valgrind, in each run of the suite: core, shim and the
# differential tester compiled with ASan and UBSan, and again with TSan, a few unit tests and some
# random calls with each; a test of intercepted calls under valgrind.  The long look is
# sanitize.sh, of which this takes the settings.
# make gives top_srcdir and top_builddir (SC2154).
# shellcheck source=tests/shim/tool-tap.sh
. "$(dirname "$0")/shim/tool-tap.sh"
config=$(cd "$builddir" && pwd)
cd "$srcdir" || exit 99
source=$PWD
jobs=$(nproc)
ops=${OPS:-2000}
include=(-std=gnu11 -D_GNU_SOURCE -DHAVE_CONFIG_H -Isrc -Iinclude -Itests/unit -Itests/shim -Itests/kernel "-I$config")

# Faults in guarded copies are the guard's.
export ASAN_OPTIONS=handle_segv=0:handle_sigbus=0:allow_user_segv_handler=1:use_sigaltstack=0:detect_leaks=0:allocator_may_return_null=1:detect_stack_use_after_return=0:replace_intrin=0
export UBSAN_OPTIONS=print_stacktrace=1
export TSAN_OPTIONS="die_after_fork=0:handle_segv=0:handle_sigbus=0:allow_user_segv_handler=1:report_signal_unsafe=0:use_sigaltstack=0:halt_on_error=1:suppressions=$source/tests/sanitize.tsan"

# compile FOLDER PLAIN FLAG...: core, shim, tester and unit tests' parts to objects in FOLDER;
# without FLAGs those files of the shim that are called before a sanitizer is ready
compile() {
    local into=$1 plain=$2
    shift 2
    mkdir -p "$into/core" "$into/shim" "$into/diff" "$into/unit"
    {
        for file in src/*.c src/base/*.c src/file/*.c src/section/*.c src/image/*.c; do echo "core $file $*"; done
        for file in src/shim/*.c; do
            case " $plain " in
            *" $(basename "$file" .c) "*) echo "shim $file -fno-builtin" ;;
            *) echo "shim $file -fno-builtin $*" ;;
            esac
        done
        for file in tests/kernel/*.c tests/shim/side.c; do echo "diff $file $*"; done
        for file in tests/unit/tap.c tests/unit/scratch.c tests/unit/imagekit.c; do echo "unit $file $*"; done
    } | xargs -P "$jobs" -L 1 bash -c 'into=$0/$1 file=$2; shift 2; name=${file//\//-}
        gcc $INCLUDE -O1 -g -ftls-model=initial-exec -fPIC "$@" -c "$file" -o "$into/${name%.c}.o"' "$into"
}

# unit KIND TEST: status and output
unit() {
    local place=$work/$1 status=0
    # shellcheck disable=SC2086
    gcc "${include[@]}" -O1 -g ${flags[$1]} -o "$place/$2" "tests/unit/$2.c" "$place"/unit/*.o "$place"/core/*.o \
        -lcunit -lpthread -ldl >"$place/$2.out" 2>&1 && timeout 300 "$place/$2" >"$place/$2.out" 2>&1 || status=$?
    grep -q '^1\.\.' "$place/$2.out" || status=99
    grep -q '^not ok' "$place/$2.out" && status=1
    ok "$status" "$1: $2"
    [ "$status" = 0 ] || grep -v '^ok' "$place/$2.out" | head -40 | sed 's/^/# /'
}

# random KIND MODE: the differential tester with core and shim in it
random() {
    local place=$work/$1 status=0
    TESTER=tester top_builddir=$place timeout 300 sh tests/kernel/run-diff.sh --mode "$2" --ops "$ops" --round-ops 1000 \
        >"$place/$2.out" 2>&1 || status=$?
    ok "$status" "$1: $ops random calls, $2"
    [ "$status" = 0 ] || tail -40 "$place/$2.out" | sed 's/^/# /'
}

declare -A flags=(
    [address]="-fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined"
    [thread]="-fno-omit-frame-pointer -fsanitize=thread -Wno-tsan"
)
export INCLUDE="${include[*]}"

# with KIND PLAIN UNITS MODES
with() {
    local place=$work/$1 test mode
    echo 'int main(void) { return 0; }' >"$work/try.c"
    # shellcheck disable=SC2086
    if ! gcc ${flags[$1]} -o "$work/try" "$work/try.c" 2>/dev/null || ! "$work/try"; then
        skip "no runtime of the sanitizer" "$1"
        return
    fi
    # shellcheck disable=SC2086
    compile "$place" "$2" ${flags[$1]} >"$work/log" 2>&1 &&
        gcc ${flags[$1]} -rdynamic -o "$place/tester" "$place"/diff/*.o "$place"/shim/*.o "$place"/core/*.o \
            -lpthread -ldl >>"$work/log" 2>&1
    ok $? "$1: a build"
    grep -i error "$work/log" | head -20 | sed 's/^/# /'
    for test in $3; do unit "$1" "$test"; done
    for mode in $4; do random "$1" "$mode"; done
}

if pkg-config --exists cunit 2>/dev/null; then
    with address "alloc limits real" "test_rules test_options test_log test_history test_policy" "plain shared"
    with thread "alloc limits real memory signal open close" "test_thread test_pool" "threads"
else
    skip "no CUnit" "sanitizers"
fi

if command -v valgrind >/dev/null; then
    test=$config/tests/shim/seeks
    PASSES=tiny ONECOPY_TEST_LIMIT=300 ONECOPY_TEST_WRAP="valgrind -q --trace-children=yes --error-exitcode=9 --log-file=$work/valgrind.%p" \
        top_builddir=$config sh tests/shim/run-preload.sh "$test" >"$work/out" 2>&1
    ok "$(grep -q '^not ok' "$work/out"; echo $((! $?)))" "valgrind: seeks, of intercepted calls"
    ok "$(cat "$work"/valgrind.* 2>/dev/null | grep -q '^==[0-9]*== [A-Z]'; echo $((! $?)))" "valgrind: nothing is wrong with memory"
    cat "$work"/valgrind.* 2>/dev/null | head -40 | sed 's/^/# /'
else
    skip "no valgrind" valgrind
fi
done_testing
