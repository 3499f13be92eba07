# shellcheck shell=bash disable=SC2034,SC2154
# perl's own tests, by the perl that is installed; a part is a directory of them.
packages="perl libperl5.36"
source="perl"
quick=""
parts="io op lib comp run mro re"

# They want to be in t, beside lib and the perl they try.
prepare() {
    local from
    [ -e tree/t/perl ] && return
    mkdir -p tree/lib && cp -r t tree/ || return
    for from in $(perl -e 'print join " ", grep { m{perl-base$|/perl/5} && -d } reverse @INC') "$PWD/lib"; do
        cp -rsn "$from/." tree/lib/ || :
    done
    cp -rsn "$PWD/MANIFEST" tree/ && ln -s /usr/bin/perl tree/perl && ln -s /usr/bin/perl tree/t/perl
}

# A test's lines by their numbers: some names hold addresses and process ids.
run_part() {
    local test status
    cd "$cache/$source/tree/t" || return
    for test in "$1"/*.t; do
        status=0
        under ./perl "$test" >"$work/said" 2>"$work/errors" || status=$?
        sed -n 's/^\(not \)\{0,1\}ok \([0-9]*\).*/\2 \1/p' "$work/said" | sort -u | while read -r number not; do
            result "$test $number" "$([ -z "$not" ] && echo pass || echo fail)"
        done
        result "$test" "$([ $status = 0 ] && echo pass || echo fail)"
    done
}
