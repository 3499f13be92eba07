#!/bin/bash
# The adversary on every file system that can be had here: whatever is done to a
# file, a load is what the kernel says.
# shellcheck source=tests/image/image-tap.sh
. "$(dirname "$0")/image-tap.sh"

# adversary NAME FOLDER: its lines become ours
adversary() {
    mkdir -p "$2"
    preloaded stale "$2" "$1"
    rmdir "$2" 2>/dev/null
}

adversary disk "$work/data"
if [ -w /dev/shm ]; then
    shm=$(mktemp -d /dev/shm/onecopy-test.XXXXXX)
    trap 'rm -rf "$work" "$shm"' EXIT
    adversary tmpfs "$shm"
    rm -rf "$shm"
else
    skip "no /dev/shm" tmpfs
fi

if ! may_mount; then
    skip "not allowed to mount" "loop mounts, overlay, copies of a file system"
    done_testing
    exit 0
fi

mkdir -p "$work/m"
for type in ext4 xfs btrfs; do
    if disk "$type" >/dev/null 2>&1; then
        adversary "$type" "$work/m/data"
        umount "$work/m"
    else
        skip "cannot be made or mounted" "$type"
    fi
done

# ---- overlay ----
mkdir -p "$work/t"
mount -t tmpfs none "$work/t"
mkdir -p "$work/t/lower" "$work/t/upper" "$work/t/work" "$work/m"
if mount -t overlay none -o "lowerdir=$work/t/lower,upperdir=$work/t/upper,workdir=$work/t/work" \
    "$work/m" 2>/dev/null; then
    adversary overlay "$work/m/data"
    # Copied up between two loads, through a descriptor from before and by name.
    head -c 3000000 /dev/urandom >"$work/t/lower/up.dat"
    preloaded copyup "$work/m/up.dat"
    umount "$work/m"
else
    skip "overlay cannot be mounted" overlay
fi
umount "$work/t"

# ---- file systems that are equal in every number ----
if command -v mkfs.ext4 >/dev/null; then
    truncate -s 16M "$work/one"
    mkfs.ext4 -q "$work/one"
    mkdir -p "$work/m1" "$work/m2"
    mount -o loop "$work/one" "$work/m1"
    yes "the first of two" | head -c 3000000 >"$work/m1/same.dat"
    umount "$work/m1"
    sed 's/the first of two/the other of two/g' "$work/one" >"$work/two"
    mount -o loop,noatime "$work/one" "$work/m1"
    mount -o loop,noatime "$work/two" "$work/m2"
    is "$(stat -c '%i %s %y %z' "$work/m2/same.dat")" \
        "$(stat -c '%i %s %y %z' "$work/m1/same.dat")" "two copies have the same numbers"
    preloaded stale --copies "$work/m1/same.dat" "$work/m2/same.dat"
    umount "$work/m1" "$work/m2"
else
    skip "no mkfs.ext4" "copies of a file system"
fi
done_testing
