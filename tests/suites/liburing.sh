# shellcheck shell=bash disable=SC2034,SC2154
# liburing's own tests: files read, opened and closed by rings beside libc's calls; the one
# part is all of them.
packages="build-essential liburing-dev"
source="liburing"
quick=""
limit=60
parts="all"

prepare() {
    [ -e test/.built ] || { ./configure && make -s -C src && make -s -k -C test -j2; touch test/.built; }
}

run_part() {
    local program
    cd "$cache/$source/test" || return
    for program in *.t; do
        [ -x "$program" ] && outcome "$program" "./$program"
    done
}
