#!/bin/bash
# Who shares an image: other programs, and processes in other namespaces.  And what lies
# in the home under an image's name, but is none, is not used.
# shellcheck source=tests/image/image-tap.sh
. "$(dirname "$0")/image-tap.sh"
where=$builddir/tests/image/where
file=$work/f.dat
head -c 5000000 /dev/urandom >"$file"

# ---- things that are no images ----
# Made by a load whose image stays for a while; f.dat has 20 chunks.
left() {
    files="$file"
    settings="ONECOPY_LINGER=1000"
    run with_preload "$where" once "$file"
    settings=''
    image=$(find "$home" -name '*.image')
}

# hostile NAME COMMAND...: done to the image "$image", which then is not believed
hostile() {
    local name=$1 options
    shift
    for options in "" ,unchanging; do
        rm -rf "$home"
        mkdir -m 700 "$home"
        left
        (set -e; "$@") || ok 1 "$name: could not be made"
        files="$file$options"
        run with_preload timeout 60 "$where" once "$file"
        is "$status ${out#* }" "0 right ${out##* }" "$name${options:+ ($options)}: right"
        ok "$(($(printf '%s' "$err" | grep -c .) > 1))" "$name${options:+ ($options)}: one message at most"
    done
}
cut() { truncate -s "$1" "$image"; }
chmod_image() { chmod "$1" "$image"; }
chown_image() { chown 12345 "$image"; }
put() { # put BYTES AT: a pattern into the image, without changing its length
    printf '%b' "$1" | dd of="$image" bs=1 seek="$2" conv=notrunc status=none
}
zero_data() { # no chunk was ever filled; the header and "keep until" stay
    head -c "$(($(stat -c %s "$image") - 512))" /dev/zero |
        dd of="$image" bs=512 seek=1 conv=notrunc status=none
}
states() { # states BYTE: all chunks are said to be so
    zero_data
    put "$(printf "\\\\x$1%.0s" $(seq 20))" 512
}
random_states() {
    zero_data
    head -c 20 /dev/urandom | dd of="$image" bs=1 seek=512 conv=notrunc status=none
}
random_moments() { # and full, so they say
    states a5
    head -c 160 /dev/urandom | dd of="$image" bs=1 seek=536 conv=notrunc status=none
}
random_header() { head -c 112 /dev/urandom | dd of="$image" conv=notrunc status=none; }
link_twice() { ln "$image" "$work/link.$RANDOM"; }
symlinked() {
    mv "$image" "$work/target"
    ln -s "$work/target" "$image"
}
victim() {
    rm "$image"
    ln -s "$work/victim" "$image"
}
replaced_by() {
    rm "$image"
    "$@" "$image"
}
left
is "$(find "$home" -name '*.image' | wc -l)" 1 "an image stays for a while"
hostile "an image as it was" true
hostile "cut to half" cut 2500000
hostile "cut to nothing" cut 0
hostile "grown" cut 9000000
hostile "another magic" put '\x00' 0
hostile "another version" put '\x77' 8
hostile "another page size" put '\x77' 12
hostile "another shift" put '\x77' 20
hostile "another file's" put '\x77' 90
hostile "a random header" random_header
hostile "no chunk filled" zero_data
hostile "all chunks said to be full" states a5
hostile "all chunks said to be settled" states 5a
hostile "random states" random_states
hostile "random moments" random_moments
hostile "a second link" link_twice
hostile "open to others" chmod_image 0644
hostile "a symlink" symlinked
hostile "a symlink to nothing" victim
hostile "a FIFO" replaced_by mkfifo
hostile "a directory" replaced_by mkdir
[ "$(id -u)" != 0 ] || hostile "another user's" chown_image
ok "$([ -e "$work/victim" ]; echo $((! $?)))" "no symlink was followed"
rm -rf "$home"
mkdir -m 700 "$home"

