# shellcheck shell=bash disable=SC2034,SC2154
# What small storage libraries and tools bring as tests: LMDB's (its database is mapped and read),
# zlib's, bzip2's samples, busybox's; a part is one of them.
packages="build-essential zlib1g-dev bzip2 busybox"
quick=""
limit=120
parts="lmdb zlib bzip2 busybox"

prepare() {
    local part program lmdb=$cache/lmdb/libraries/liblmdb
    for part in $parts; do
        fetch "$part" "$cache/$part" || return
    done
    [ -e "$lmdb/liblmdb.a" ] || make -s -C "$lmdb" liblmdb.a XCFLAGS="-O1 -w" || return
    for program in mtest mtest2 mtest3 mtest4 mtest5 mdb_stat mdb_copy mdb_dump mdb_load; do
        [ -x "$lmdb/$program" ] ||
            gcc -O1 -w -pthread -o "$lmdb/$program" "$lmdb/$program.c" "$lmdb/liblmdb.a" || return
    done
    for program in example minigzip infcover; do
        [ -x "$cache/zlib/$program" ] ||
            gcc -O1 -w -o "$cache/zlib/$program" "$cache/zlib/test/$program.c" -lz || :
    done
}

run_lmdb() {
    local lmdb=$cache/lmdb/libraries/liblmdb program
    for program in mtest mtest2 mtest3 mtest4 mtest5; do
        rm -rf "$work/testdb" && mkdir "$work/testdb"
        outcome "lmdb $program" "$lmdb/$program"
        outcome "lmdb $program stat" "$lmdb/mdb_stat" -a testdb
        outcome "lmdb $program copy" sh -c "rm -rf copy && mkdir copy && '$lmdb/mdb_copy' testdb copy &&
            '$lmdb/mdb_dump' -a copy >a && '$lmdb/mdb_dump' -a testdb >b && cmp a b"
    done
}

run_zlib() {
    local program
    for program in "$cache/zlib"/{example,infcover}; do
        [ ! -x "$program" ] || outcome "zlib ${program##*/}" "$program"
    done
    outcome "zlib minigzip" sh -c "head -c 300000 /usr/bin/python3 >a && cp a b && '$cache/zlib/minigzip' b &&
        '$cache/zlib/minigzip' -d b.gz && cmp a b"
}

run_bzip2() {
    local n
    for n in 1 2 3; do
        outcome "bzip2 sample$n" sh -c "cd '$cache/bzip2' && bzip2 -$n <sample$n.ref | bzip2 -d | cmp - sample$n.ref &&
            bzip2 -d <sample$n.bz2 | cmp - sample$n.ref && bzip2 -t sample$n.bz2"
    done
}

# Its testsuite runs the busybox that it finds in $bindir; .config says what that one has.
run_busybox() {
    local what name
    mkdir -p "$work/bin" && cp /bin/busybox "$work/bin/busybox"
    sed -n 's/^\(CONFIG_[A-Z0-9_]*=\)/\1/p' "$cache/busybox/debian/config/pkg/deb" >"$work/bin/.config" 2>/dev/null
    (cd "$cache/busybox/testsuite" && limit=900 under env bindir="$work/bin" tsdir=. ./runtest -v >"$work/said" 2>&1)
    sed -nE 's/^(PASS|FAIL|SKIPPED): (.*)$/\1 \2/p' "$work/said" | while read -r what name; do
        case $what in
        PASS) result "busybox $name" pass ;;
        SKIPPED) result "busybox $name" skip ;;
        *) result "busybox $name" fail ;;
        esac
    done
}

run_part() { "run_$1"; }
