#!/bin/bash
# What loads leave in the page cache.  A cold file that is trusted: nothing, while it is
# in memory as an image; what was cached before stays; so does the cache of what is compared, and
# of what is loaded again and again.
# shellcheck source=tests/image/image-tap.sh
. "$(dirname "$0")/image-tap.sh"
cache=$builddir/tests/image/cache
head -c 12000000 /dev/urandom >"$work/data"
all=11720 # KiB, with the last page
mkdir "$work/m" "$work/source"

# load NAME OPTIONS LEAST MOST: lent and right, and so much of it cached, in KiB
load() {
    local cached
    files="$file$2"
    run with_preload "$cache" load "$file"
    files=''
    read -r _ cached _ <<<"$out"
    is "$status $out" "0 lent $cached right" "$1: lent and right"
    ok "$((${cached:--1} < $3 || ${cached:--1} > $4))" "$1: $cached KiB cached, $3 to $4"
}
evict() {
    sync "$file"
    "$cache" evict "$file" >/dev/null
}
# A new state of the file, of which there has never been an image.
renew() {
    touch "$file"
    evict
}

# A file system with $file: first the way that it offers.
try() {
    local way half
    file=$2
    cp "$work/data" "$file"
    way=$("$cache" way "$file")
    evict
    half=$("$cache" evict "$file")
    if [ "$way" = none ] || [ "$half" != 0 ]; then
        skip "the file's cache cannot be left as it was ($way, $half)" "$1"
        return
    fi
    set -- "$1 ($way)"
    load "$1, cold and trusted" ,unchanging 0 400
    is "$(contents "$home")" "" "$1: nothing is left"
    evict
    load "$1, trusted a second time" ,unchanging $all $all
    evict
    settings="ONECOPY_LINGER=100"
    load "$1, and images linger" ,unchanging 0 400
    settings=''
    rm -f "$home"/*.image

    renew
    load "$1, cold and compared" "" $all $all
    renew
    load "$1, cold and strict" ,strict $all $all
    renew
    half=$("$cache" warm "$file" 6000)
    load "$1, half of it cached" ,unchanging "$half" $((half + 400))
    renew
    "$cache" warm "$file" $all >/dev/null
    load "$1, cached" ,unchanging $all $all
}

try "the disk" "$work/source/f.dat"
if ! may_mount; then
    skip "not allowed to mount" "other file systems"
    done_testing
    exit 0
fi

for type in ext4 xfs btrfs; do
    mounted "$type" "" "" disk "$type"
done
done_testing
