#!/bin/sh
# The tables of variables, rule options, counters and reasons in the code, compared with those
# of the manual page and of README.md, in both directions.
LC_ALL=C
export LC_ALL
top_srcdir=${top_srcdir:-.}
top_builddir=${top_builddir:-.}
manual=$top_srcdir/doc/onecopy.7
readme=$top_srcdir/README.md
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

"$top_builddir/tests/unit/print_tables" >"$work/code" || echo failed >"$work/code"
sed -n 's/^variable \([^ ]*\) .*/\1/p' "$work/code" | sort >"$work/variables"
sed -n 's/^variable //p' "$work/code" | sed 's/ *$//' | sort >"$work/defaults"
sed -n 's/^option \([^ ]*\) .*/\1/p' "$work/code" | sort >"$work/options"

# The tags of the paragraphs in one section of the manual, without markup.
tags() {
    awk -v section="$1" '
        /^\.SH/ { inside = ($0 == ".SH " section) }
        inside && tag { print }
        { tag = ($0 == ".TP") }' "$manual" 2>/dev/null |
        sed 's/^\.[A-Z]* //; s/\\-/-/g; s/"//g'
}

# The first cells of the tables in README.md, one thing in backquotes a line.
cells() {
    sed -n 's/^| *\(`[^|]*\)|.*/\1/p' "$readme" 2>/dev/null | grep -o '`[^`]*`' | tr -d '`'
}

# Every name that looks like a variable.
mentioned() {
    grep -oh 'ONECOPY_[A-Z_]*[A-Z]' "$1" 2>/dev/null | sort -u
}

n=0
same() { # what, expected file, found file
    n=$((n + 1))
    if [ -s "$2" ] && cmp -s "$2" "$3"; then
        echo "ok $n - $1"
    else
        echo "not ok $n - $1"
        diff "$2" "$3" | sed 's/^/# /; s/^# </# only in the code:/; s/^# >/# only documented:/'
    fi
}

echo 1..10
tags ENVIRONMENT | sed 's/ *(default: \(.*\))$/ \1/' | sort >"$work/found"
same 'onecopy.7 has every variable with its default' "$work/defaults" "$work/found"
tags 'RULE OPTIONS' | sed 's/[= ].*//' | sort >"$work/found"
same 'onecopy.7 has every rule option' "$work/options" "$work/found"
mentioned "$manual" >"$work/found"
same 'onecopy.7 names no other variable' "$work/variables" "$work/found"

cells | grep '^ONECOPY_' | sort >"$work/found"
same "README.md's table has every variable" "$work/variables" "$work/found"
mentioned "$readme" >"$work/found"
same 'README.md names no other variable' "$work/variables" "$work/found"
while read -r option; do
    grep -q "\`${option}[\`=]" "$readme" 2>/dev/null && echo "$option"
done <"$work/options" >"$work/found"
same 'README.md has every rule option' "$work/options" "$work/found"

# What each default means, in the words of README.md's last column.
sed -n 's/^\(ONECOPY_[A-Z_]*\) \(.*\)/\1 \2/p' "$work/defaults" >"$work/wanted"
while read -r variable default; do
    sed -n "s/^| *\`$variable\` *|.*| *\`*\([^|\`]*\)\`* *|\$/\1/p" "$readme" 2>/dev/null |
        sed 's/ *$//' | grep -qx -- "$default" && echo "$variable $default"
done <"$work/wanted" >"$work/found"
same "README.md's table has the defaults" "$work/wanted" "$work/found"

# A section's paragraphs as "tag text", the text on one line.
paragraphs() {
    awk -v section="$1" '
        /^\.SH/ { inside = ($0 == ".SH " section); next }
        inside && $0 == ".TP" { getline; sub(/^\.B /, ""); tag = $0; getline; print tag " " $0 }' "$manual"
}
sed -n 's/^counter //p' "$work/code" | sort >"$work/counters"
paragraphs COUNTERS | sort >"$work/found"
same 'onecopy.7 has every counter and what it counts' "$work/counters" "$work/found"

# Why big reads are not lent: texts that are assigned to *why, and the verdicts on memory.
{
    grep -h -o 'why = "[^"]*"' "$top_srcdir/src/serve.c" "$top_srcdir"/src/image/lend.c \
        "$top_srcdir"/src/image/image.c "$top_srcdir"/src/image/join.c | sed 's/.*= //; s/"//g'
    sed -n '/OC_VMA_LENDABLE\] = /,/};/p' "$top_srcdir/src/base/vma.c" | grep -o '"[^"]*"' | tr -d '"' |
        grep -vx 'lendable memory'
} | sort -u >"$work/reasons"
sed -n 's/^    {"\([^"]*\)", "\([^"]*\)"},*$/\1 \2/p' "$top_srcdir/tools/meaning.c" | sort >"$work/meanings"
paragraphs REASONS | sort >"$work/found"
same 'onecopy.7 explains reasons as onecopy check does' "$work/meanings" "$work/found"
sed -n 's/^    {"\([^"]*\)", .*/\1/p' "$top_srcdir/tools/meaning.c" | sort >"$work/found"
same 'and these are the reasons in the code' "$work/reasons" "$work/found"
