# shellcheck shell=bash disable=SC2034,SC2154
# bash's own tests, by the bash that is installed: jobs, redirections, here documents, traps,
# coprocesses; the one part is all of them.
packages="bash build-essential"
source="bash"
quick=""
limit=120
parts="all"

prepare() {
    local name
    touch config.h
    for name in recho zecho xcase printenv; do
        [ -x "tests/$name" ] || gcc -w -std=gnu89 -Iinclude -I. -include unistd.h -include stdlib.h \
            -include string.h -o "tests/$name" "support/$name.c" || return
    done
}

# A run-NAME says how the shell's output is unlike what it should be, or nothing: what it says is
# the case.
run_part() {
    local test
    cd "$cache/$source/tests" || return
    export THIS_SH=/bin/bash BUILD_DIR=$cache/$source BASH_TSTOUT=$work/out TMPDIR=$work
    for test in run-*; do
        case $test in
        run-all | run-minimal | run-gprof) continue ;;
        esac
        under env PATH=".:$PATH" sh "$test" >"$work/said" 2>&1
        cp "$work/said" "$cache/said-$suite-$pass-$test"
        result "$test $(sed -e 's/[0-9]\{3,\}/N/g' -e "s,$work,W,g" "$work/said" | cksum | cut -d' ' -f1)" pass
    done
}
