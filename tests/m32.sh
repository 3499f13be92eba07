#!/bin/bash
# The same with 32 bits: build the libraries by gcc -m32 in a scratch directory, and run
# there the tests that need nothing but libc.
#
# usage: tests/m32.sh [--all] [TEST...]
#
# Alone, as in make check: the 6 GB file, and a test or two of each kind.  --all: also the
# other shim tests, the unit tests and the random ones; CUnit for i386 is fetched
# for them, into the scratch directory, from where Debian's packages come from.
set -u
export top_srcdir=${top_srcdir:-$(cd "$(dirname "$0")/.." && pwd)}
scratch=$(mktemp -d "${TMPDIR:-/tmp}/onecopy-m32-XXXXXX") || exit 99
trap 'rm -rf "$scratch"' EXIT
trap 'exit 99' HUP INT TERM
unset MAKEFLAGS MFLAGS MAKELEVEL CC CFLAGS LD_PRELOAD

skip() {
    echo "1..0 # SKIP $1"
    exit 0
}

echo 'int main(void) { return 0; }' >"$scratch/try.c"
if ! gcc -m32 -o "$scratch/try" "$scratch/try.c" 2>/dev/null || ! "$scratch/try"; then
    skip "no gcc -m32 (Debian: gcc-multilib), or nothing 32-bit can run"
fi
[ -x "$top_srcdir/configure" ] || skip "no ./configure"

all=no
if [ "${1-}" = --all ]; then
    all=yes
    shift
fi

# CUnit where the private root is $1; apt's own state is not touched.
fetch_cunit() {
    local root=$1
    local apt=(apt-get -qq -o APT::Architecture=i386 -o APT::Architectures=i386
        -o "Dir::State=$root/state" -o "Dir::State::status=$root/status" -o "Dir::Cache=$root/cache"
        -o Debug::NoLocking=1 -o Acquire::Languages=none -o APT::Sandbox::User=root)
    mkdir -p "$root/state/lists/partial" "$root/cache/archives/partial"
    : >"$root/status"
    "${apt[@]}" update >&2
    (cd "$root" && "${apt[@]}" download libcunit1-dev >&2 && dpkg -x libcunit1-dev_*.deb .)
}

cunit=()
tests=(tests/shim/huge tests/shim/reads tests/shim/seeks tests/shim/time64)
if [ $all = yes ]; then
    fetch_cunit "$scratch/cunit" || echo "# CUnit for i386 could not be had: no unit tests"
    for lib in "$scratch"/cunit/usr/lib/*/libcunit.a; do
        [ -f "$lib" ] && cunit=("CUNIT_CFLAGS=-I$scratch/cunit/usr/include" "CUNIT_LIBS=$lib")
    done
    mapfile -t tests < <(sed -n '/^SHIM_TESTS/,/[^\\]$/s/^\t\(tests[^ ]*\).*/\1/p' "$top_srcdir/tests/shim/local.mk")
    tests+=(tests/kernel/diff tests/api/dlopen)
    if [ ${#cunit[@]} -gt 0 ]; then
        mapfile -t -O ${#tests[@]} tests < <(sed -n 's/^\t\(tests\/unit\/test_[a-z_0-9]*\)\( \\\)*$/\1/p' \
            "$top_srcdir/tests/unit/local.mk" "$top_srcdir/tests/api/local.mk" | sort -u)
    fi
fi
[ $# = 0 ] || tests=("$@")

# What only the command links is not needed.
cd "$scratch" && mkdir build && cd build || exit 99
if ! {
    "$top_srcdir/configure" -q --host=i686-linux-gnu CC="gcc -m32 -Wno-psabi" \
        JANSSON_CFLAGS=' ' JANSSON_LIBS=' ' LIBELF_CFLAGS=' ' LIBELF_LIBS=' ' \
        NCURSES_CFLAGS=' ' NCURSES_LIBS=' ' "${cunit[@]}" &&
        make -s -j 2 src/libonecopy-preload.la src/libonecopy.la "${tests[@]}"
} >"$scratch/log" 2>&1; then
    sed 's/^/# /' "$scratch/log" | tail -40
    echo "1..1"
    echo "not ok 1 - a build with -m32"
    exit 1
fi

echo "1..$((${#tests[@]} + 1))"
echo "ok 1 - a build with -m32"
export top_builddir=$PWD
n=1
failed=0
for test in "${tests[@]}"; do
    n=$((n + 1))
    run=("$test")
    [ "$test" != tests/kernel/diff ] ||
        run=(env "ONECOPY_DIFF_OPS=${ONECOPY_DIFF_OPS:-100000}" "$top_srcdir/tests/kernel/diff.sh")
    if "${run[@]}" >"$scratch/out" 2>&1; then
        echo "ok $n - 32 bits: $test, $(grep -c '^ok' "$scratch/out") lines"
    else
        # Shells and other helpers have 64 bits, and cannot load the library.
        grep -v -e '^ok' -e 'wrong ELF class' "$scratch/out" | sed 's/^/# /' | head -60
        echo "not ok $n - 32 bits: $test"
        failed=1
    fi
done
exit $failed