# ---- who shares ----
if ! may_mount || ! command -v mkfs.ext4 >/dev/null; then
    skip "not allowed to mount, or no mkfs.ext4" "namespaces"
    done_testing
    exit 0
fi
# A file system of its own, since an overlay's identity is the mount's.
truncate -s 40M "$work/disk"
mkfs.ext4 -q "$work/disk"
mkdir "$work/m"
mount -o loop "$work/disk" "$work/m"
cp "$file" "$work/m/f.dat"
file=$work/m/f.dat files="$work/m/f.dat,unchanging"
coproc HOLD { with_preload "$where" hold "$file"; }
read -r held _ <&"${HOLD[0]}"
is "$held" lent "one that stays"

# same NAME COMMAND...: run in front of a load, which uses the image that is there
same() {
    local name=$1
    shift
    if ! "$@" true 2>/dev/null; then
        skip "not permitted" "$name"
        return
    fi
    run with_preload "$@" "$where" once "$file"
    is "$status ${out% *}" "0 lent right" "$name: lent and right"
    ok "$((${out##* } > 20))" "$name: the same image (read anew: ${out##* } thousandths)"
}
same "another process" env
same "another mount namespace" unshare -m
same "another process namespace" unshare -m -p -f --mount-proc
same "another user namespace" unshare -U -r
same "another network, host name and IPC" unshare -n -u -i
same "another session" setsid -w
run with_preload "$builddir/tests/image/homes" "$file" none
is "$status $out" "0 lent" "another program"
is "$(find "$home" -name '*.image' | wc -l)" 1 "all of them with one image"
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
    run with_preload setpriv --reuid 12345 --regid 12345 --clear-groups "$where" once "$file"
    is "${out%% *}" "" "another user cannot open the file, and gets nothing"
    chmod 755 "$work" "$work/m"
    chmod 644 "$file"
    run with_preload setpriv --reuid 12345 --regid 12345 --clear-groups "$where" once "$file"
    is "$status ${out% *}" "0 plain right" "another user does not share"
fi
held=$HOLD_PID # which bash unsets as soon as the process has ended
eval "exec ${HOLD[1]}>&-"
wait "$held"

# ---- a group's home ----
as() { # as USER GROUP COMMAND...
    local user=$1 group=$2
    shift 2
    setpriv --reuid "$user" --regid "$group" --clear-groups "$@"
}
if [ "$(id -u)" = 0 ] && as 12345 23456 test -r "$preload" 2>/dev/null; then
    own=$home home=$work/m/group
    mkdir -m 2770 "$home"
    chgrp 23456 "$home"
    chmod 2770 "$home"
    coproc HOLD { with_preload setpriv --reuid 12345 --regid 23456 --clear-groups "$where" hold "$file"; }
    read -r held _ <&"${HOLD[0]}"
    is "$held" lent "a group's home: one member"
    run with_preload setpriv --reuid 12346 --regid 23456 --clear-groups "$where" once "$file"
    is "$status ${out% *}" "0 lent right" "a group's home: another one"
    ok "$((${out##* } > 20))" "a group's home: the same image (read anew: ${out##* } thousandths)"
    run with_preload setpriv --reuid 12347 --regid 34567 --clear-groups "$where" once "$file"
    is "$status ${out% *}" "0 plain right" "a group's home: not for others"
    run as 12346 23456 "$onecopy" clean --dir "$home"
    is "$status $(find "$home" -name '*.image' | wc -l)" "0 1" "a group's home: what is in use is not cleaned"
    held=$HOLD_PID
    kill -KILL "$held"
    wait "$held" 2>/dev/null
    run as 12346 23456 "$onecopy" clean --dir "$home"
    is "$status $(contents "$home")" "0 " "a group's home: any member cleans it"
    home=$own
else
    skip "not root, or the library is not for all to read" "a group's home"
fi
umount "$work/m"
is "$(contents "$home")" "" "nothing is left"
done_testing
