#!/bin/bash
# Clocks that were stepped, with the library as it is: what the kernel would have noted of the file is written into
# the file system by debugfs, and a time namespace moves the clock that cannot be stepped.
# shellcheck source=tests/image/image-tap.sh
. "$(dirname "$0")/image-tap.sh"
may_mount || skip_all "not allowed to mount"
PATH=$PATH:/sbin:/usr/sbin
command -v debugfs >/dev/null || skip_all "no debugfs"
[ "$(cat /proc/sys/vm/dirty_writeback_centisecs 2>/dev/null)" -gt 0 ] 2>/dev/null || skip_all "no periodic write-back"

mkdir "$work/disk"
truncate -s 64M "$work/image"
mkfs.ext4 -q -O ^has_journal "$work/image" || skip_all "no ext4"
mount -o loop,noatime "$work/image" "$work/disk" 2>/dev/null || skip_all "no loop mounts"
trap 'umount "$work/disk" 2>/dev/null; rm -rf "$work"' EXIT
file=$work/disk/f.dat

# The clock said so when the file was last changed: SECONDS since 1970, and always the same nanosecond.
changed_at() {
    local field
    umount "$work/disk" || return
    for field in ctime mtime; do
        echo "set_inode_field f.dat $field @$1"
        echo "set_inode_field f.dat ${field}_extra 0"
    done | debugfs -w -f - "$work/image" >/dev/null 2>&1
    mount -o loop,noatime "$work/image" "$work/disk"
}
# load NAME WHY PREFIX...: one big read gives the kernel's bytes, and they were compared
load() {
    local name=$1 why=$2 sum
    shift 2
    settings="ONECOPY_LINGER=600 ONECOPY_LOG=info,$work/log"
    : >"$work/log"
    sum=$(with_preload "$@" dd if="$file" bs=16M status=none | md5sum)
    settings=
    is "$sum" "$(md5sum <"$file")" "$name: the kernel's bytes"
    like "$(grep lending "$work/log")" "$why" "$name: $why"
}
fresh() { head -c 8000000 /dev/urandom >"$file" && sync "$file"; }

now=$(date +%s)
fresh
changed_at $((now - 86400))
is "$(stat -c '%Z %Y' "$file")" "$((now - 86400)) $((now - 86400))" "the file system says when"

# Forward: what was written just now looks a day old.  Then back, so that it is written at that moment again.
load "a clock stepped forward by a day" "compared .not known for long"
fresh
changed_at $((now - 86400))
load "and back, onto the same moment, other bytes" "compared .not known for long"

# Back: the file is of the future.
changed_at $((now + 86400))
load "a clock stepped back by a day" "compared .changed lately"
fresh
changed_at $((now + 86400))
load "other bytes of that moment of the future" "compared .changed lately"
changed_at 1
load "a clock that began in 1970" "compared .not known for long"

# Known for a moment, which a namespace takes for a day, and another for a time to come.
if unshare -T --monotonic 86400 true 2>/dev/null; then
    changed_at $((now - 172800))
    load "before time namespaces" "compared .not known for long"
    load "a namespace a day ahead" "compared .not known for long" unshare -T --monotonic 86400
    load "a namespace just before it" "compared .not known for long" unshare -T --monotonic -1
    load "after them" "compared .not known for long"
else
    skip "no time namespaces" "a monotonic clock that is another"
fi
done_testing
