#!/bin/bash
# Where the data file lives: on each file system it is lent, right, and compared or
# trusted as that file system allows.  (What becomes of changes: stale.sh.)
# shellcheck source=tests/image/image-tap.sh
. "$(dirname "$0")/image-tap.sh"
where=$builddir/tests/image/where
head -c 5000000 /dev/urandom >"$work/data"
mkdir "$work/m" "$work/source"
cp "$work/data" "$work/source/f.dat"

# try NAME FILE compared|trusted [OPTIONS]: one that stays, and another one
try() {
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

try "the disk" "$work/source/f.dat" compared
try "the disk, unchanging" "$work/source/f.dat" trusted ,unchanging
if ! may_mount; then
    skip "not allowed to mount" "other file systems"
    done_testing
    exit 0
fi

for type in ext4 xfs btrfs; do
    mounted "$type" compared "" disk "$type"
done
for type in squashfs erofs; do
    mounted "$type" trusted "" disk "$type"
done
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
