#!/bin/bash
# Homes in which somebody has been at work: things under the names of images, images
# exchanged while they are used, any bytes in ledger and history, a file system that lies or dies.
# The bytes loaded are right, nobody hangs or dies, and what links point to stays as it is.
# shellcheck source=tests/image/image-tap.sh
. "$(dirname "$0")/image-tap.sh"
homes=$builddir/tests/image/homes
head -c 6000000 /dev/urandom >"$work/f.dat"
echo untouched >"$work/victim"
# So that an image is there between two loads.
settings=ONECOPY_LINGER=600

# loads NAME: right, whatever is there
loads() {
    run with_preload timeout 60 "$homes" "$work/f.dat" none
    is "$status" 0 "$1: the bytes are right"
    ok "$(($(printf '%s' "$err" | grep -c .) > 1))" "$1: one message at most"
}

loads "a good home"
is "$out" lent "a good home: lent"
image=$(find "$home" -name '*.image' | head -1)
ok "$([ -n "$image" ]; echo $?)" "a good home: the image stays"
cp "$image" "$work/image"

# instead NAME COMMAND...: what it makes of $image
instead() {
    rm -rf "$image"
    "${@:2}"
    loads "$1"
    is "$(cat "$work/victim")" untouched "$1: what it points to is untouched"
    rm -rf "$image"
}
shorter() { head -c "$1" "$work/image" >"$image" && chmod 600 "$image"; }
longer() { { cat "$work/image" && head -c 100000 /dev/urandom; } >"$image" && chmod 600 "$image"; }
noise() { head -c 6291456 /dev/urandom >"$image" && chmod 600 "$image"; }
# The header and states as they were, other bytes of the file.
changed() { cp -p "$work/image" "$image" && head -c 3000000 /dev/urandom | dd of="$image" bs=64K seek=40 oflag=seek_bytes conv=notrunc status=none; }
linked() { chmod 600 "$work/victim" && ln "$work/victim" "$image"; }

instead "a symlink for an image" ln -s "$work/victim" "$image"
instead "a symlink to itself" ln -s "$image" "$image"
instead "a hard link to another file" linked
instead "a FIFO for an image" mkfifo -m 600 "$image"
instead "a directory for an image" mkdir -m 700 "$image"
instead "an empty image" shorter 0
instead "an image of a header" shorter 100
instead "an image cut in the middle" shorter 2000001
instead "an image that is too long" longer
instead "an image of noise" noise
instead "an image whose bytes were changed" changed
instead "a socket for an image" /usr/bin/python3 -c 'import socket, sys
socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$image"
if [ "$(id -u)" = 0 ]; then
    foreign() { cp "$work/image" "$image" && chown 12345 "$image"; }
    instead "another user's image" foreign
    instead "a device for an image" mknod -m 600 "$image" c 1 5
    instead "a block device for an image" mknod -m 600 "$image" b 7 250
fi

# ---- any bytes in what is kept of files ----
for name in history ledger hot; do
    for size in 1 4096 70000; do
        rm -rf "${home:?}"/*
        head -c $size /dev/urandom >"$home/$name"
        chmod 600 "$home/$name"
        loads "$size random bytes in $name"
    done
done

# ---- exchanged while loads go on (not cut: that takes the lent memory away, see doc/security.md) ----
rm -rf "${home:?}"/*
loads "before images are exchanged"
exchange() {
    while [ -e "$work/go" ]; do
        for image in "$home"/*.image; do
            [ -e "$image" ] || continue
            case $((RANDOM % 4)) in
            0) head -c 6291456 /dev/urandom >"$work/other" ;;
            1) cp "$work/image" "$work/other" ;;
            *) rm -f "$image" ;;
            esac
            if [ -e "$work/other" ]; then chmod 600 "$work/other" && mv "$work/other" "$image"; fi
        done
    done
}
: >"$work/go"
exchange 2>/dev/null &
wrong=0
for _ in 1 2 3 4 5 6 7 8; do
    run with_preload timeout 60 "$homes" "$work/f.dat" none
    [ "$status" = 0 ] || wrong=$status
done
rm "$work/go"
wait
is "$wrong" 0 "images exchanged under loads: the bytes are right"

# ---- a home on a file system that another process serves ----
if may_mount && command -v bindfs >/dev/null && [ -w /dev/fuse ]; then
    good=$home home=$work/served
    mkdir -m 700 "$work/behind" "$home"
    if bindfs -o nonempty "$work/behind" "$home" 2>/dev/null; then
        loads "a home on FUSE"
        is "$out" plain "a home on FUSE: nothing is lent from there"
        umount "$home"
    else
        skip "FUSE cannot be mounted" "a home on FUSE"
    fi
    home=$good
else
    skip "no bindfs, or not allowed to mount" "a home on FUSE"
fi
done_testing
