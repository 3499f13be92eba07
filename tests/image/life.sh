#!/bin/bash
# The memory of images comes back when the program gives it back, and when it ends.
# shellcheck source=tests/image/image-tap.sh
. "$(dirname "$0")/image-tap.sh"
life=$builddir/tests/image/life
head -c 16000000 /dev/urandom >"$work/f.dat"

for command in free realloc munmap heap noexec fork prefork large; do
    preloaded life "$command" "$work/f.dat"
    is "$(contents "$home")" "" "$command: nothing is left"
done

for command in exit _exit exec; do
    run with_preload "$life" "$command" "$work/f.dat"
    is "$status $err" "0 " "$command: the program ends as ever"
    is "$(contents "$home")" "" "$command: nothing is left"
done

if may_mount && mount -t tmpfs -o mode=700,size=64M,huge=always none "$home" 2>/dev/null; then
    preloaded life large "$work/f.dat"
    umount "$home"
else
    skip "cannot be mounted" "a home with large pages"
fi

if grep -q 'never\]' /sys/kernel/mm/transparent_hugepage/enabled 2>/dev/null ||
    ! [ -e /sys/kernel/mm/transparent_hugepage/enabled ] || grep -q '\[deny' /sys/kernel/mm/transparent_hugepage/shmem_enabled; then
    skip "the host has no large pages" "images of large pages"
elif may_mount && mount -t tmpfs -o mode=700,size=64M none "$home" 2>/dev/null; then
    preloaded life advised "$work/f.dat"
    umount "$home"
else
    skip "cannot be mounted" "images of large pages"
fi

# ---- killed ----
run with_preload "$life" kill "$work/f.dat"
is "$status" 137 "killed"
is "$(contents "$home" | grep -c image)" 1 "its image is left"
run with_preload "$life" exit "$work/f.dat"
is "$(contents "$home")" "" "the next start and end take it away"
run with_preload "$life" kill "$work/f.dat"
run with_preload true
is "$(contents "$home")" "" "so does the start of any other program"
run with_preload "$life" kill "$work/f.dat"
run "$onecopy" clean --dir "$home"
is "$(contents "$home")" "" "so does onecopy clean"

# ---- load, parse, free: with us and without ----
# What our library itself takes, once on a host its code and constants: less if the linker has put in order what is
# needed, and nothing counts what is run.  Up to 70 more where functions came to be needed that src/shim/order.ld does
# not list yet.
ours=400
if [ "$(uname -m)" = x86_64 ] && grep -q '\.text\.first' "$preload" && ! grep -q __gcov "$preload"; then
    ours=260
fi
less() { [ "$1" -le "$(($2 + $2 / 50 + ours))" ]; }
# compare_parse TEXT COMMAND: Pss afterwards within 2 % and what our library itself takes
compare_parse() {
    local plain with
    plain=$("$life" "$2" "$work/f.dat" | cut -d' ' -f1)
    with=$(with_preload "$life" "$2" "$work/f.dat" | cut -d' ' -f1)
    echo "# $1, $2: $plain KiB without, $with KiB with"
    less "$with" "$plain"
    ok $? "$1, $2: load, parse, free costs no memory afterwards"
    is "$(contents "$home")" "" "$1: nothing is left"
}
compare_parse glibc parse
compare_parse glibc parse-after
jemalloc=$(ls /usr/lib/*/libjemalloc.so.2 2>/dev/null | head -n 1)
if [ -n "$jemalloc" ]; then
    export LD_PRELOAD=$jemalloc
    compare_parse jemalloc parse
    compare_parse jemalloc parse-after
    # shellcheck disable=SC2034
    for command in free munmap fork; do
        preloaded life "$command" "$work/f.dat"
    done
    unset LD_PRELOAD
else
    skip "libjemalloc2 is not installed" jemalloc
fi

# ---- rewritten: remembered, of this program, what it is told to do, and this state of the file ----
second() {
    settings="ONECOPY_LOG=info LIFE_ONCE=1"
    run with_preload "$1" "$2" "$work/f.dat"
    settings=''
}
# says NAME PROGRAM COMMAND 0|1: 0: it is lent
says() {
    second "$2" "$3"
    is "$status" "$4" "$1"
    if [ "$4" = 0 ]; then
        like "$err" "lending file" "$1: so it says"
    else
        like "$err" "rewritten in memory by this program: not lent" "$1: so it says"
    fi
    is "$(contents "$home")" "" "$1: nothing is left"
}
cp "$life" "$work/other"
preloaded life rewrite "$work/f.dat"
says "another process of the program is not lent it" "$life" rewrite 1
says "another program is" "$work/other" rewrite 0
says "nor is the program itself kept from it when it does something else" "$life" once 0
touch "$work/f.dat"
says "nor is another state of the file forgotten about: it is lent" "$life" rewrite 0
for how in exit munmap; do
    touch "$work/f.dat"
    run with_preload "$life" "rewrite-$how" "$work/f.dat"
    is "$status" 0 "rewritten until $how"
    says "rewritten until $how, the next process is not lent it" "$life" "rewrite-$how" 1
done
done_testing
