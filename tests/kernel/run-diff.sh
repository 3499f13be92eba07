#!/bin/sh
# The differential tester in its surroundings: the library preloaded, a home of
# its own, sections of a page, a pool of 64 K, lends from 4 K on.
# usage: run-diff.sh OPTION...  (see main.c)
# PLAIN=1: without the library.  SIZES=default: its own sizes.
# TESTER: a program that has the library linked in.
set -u
builddir=${top_builddir:-$(pwd)}
library=$builddir/src/.libs/libonecopy-preload.so
diff=$builddir/${TESTER:-tests/kernel/diff}
home=$(mktemp -d "${TMPDIR:-/tmp}/onecopy-home-XXXXXX") || exit 99
trap 'rm -rf "$home"' EXIT
trap 'exit 99' HUP INT TERM

if [ -z "${PLAIN:-}" ]; then
    ONECOPY_FILES='*.matched'
    ONECOPY_MIN_SIZE=0
    ONECOPY_DIR=$home
    export ONECOPY_FILES ONECOPY_MIN_SIZE ONECOPY_DIR
    if [ "${SIZES:-tiny}" = tiny ]; then
        ONECOPY_SECTION=$(getconf PAGESIZE)
        ONECOPY_POOL=64K
        ONECOPY_LEND_MIN=4K
        export ONECOPY_SECTION ONECOPY_POOL ONECOPY_LEND_MIN
    fi
    if [ -z "${TESTER:-}" ]; then
        LD_PRELOAD=$library${LD_PRELOAD:+:$LD_PRELOAD} "$diff" "$@"
    else
        "$diff" "$@"
    fi
else
    "$diff" "$@"
fi
