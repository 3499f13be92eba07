# shellcheck shell=bash disable=SC2034
# For the tests of images under the preload: as tool-tap.sh, and a home of our own
# in $home, the preload in $preload, and test programs run by preloaded.
#
# Run as root these tests live in a mount namespace of their own, so that nothing
# stays mounted whatever happens.
if [ "$(id -u)" = 0 ] && [ -z "${ONECOPY_TEST_NAMESPACE:-}" ] &&
    unshare -m --propagation private true 2>/dev/null; then
    ONECOPY_TEST_NAMESPACE=1 exec unshare -m --propagation private "$BASH" "$0" "$@"
fi
namespace=${ONECOPY_TEST_NAMESPACE:-}
# shellcheck source=tests/shim/tool-tap.sh
. "$(dirname "${BASH_SOURCE[0]}")/../shim/tool-tap.sh"
preload=$builddir/src/.libs/libonecopy-preload.so
[ -e "$preload" ] || skip_all "no shared library was built"

home=$work/home
mkdir -m 700 "$home"

may_mount() {
    [ -n "$namespace" ]
}

# disk TYPE: a file system in a file, mounted at $work/m: of 320 MB, or where the type is
# written once, of what is in $work/source
disk() {
    local image=$work/image
    rm -f "$image"
    case $1 in
    squashfs) mksquashfs "$work/source" "$image" -quiet ;;
    erofs) mkfs.erofs "$image" "$work/source" ;;
    *) truncate -s 320M "$image" && "mkfs.$1" -q "$image" ;;
    esac && mount -o loop -t "$1" "$image" "$work/m"
}

# mounted NAME HOW OPTIONS MOUNT...: what the script's try says of the file f.dat, a copy of
# $work/data, on what MOUNT mounts at $work/m
mounted() {
    local name=$1 how=$2 options=$3
    shift 3
    if "$@" >/dev/null 2>&1; then
        [ -e "$work/m/f.dat" ] || cp "$work/data" "$work/m/f.dat"
        try "$name" "$work/m/f.dat" "$how" "$options"
        umount "$work/m"
    else
        skip "cannot be made or mounted" "$name"
    fi
    rm -f "$work/image"
}

# with_preload COMMAND...: with a rule for *.dat
with_preload() {
    env LD_PRELOAD="$preload${LD_PRELOAD:+:$LD_PRELOAD}" ONECOPY_FILES="${files:-*.dat}" \
        ONECOPY_DIR="$home" ONECOPY_MIN_SIZE=4096 ${settings:-} "$@"
}

# preloaded PROGRAM ARGUMENTS...: a test program that speaks TAP; its lines become ours
preloaded() {
    local line program=$1 plan=
    shift
    while IFS= read -r line; do
        case $line in
        "ok "*) ok 0 "${line#ok * - }" ;;
        "not ok "*) ok 1 "${line#not ok * - }" ;;
        1..*) plan=1 ;;
        *) printf '# %s\n' "$line" ;;
        esac
    done < <(with_preload timeout "${limit:-120}" "$builddir/tests/image/$program" "$@" 2>&1 </dev/null)
    [ -n "$plan" ] || ok 1 "$program $1 came to its end"
}
