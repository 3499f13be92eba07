#!/bin/bash
# Bad homes and tight limits: the right bytes, at most one message, nothing left.
# shellcheck source=tests/image/image-tap.sh
. "$(dirname "$0")/image-tap.sh"
homes=$builddir/tests/image/homes
size=6000000
head -c $size /dev/urandom >"$work/f.dat"

# try NAME "lent"|"plain"|"" LIMIT...: in $home
try() {
    local name=$1 expected=$2
    shift 2
    run with_preload timeout 60 "$homes" "$work/f.dat" "$@"
    if [ "$status" = 77 ]; then
        skip "max_map_count is too large" "$name"
        return
    fi
    is "$status" 0 "$name: the bytes are right"
    [ -z "$expected" ] || is "$out" "$expected" "$name: $expected"
    ok "$(($(printf '%s' "$err" | grep -c .) > 1))" "$name: one message at most"
    [ -z "$err" ] || printf '# %s\n' "$err"
    # Whatever was there before may stay.
    is "$(find "$home/" -xdev \( -name '*.image' -o -name '*.part' \) -type f 2>/dev/null)" "" \
        "$name: nothing is left"
}

try "a good home" lent none

# ---- limits ----
try "RLIMIT_FSIZE 0" plain fsize 0
try "RLIMIT_FSIZE half" plain fsize 3000000
rm -f "$home/history"
try "RLIMIT_FSIZE 0, no history yet" plain fsize 0
try "RLIMIT_FSIZE lowered between two loads" lent fsize-later 0
try "RLIMIT_FSIZE lowered to half between two loads" lent fsize-later 3000000
try "RLIMIT_AS" "" as 30
try "RLIMIT_DATA" "" data 14
try "no descriptor left" plain nofile
for left in 0 1 2 3 4 6 10; do
    try "max_map_count but $left" "" maps $left
done

# ---- a home that is no home ----
# refused NAME WHY: plain reads, and one line that says WHY
refused() {
    try "$1" plain none
    like "$err" "^onecopy\\[[0-9]+\\]: ONECOPY_DIR $home cannot be used, so nothing is lent: it .*$2" \
        "$1: the message says why"
}
good=$home
home=$work/missing/home
refused "a missing parent" "is not there"
home=$work/file
: >"$home"
refused "a file" "is no folder"
home=$work/link
ln -s "$good" "$home"
refused "a symlink" "a symbolic link"
home=$work/fifo
mkfifo -m 700 "$home"
refused "a FIFO" "is no folder"
home=$work/open
mkdir -m 755 "$home"
refused "open to others" "mode 0700"
if [ "$(id -u)" = 0 ]; then
    home=$work/foreign
    mkdir -m 700 "$home"
    chown 12345 "$home"
    refused "another user's" "mode 0700"
fi
home=$work/new
try "one that is made" lent none
is "$(stat -c %a "$home")" 700 "one that is made: is private"

# ---- things in the way of the history ----
home=$good
rm -f "$home/history"
mkfifo "$home/history"
try "a FIFO for a history" lent none
rm -f "$home/history"
ln -s "$work/victim" "$home/history"
try "a symlink for a history" lent none
ok "$([ -e "$work/victim" ]; echo $((! $?)))" "a symlink for a history is not followed"
rm -f "$home/history"

# ---- mounted homes ----
if ! may_mount; then
    skip "not allowed to mount" "full, tiny, read-only, noexec and overlay homes"
    done_testing
    exit 0
fi
home=$work/mounted
mkdir -m 700 "$home"

# on NAME EXPECTED OPTIONS: a tmpfs
on() {
    mount -t tmpfs -o "mode=700,$3" none "$home"
    try "$1" "$2" none
    umount "$home"
}
on "a tiny tmpfs" plain size=1M
on "a tmpfs with room for half" plain size=4M
on "a tmpfs with hardly room" "" size=7M
on "no inode left" plain size=64M,nr_inodes=1
on "noexec" lent size=64M,noexec,nosuid,nodev
mount -t tmpfs -o mode=700,size=64M,noexec none "$home"
try "noexec, and then made executable" lent protect
umount "$home"
on "read-only" plain size=64M,ro

