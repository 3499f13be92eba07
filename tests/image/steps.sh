#!/bin/bash
# Loaders that read in small steps end with all of the buffer lent: the page at each
# seam becomes the image's once both halves are there.
# shellcheck source=tests/image/image-tap.sh
. "$(dirname "$0")/image-tap.sh"
size=40000000
head -c $size /dev/urandom >"$work/f.dat"

# try MODE STEP FIRST LEND_MIN
try() {
    local said lent maps what="$1, $3 bytes and then steps of $2"
    settings="ONECOPY_LEND_MIN=$4"
    # Not from a pipe: the process has to have ended before its home is looked at.
    said=$(with_preload "$builddir/tests/image/steps" "$1" "$work/f.dat" "$2" "$3")
    read -r lent maps _ right <<<"$said"
    echo "# $what: $lent of $size bytes lent in $maps mappings"
    is "$right" right "$what: the bytes are right"
    # The ends, and what was read before the first look at the memory paid for itself.
    ok "$((lent + 1200000 < size))" "$what: lent"
    ok "$((maps > size / $2 + 8))" "$what: a mapping a step at most"
    is "$(contents "$home")" "" "$what: nothing is left"
}
try big 16777216 0 256K
try big 1048576 0 256K
try big 524288 4096 256K
try big 262144 8191 256K
try big 65536 100 64K
try grow 1000000 0 256K
try grow 524288 4096 256K
done_testing
