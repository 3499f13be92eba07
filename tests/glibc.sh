#!/bin/bash
# The suite on other Debian releases, and so with other versions of glibc and gcc.
#
# usage: tests/glibc.sh [--root FOLDER] RELEASE [TEST...]     RELEASE: bullseye, trixie, ...
#
# Debian's debootstrap fetches the release into FOLDER/RELEASE (about 600 MB; kept when
# --root is given, and used again).  There, in namespaces of their own, everything is built
# from a copy of this tree, with warnings as errors, and tested: without TESTs the unit,
# API, shim and image tests, and the differential tester for a while.  TAP.
set -u
source=$(cd "$(dirname "$0")/.." && pwd)
usage() {
    sed -n '4s/^# //p' "$0" >&2
    exit 2
}
root=
if [ "${1-}" = --root ]; then
    root=${2:?}
    shift 2
fi
release=${1-}
[[ $release =~ ^[a-z]+$ ]] || usage
shift
if [ "$(id -u)" != 0 ] || ! command -v debootstrap >/dev/null; then
    echo "1..0 # SKIP needs root and debootstrap"
    exit 0
fi
if [ -z "$root" ]; then
    root=$(mktemp -d "${TMPDIR:-/tmp}/onecopy-glibc-XXXXXX") || exit 99
    trap 'rm -rf --one-file-system "$root"' EXIT
    trap 'exit 99' HUP INT TERM
fi
mkdir -p "$root"
place=$(cd "$root" && pwd)/$release
log=$place.log
packages=gcc,make,libc6-dev,pkg-config,libcunit1-dev,gawk,binutils,strace
packages+=,libjansson-dev,libelf-dev,libncurses-dev,libcairo2-dev,python3,procps
if [ ! -e "$place/.complete" ]; then
    mirror=$(sed -n 's/^URIs: *\([^ ]*debian\.org[^ ]*\/debian\)$/\1/p; s/^deb \([^ ]*debian\.org[^ ]*\/debian\) .*/\1/p' \
        /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | head -1)
    if ! debootstrap --variant=minbase --include="$packages" "$release" "$place" \
        "${mirror:-http://deb.debian.org/debian}" >"$log" 2>&1; then
        sed 's/^/# /' "$log" | tail -5
        echo "1..0 # SKIP $release could not be had"
        exit 0
    fi
    : >"$place/.complete"
fi

rm -rf "$place/onecopy"
mkdir -p "$place/onecopy/tree" "$place/onecopy/build"
(cd "$source" && tar cf - --exclude=.git --exclude=./build .) | tar xf - -C "$place/onecopy/tree"
# There is no automake there.
if [ -n "$(find "$source" -name .git -prune -o \( -name '*.mk' -o -name '*.am' -o -name configure.ac \) \
    -newer "$source/Makefile.in" -print)" ]; then
    (cd "$place/onecopy/tree" && autoreconf -fi) >"$log" 2>&1
fi
cat >"$place/onecopy/go" <<'GO'
set -u
cd /onecopy/build || exit 99
mount -t proc proc /proc && mount -t sysfs sysfs /sys && mount -t tmpfs tmpfs /dev/shm &&
    mount -t tmpfs -o mode=1777 tmpfs /tmp && mkdir -p /dev/pts &&
    mount -t devpts -o newinstance,ptmxmode=0666 devpts /dev/pts || exit 99
ln -sf pts/ptmx /dev/ptmx
[ -e /dev/fuse ] || mknod -m 666 /dev/fuse c 10 229
if ! { ../tree/configure -q --enable-werror && make -s -j"$(nproc)" && make -s -j"$(nproc)" check TESTS=; } >log 2>&1; then
    sed 's/^/# /' log | tail -30
    echo "1..1"
    echo "not ok 1 - it builds"
    exit 1
fi
tests=$*
[ -n "$tests" ] || tests=$(printf 'include Makefile\nnames:\n\t@echo $(TESTS)\n' | make -s -f - names | tr ' ' '\n' |
    grep -E '^tests/(unit|api|shim|image|kernel)/' |
    grep -v -e tool- -e documented -e promises -e surface -e recipes -e probes -e preloads -e allocators)
n=1
echo "# $(getconf GNU_LIBC_VERSION), $(gcc --version | head -1)"
echo "ok 1 - it builds"
export top_builddir=/onecopy/build top_srcdir=/onecopy/tree ONECOPY_DIFF_OPS=${ONECOPY_DIFF_OPS:-100000}
for test in $tests; do
    n=$((n + 1))
    command=../tree/$test
    [ -f "$command" ] || command=./$test
    if "$command" >out 2>&1 && ! grep -q '^not ok' out; then
        echo "ok $n - $test: $(grep -c '^ok' out) lines"
    else
        grep -v '^ok' out | sed 's/^\(not ok\)/\1/; s/^/# /' | head -40
        echo "not ok $n - $test"
    fi
done
echo "1..$n"
GO
unshare --mount --pid --fork --kill-child chroot "$place" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
    ${ONECOPY_DIFF_OPS:+"ONECOPY_DIFF_OPS=$ONECOPY_DIFF_OPS"} /bin/bash /onecopy/go "$@" | tee "$place.tap"
awk '/^not ok/ { bad = 1 } /^ok/ { good = 1 } END { exit bad || !good }' "$place.tap"
