#!/bin/bash
# Where the data file lives: on each file system it is lent, right, and compared or
# trusted as that file system allows.  (What becomes of changes: stale.sh.)
# shellcheck source=tests/image/image-tap.sh
. "$(dirname "$0")/image-tap.sh"
where=$builddir/tests/image/where
head -c 5000000 /dev/urandom >"$work/data"
mkdir "$work/m" "$work/source"
cp "$work/data" "$work/source/f.dat"

# loads NAME FILE compared|trusted [OPTIONS]: one that stays, and another one
loads() {
    local name=$1 held asked
    files="$2${4:-}"
    coproc HOLD { with_preload "$where" hold "$2"; }
    read -r held _ <&"${HOLD[0]}"
    settings="ONECOPY_LOG=info"
    run with_preload "$where" once "$2"
    settings=''
    files=''
    is "$held" lent "$name: the first load is lent"
    is "$status ${out% *}" "0 lent right" "$name: so is the second, and it is right"
    like "$err" "lending file .* $3 " "$name: $3"
    asked=${out##* }
    if [ "$3" = trusted ]; then
        ok "$((asked > 20))" "$name: the file is not read again (but for $asked thousandths)"
    fi
    local holder=$HOLD_PID # which bash unsets as soon as the process has ended
    eval "exec ${HOLD[1]}>&-"
    wait "$holder"
    is "$(contents "$home")" "" "$name: nothing is left"
}

loads "the disk" "$work/source/f.dat" compared
loads "the disk, unchanging" "$work/source/f.dat" trusted ,unchanging
if ! may_mount; then
    skip "not allowed to mount" "other file systems"
    done_testing
    exit 0
fi

# mounted NAME compared|trusted OPTIONS MOUNT...: its f.dat
mounted() {
    local name=$1 how=$2 options=$3
    shift 3
    if "$@" >/dev/null 2>&1; then
        [ -e "$work/m/f.dat" ] || cp "$work/data" "$work/m/f.dat"
        loads "$name" "$work/m/f.dat" "$how" "$options"
        umount "$work/m"
    else
        skip "cannot be mounted" "$name"
    fi
}

# image NAME compared|trusted MAKE...: a file system in a file, which MAKE makes of $work/image
image() {
    local name=$1 how=$2
    shift 2
    if ! command -v "$1" >/dev/null; then
        skip "no $1" "$name"
        return
    fi
    rm -f "$work/image"
    [ "$how" = trusted ] || truncate -s 320M "$work/image"
    "$@" >/dev/null 2>&1
    mounted "$name" "$how" "" mount -o loop -t "$name" "$work/image" "$work/m"
}

image ext4 compared mkfs.ext4 -q "$work/image"
image xfs compared mkfs.xfs -q "$work/image"
image btrfs compared mkfs.btrfs -q "$work/image"
image squashfs trusted mksquashfs "$work/source" "$work/image" -quiet
image erofs trusted mkfs.erofs "$work/image" "$work/source"
rm -f "$work/image"
mounted tmpfs compared "" mount -t tmpfs none "$work/m"
mkdir "$work/layers"
mount -t tmpfs none "$work/layers"
mkdir "$work/layers/up" "$work/layers/work"
mounted overlay compared "" mount -t overlay none -o \
    "lowerdir=$work/source,upperdir=$work/layers/up,workdir=$work/layers/work" "$work/m"
umount "$work/layers"

# ---- FUSE ----
if command -v bindfs >/dev/null && [ -w /dev/fuse ]; then
    mounted FUSE compared "" bindfs "$work/source" "$work/m"
    mounted "FUSE, unchanging" trusted ,unchanging bindfs "$work/source" "$work/m"
    if bindfs "$work/source" "$work/m" 2>/dev/null; then
        mkdir "$work/m/data"
        preloaded stale "$work/m/data" FUSE
        umount "$work/m"
    fi
else
    skip "no bindfs, or no /dev/fuse" FUSE
fi
done_testing
