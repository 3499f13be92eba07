#!/bin/bash
# The names that the library exports are those of the catalogue and of onecopy(7); it needs no
# library but libc, and of that nothing that allocates, locks, prints or could be intercepted.
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
# none NAMES TEXT: there is no such name
none() {
    n=$((n + 1))
    if [ -z "$1" ]; then echo "ok $n - $2"; else
        echo "not ok $n - $2"
        echo "# ${1//$'\n'/ }"
    fi
}
# needs FILE: the names that it leaves to others; those of the compiler's own support begin with __
needs() {
    comm -23 <(nm -u "$@" 2>/dev/null | awk 'NF == 2 { sub(/@.*/, "", $2); print $2 }' | sort -u) \
        <(nm --defined-only "$@" 2>/dev/null | awk 'NF == 3 { print $3 }' | sort -u)
}

echo 1..7
same "$exported" "$catalogue" "the library exports what the catalogue lists"
same "$exported" "$manual" "the manual lists the same"
same "$(readelf -d "$library" | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p' | grep -v '^libdl')" libc.so.6 \
    "it links nothing but libc and libdl"
core=$top_builddir/src/.libs/libcore.a
none "$(needs "$core" | grep -Ev '^(__|_GLOBAL_OFFSET_TABLE_|environ$|getauxval$|mem[a-z]*$|str[a-z]*$)')" \
    "the core calls nothing of libc's but what looks at memory and text"
none "$(needs "$library" | grep -Ex '(m|c|re)alloc|.*printf|perror|f?puts|fwrite|sem_.*|pthread_(create|mutex|rwlock|cond|spin|once|key).*')" \
    "the library neither allocates nor prints nor waits for locks of libc's"
# A program may have a function of such a name itself: libc would not call it, either.
calls=$(readelf -rW "$library" | awk '{ sub(/@.*/, "", $5); print $5 }' | sort -u)
none "$(comm -12 <(echo "$calls") <(echo "$exported"))" "the library calls its own functions, not the program's of the same name"
# One word of each known difference.
differences=$(sed -n '/^\.SH DIFFERENCES/,/^\.SH [^D]/p' "$top_srcdir/doc/onecopy.7")
missing=
for word in 'access times' IN_ACCESS fanotify /proc/PID/io strace /proc/PID/maps SigCgt SigBlk \
    coredump_filter fdinfo pidfd_getfd 'memory cgroup' overcommit NUMA PSS; do
    grep -q -- "$word" <<<"$differences" || missing="$missing $word"
done
none "$missing" "the manual tells the known differences"
