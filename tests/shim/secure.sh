#!/bin/bash
# A program that gains rights when it is executed takes no orders from the environment:
# the library, linked to it so that the loader lets it in, stays inert.
# shellcheck source=tests/shim/tool-tap.sh
. "$(dirname "$0")/tool-tap.sh"
program=$builddir/tests/shim/secure
[ -e "$builddir/src/.libs/libonecopy-preload.so" ] || skip_all "no shared library was built"
[ "$(id -u)" = 0 ] || skip_all "only root can make a set-user-ID program of another user"

# The program looks for the library here and nowhere else: LD_LIBRARY_PATH would be ignored.
place=/var/lib/onecopy-secure-test
mkdir "$place" || exit 99
trap 'rm -rf "$place" "$work"' EXIT
chmod 755 "$place"
yes onecopy | head -c 2000000 >"$place/data.matched"
chmod 644 "$place/data.matched"
cp "$builddir/src/.libs/libonecopy-preload.so" "$place/"
cp "$program" "$place/secure"
chmod 755 "$place/secure" "$place/libonecopy-preload.so"

# as_set NAME: run it with a home of its own
as_set() {
    home=$place/$1
    mkdir -m 700 "$home"
    chown 65534:65534 "$home"
    run env ONECOPY_FILES='*.matched' ONECOPY_MIN_SIZE=0 ONECOPY_DIR="$home" \
        ONECOPY_REPORT="$home/report" "${@:2}"
}

as_set plain setpriv --reuid 65534 --regid 65534 --clear-groups "$place/secure" "$place/data.matched"
is "$out" "secure 0, 2000000 bytes, 0 wrong" "without: the file is loaded"
ok "$([ -e "$home/history" ] && [ -s "$home/report" ]; echo $?)" "without: the library is at work"

chown 65534:65534 "$place/secure"
chmod 4755 "$place/secure"
as_set gained "$place/secure" "$place/data.matched"
if [ "${out#secure 0}" != "$out" ]; then
    skip "set-user-ID has no effect here" "the program gains rights"
else
    is "$out" "secure 1, 2000000 bytes, 0 wrong" "with: the file is loaded"
    is "$(ls -A "$home")" "" "with: the library has done nothing"
fi
done_testing
