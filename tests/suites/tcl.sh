# shellcheck shell=bash disable=SC2034,SC2154
# Tcl's own tests; a part is a file of them.
packages="tcl8.6"
source="tcl8.6"
quick=""
parts="io ioCmd ioTrans chan chanio fCmd fileName fileSystem cmdAH exec pid zlib source encoding unixFCmd
    unixFile unixInit event socket winPipe stringObj"

run_part() {
    local status=0
    (cd "$cache/$source/tests" && under tclsh8.6 all.tcl -file "$1.test" -tmpdir "$work" \
        -verbose pbstes >"$work/said" 2>&1) || status=$?
    sed -n 's/^++++ \(.*\) PASSED$/\1 pass/p; s/^==== \([^ ]*\) .*FAILED$/\1 fail/p; s/^++++ \([^ ]*\) SKIPPED.*/\1 skip/p' \
        "$work/said" | sort -u | while read -r name what; do
        result "$1 $name" "$what"
    done
    result "$1" "$([ $status = 0 ] && echo pass || echo fail)"
}
