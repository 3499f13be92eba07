# shellcheck shell=bash disable=SC2034,SC2154
# git's own tests, by the git that is installed: index, objects and packs, written, mapped and read by
# many short processes; a part is what their names begin with.
packages="git build-essential zlib1g-dev"
source="git"
quick=""
limit=300
parts="t0001 t0013 t0021 t0060 t0061 t0090 t1000 t1005 t1006 t1007 t1050 t1060 t1100 t1400 t1404 t1410 t1420 t1450
    t1500 t1600 t1700 t2000 t2010 t2100 t2107 t2200 t2203 t3000 t3200 t3300 t3600 t3700 t3900 t4000 t4001 t4012 t4100
    t4200 t5000 t5001 t5300 t5301 t5302 t5303 t5304 t5305 t5306 t5307 t5308 t5309 t5310 t5313 t5314 t5316 t5318 t5319
    t5322 t5324 t5325 t5326 t5329 t5400 t5500 t5501 t5510 t5600 t5601 t5604 t5700 t6500 t6501 t7001 t7030 t7063 t7500
    t7700 t7701 t7702 t7703 t7800 t9300 t9350"

prepare() {
    [ -x t/helper/test-tool ] || make -s -j2 CFLAGS='-O0 -w' NO_TCLTK=1 NO_GETTEXT=1 NO_CURL=1 NO_EXPAT=1 \
        NO_OPENSSL=1 NO_PYTHON=1 t/helper/test-tool t/helper/test-fake-ssh GIT-BUILD-OPTIONS
    mkdir -p templates/blt
}

run_part() {
    local test name
    for test in "$cache/$source/t/$1"*.sh; do
        [ -e "$test" ] || continue
        name=$(basename "$test" .sh)
        (cd "$cache/$source/t" && under env GIT_TEST_INSTALLED=/usr/bin TEST_OUTPUT_DIRECTORY="$work" \
            HOME="$work" /bin/bash "./$name.sh" --root="$work/trash" >"$work/said" 2>&1)
        # Cases are told apart by number: what they are called is not always the same.
        tap <(sed -nE 's/^((not )?ok [0-9]+) -.*(# (skip|SKIP|TODO)).*/\1 \3/p; t
            s/^((not )?ok [0-9]+).*/\1/p' "$work/said") "$name"
        result "$name $(grep -cE '^(not )?ok ' "$work/said")" pass
        ! grep -q '^not ok' "$work/said" ||
            { echo "-- $pass $name"; grep -A12 '^not ok' "$work/said"; } >>"$cache/said-$suite-$pass"
        rm -rf "$work/trash"
    done
}
