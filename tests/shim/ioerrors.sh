#!/bin/bash
# I/O errors: an ext4 file system on a loop device whose backing file is cut off in the middle
# of the test's file, and made whole again.  That needs no device mapper, but root.
set -u
here=$(dirname "$0")
skip_all() {
    echo "1..0 # SKIP $1"
    exit 0
}
[ "$(id -u)" = 0 ] || skip_all "only root can mount"
for tool in losetup mkfs.ext4 filefrag truncate; do
    PATH=$PATH:/usr/sbin:/sbin command -v $tool >/dev/null || skip_all "no $tool"
done
PATH=$PATH:/usr/sbin:/sbin
scratch=$(mktemp -d "${TMPDIR:-/tmp}/onecopy-ioerrors-XXXXXX") || exit 99
loop=
clean() {
    umount "$scratch/mount" 2>/dev/null
    [ -z "$loop" ] || losetup -d "$loop" 2>/dev/null
    rm -rf "$scratch"
}
trap clean EXIT
trap 'exit 99' HUP INT TERM

disk=$scratch/disk file=$scratch/mount/file.matched
mkdir "$scratch/mount"
truncate -s 24M "$disk"
mkfs.ext4 -q -F -b 4096 -O ^has_journal "$disk" || skip_all "mkfs.ext4 failed"
loop=$(losetup -f --show "$disk" 2>/dev/null) || skip_all "no loop device"
mount "$loop" "$scratch/mount" 2>/dev/null || skip_all "an ext4 file system cannot be mounted"
"${top_builddir:?}/tests/shim/ioerrors" --make "$file" || exit 99
ln "$file" "$scratch/mount/file.vouched"
sync -f "$file"
umount "$scratch/mount"
mount -o ro "$loop" "$scratch/mount" || skip_all "it cannot be mounted again"

# Where the block at 2 MiB lies; all of the file after it must lie behind it.
at=$(filefrag -v -b4096 "$file" | awk -F'[:. ]+' '
    $2 ~ /^[0-9]+$/ && $3 <= 512 && 512 <= $4 { print $5 + 512 - $3; found = 1; next }
    found && $2 ~ /^[0-9]+$/ { more = 1 }
    END { if (more) print "scattered" }')
case $at in
'' | *scattered*) skip_all "the file is scattered over its disk" ;;
esac
cp --sparse=always "$disk" "$scratch/whole"
export IOERRORS_FILE=$file IOERRORS_VOUCHED=$scratch/mount/file.vouched
export ONECOPY_TEST_FILES='*.matched:*.vouched,unchanging'
export IOERRORS_BREAK="truncate -s $((at * 4096)) $disk"
export IOERRORS_HEAL="dd if=$scratch/whole of=$disk bs=4096 skip=$at seek=$at conv=notrunc status=none"
"$here/run-preload.sh" "${top_builddir:?}/tests/shim/ioerrors"
