#!/bin/bash
# The static tracepoints: those that doc/tracing.md lists, with as many arguments, when the build
# has them, and none when it has not.
set -u
library=$top_builddir/src/.libs/libonecopy-preload.so
n=0
is() {
    n=$((n + 1))
    if [ "$1" = "$2" ]; then
        echo "ok $n - $3"
    else
        echo "not ok $n - $3"
        diff <(echo "$2") <(echo "$1") | sed 's/^/# /'
    fi
}
notes=$(readelf -n "$library")
built=$(sed -n 's/^USDT_CPPFLAGS = *//p' "$top_builddir/Makefile")
# "name arguments", sorted; a place may be compiled more than once.
found=$(awk '$1 == "Provider:" && $2 != "onecopy" { print "stranger " $2 }
    $1 == "Name:" { name = $2 } $1 == "Arguments:" { print name, NF - 1 }' <<<"$notes" | sort -u)
documented=$(sed -n 's/^| `\([a-z_]*\)` | \([^|]*\) |.*/\1 \2/p' "$top_srcdir/doc/tracing.md" |
    awk '{ name = $1; $1 = ""; print name, gsub(",", ",") + 1 }' | sort)
written=$(grep -rhoE 'OC_PROBE\([a-z_]+' "$top_srcdir/src" --include='*.c' | sed 's/.*(//' | sort -u)

echo 1..3
is "$written" "$(cut -d' ' -f1 <<<"$documented")" "the tracepoints in the code are those in doc/tracing.md"
if [ -n "$built" ]; then
    is "$found" "$documented" "the library has them, with the arguments that are documented"
else
    is "$found" "" "this library is without them"
fi
is "$(readelf -d "$library" | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p' | grep -v -e '^libdl' -e '^libc\.so')" "" \
    "nothing is linked for them"
