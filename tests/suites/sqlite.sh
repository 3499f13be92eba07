# shellcheck shell=bash disable=SC2034,SC2154
# SQLite with its pragmas, on one database that several processes write and read; a part is a
# journal mode.
packages="sqlite3 python3"
quick="wal"
parts="delete truncate persist memory wal"

run_part() {
    local mmap locking
    for mmap in 0 1000000; do
        for locking in normal exclusive; do
            outcome "$1 mmap_size=$mmap locking_mode=$locking" \
                "$python" "$here/sqlite.py" "$work/$1-$mmap-$locking.db" "$1" "$mmap" "$locking"
        done
    done
}