truncate -s 200M "$work/disk"
if command -v btrfs >/dev/null && mkfs.btrfs -q "$work/disk" >/dev/null 2>&1 && mount -o loop "$work/disk" "$home"; then
    btrfs -q subvolume create "$home/sub"
    chmod 700 "$home/sub"
    good=$home home=$home/sub
    if btrfs -q quota enable "$good" && btrfs -q qgroup limit 3M "$home"; then
        try "a quota for half of it" "" none
    else
        skip "no quotas" "a quota"
    fi
    home=$good
    umount "$home"
else
    skip "no btrfs" "a quota"
fi
rm -f "$work/disk"

# ---- another home ----
# The default is in /dev/shm; where that is Docker's of 64 MB, the next that has room is taken.
if mount -t tmpfs -o mode=1777,size=64M none /dev/shm 2>/dev/null &&
    mount -t tmpfs -o mode=1777,size=256M none /var/tmp; then
    head -c 80000000 /dev/urandom >/var/tmp/big.dat
    # elsewhere NAME FILE HOME: lent from there
    elsewhere() {
        run env -u XDG_RUNTIME_DIR LD_PRELOAD="$preload" ONECOPY_FILES='*.dat' ONECOPY_LINGER=60 \
            timeout 60 "$homes" "$2" none
        is "$status $err" "0 " "$1: the bytes are right, without a message"
        is "$(find /dev/shm /var/tmp -name '*.image' -printf '%h\n')" "$3/onecopy-$(id -u)" \
            "$1: from $3"
        run env LD_PRELOAD="$preload" ONECOPY_FILES='*.dat' "$onecopy" clean --force
        is "$(find /dev/shm /var/tmp -name '*.image')" "" "$1: nothing is left"
    }
    elsewhere "a small file" "$work/f.dat" /dev/shm
    elsewhere "a file larger than /dev/shm" /var/tmp/big.dat /var/tmp
    mount -o remount,ro /dev/shm
    elsewhere "/dev/shm is read-only" "$work/f.dat" /var/tmp
    umount /var/tmp /dev/shm
else
    skip "cannot be mounted" "another home"
fi

mount -t tmpfs -o mode=700,size=20M none "$home"
head -c 30000000 /dev/zero >"$home/filler" 2>/dev/null
try "a full tmpfs" plain none
is "$(stat -c %b "$home/filler")" 40960 "a full tmpfs: what fills it is untouched"
umount "$home"

# ---- a memory cgroup: what is charged to it cannot be reclaimed from a tmpfs ----
steps=$builddir/tests/image/steps

# in_group BYTES COMMAND...: with so much memory
in_group() {
    local group result=0 limit=memory.limit_in_bytes
    group=$cgroup/onecopy-test.$$
    mkdir "$group" 2>/dev/null || return 77
    [ -e "$group/$limit" ] || limit=memory.max
    if echo "$1" 2>/dev/null >"$group/$limit"; then
        (echo "$BASHPID" >"$group/cgroup.procs" && "${@:2}") || result=$?
    else
        result=77
    fi
    rmdir "$group"
    return $result
}
cgroup=/sys/fs/cgroup/memory
[ -d $cgroup ] || cgroup=/sys/fs/cgroup
if in_group 1G true 2>/dev/null; then
    # grouped NAME "lent"|"plain" BYTES: of 6 MB, which are all changed in the end
    grouped() {
        run in_group "$3" with_preload timeout 60 "$steps" rewrite "$work/f.dat" 1000000
        is "$status ${out##* }" "0 right" "$1: lives, with the right bytes"
        is "$([ "${out%% *}" = 0 ] && echo plain || echo lent)" "$2" "$1: $2"
        is "$(contents "$home")" "" "$1: nothing is left"
    }
    mount -t tmpfs -o mode=700,size=64M none "$home"
    grouped "a memory cgroup with much left" lent 100M
    grouped "a memory cgroup with room for one copy" plain 11M
    umount "$home"
else
    skip "cannot make a memory cgroup" "memory cgroups"
fi

mkdir "$work/low" "$work/layers"
mount -t tmpfs none "$work/layers"
mkdir "$work/layers/up" "$work/layers/work"
if mount -t overlay none -o "lowerdir=$work/low,upperdir=$work/layers/up,workdir=$work/layers/work" \
    "$home" 2>/dev/null; then
    chmod 700 "$home"
    try "overlay" "" none
    umount "$home"
else
    skip "overlay cannot be mounted" overlay
fi
umount "$work/layers"
done_testing
