#!/bin/bash
# Where the data file lives: small reads are copied from a mapping only on file systems whose
# mappings agree with read(), or where the user vouches for the file.
# shellcheck source=tests/image/image-tap.sh
. "$(dirname "$0")/image-tap.sh"
[ -x /usr/bin/python3 ] || skip_all "no python3"
head -c 3000000 /dev/urandom >"$work/data"
mkdir "$work/m" "$work/source"
cp "$work/data" "$work/source/f.dat"

# Small reads, often at the same places: right, and is the file mapped?
hot='
import os, sys
fd = os.open(sys.argv[1], os.O_RDONLY)
def look():
    right = True
    for i in range(4000):
        at = 5000 + i * 7 % 900
        right &= os.pread(fd, 64, at) == want[at:at + 64]
    with open("/proc/self/maps") as f:
        mapped = os.path.basename(sys.argv[1]) in f.read()
    return ("right" if right else "wrong") + (" mapped" if mapped else " not")
want = open(sys.argv[2], "rb").read()
print(look())
'
# Another descriptor writes, which on an overlay makes a copy of the file; the first goes on.
then='
with open(sys.argv[1], "r+b") as f:
    f.seek(5000)
    f.write(b"x" * 1000)
want = want[:5000] + b"x" * 1000 + want[6000:]
print(look())
'

# try NAME FILE "mapped"|"not" [OPTIONS]
try() {
    files="*.dat${4:-}"
    settings="ONECOPY_LEND=off"
    run with_preload /usr/bin/python3 -E -S -B -c "$hot" "$2" "$work/data"
    is "$status $out" "0 right $3" "$1: small reads are right, and the file is ${3/not/not mapped}"
    settings='' files=''
}

case $(stat -f -c %T "$work") in
ext2/ext3 | xfs | btrfs | f2fs | tmpfs) reads "the disk" "$work/source/f.dat" mapped ;;
*) skip "another file system" "the disk" ;;
esac
try "the disk, map=off" "$work/source/f.dat" not ,map=off
try "the disk, strict" "$work/source/f.dat" not ,strict
if ! may_mount; then
    skip "not allowed to mount" "other file systems"
    done_testing
    exit 0
fi

for type in ext4 xfs btrfs f2fs squashfs erofs; do
    mounted "$type" mapped "" disk "$type"
done
mounted tmpfs mapped "" mount -t tmpfs none "$work/m"

# ---- a writable overlay ----
mkdir "$work/layers"
mount -t tmpfs none "$work/layers"
layers="lowerdir=$work/source,upperdir=$work/layers/up,workdir=$work/layers/work"
mkdir "$work/layers/up" "$work/layers/work"
mounted overlay not "" mount -t overlay none -o "$layers" "$work/m"
mounted "overlay, unchanging" mapped ,unchanging mount -t overlay none -o "$layers" "$work/m"
if mount -t overlay none -o "$layers" "$work/m" 2>/dev/null; then
    run /usr/bin/python3 -E -S -B -c "$hot$then" "$work/m/f.dat" "$work/data"
    plain=$out
    rm -f "$work/layers/up/f.dat"
    umount "$work/m"
    mount -t overlay none -o "$layers" "$work/m"
    settings="ONECOPY_LEND=off"
    run with_preload /usr/bin/python3 -E -S -B -c "$hot$then" "$work/m/f.dat" "$work/data"
    settings=''
    is "$status $out" "0 $plain" "overlay: after a copy-up the old descriptor reads what the kernel gives"
    umount "$work/m"
else
    skip "cannot be mounted" "overlay: after a copy-up"
fi
umount "$work/layers"

# ---- FUSE ----
if command -v bindfs >/dev/null && [ -w /dev/fuse ]; then
    mounted FUSE not "" bindfs "$work/source" "$work/m"
    mounted "FUSE, unchanging" mapped ,unchanging bindfs "$work/source" "$work/m"
else
    skip "no bindfs, or no /dev/fuse" FUSE
fi
done_testing
