#!/bin/bash
# The names that the library exports are those of the catalogue and of onecopy(7), and
# it needs no library but libc.
set -u
library=$top_builddir/src/.libs/libonecopy-preload.so
exported=$(nm -D --defined-only "$library" | awk '{ sub(/@.*/, "", $3); print $3 }' | sort -u)
# Names in backquotes, from the tables before "Left alone".
catalogue=$(sed '/^## Left alone/,$d' "$top_srcdir/doc/catalogue.md" | grep '^|' |
    grep -o '`[^`]*`' | tr -d '`' | sort -u)
# The words of the section INTERCEPTED CALLS that stand on lines of their own.
manual=$(sed -n '/^\.SH INTERCEPTED CALLS/,/^\.SH [^I]/p' "$top_srcdir/doc/onecopy.7" |
    grep -v '^\.' | grep -E '^[a-zA-Z0-9_ ]+$' | tr ' ' '\n' | grep . | sort -u)

n=0
same() {
    n=$((n + 1))
    local difference
    difference=$(diff <(echo "$1") <(echo "$2") | grep '^[<>]')
    if [ -z "$difference" ] && [ -n "$1" ]; then
        echo "ok $n - $3"
    else
        echo "not ok $n - $3"
        # shellcheck disable=SC2001
        echo "$difference" | sed 's/^/# /'
    fi
}
echo 1..3
same "$exported" "$catalogue" "the library exports what the catalogue lists"
same "$exported" "$manual" "the manual lists the same"
same "$(readelf -d "$library" | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p' | grep -v '^libdl')" libc.so.6 \
    "it links nothing but libc and libdl"
