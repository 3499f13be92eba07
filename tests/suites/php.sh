# shellcheck shell=bash disable=SC2034,SC2154
# PHP's own tests, by the PHP that is installed; a part is a directory of them.
packages="php8.2-cli"
source="php8.2"
quick=""
parts="ext/standard/tests/file ext/standard/tests/dir ext/standard/tests/streams ext/standard/tests/filters
    ext/standard/tests/general_functions ext/spl/tests ext/pcntl/tests ext/posix/tests ext/phar/tests ext/fileinfo/tests tests/basic tests/lang Zend/tests/generators"

run_part() {
    cd "$cache/$source" || return
    under env TEST_PHP_EXECUTABLE=/usr/bin/php8.2 NO_INTERACTION=1 TMPDIR="$work" php8.2 run-tests.php -q \
        --offline --no-color "$1" >"$work/said" 2>&1
    sed -n 's/^\(\(.*\r\)\{0,1\}\)\([A-Z]*\) .*\[\(.*\.phpt\)\].*$/\3 \4/p' "$work/said" | while read -r how name; do
        case $how in
        PASS) result "$name" pass ;;
        SKIP) result "$name" skip ;;
        FAIL | XFAIL | BORK | LEAK) result "$name" fail
            tail -n 40 "${name%.phpt}.diff" >>"$cache/said-$suite-$pass" 2>/dev/null ;;
        esac
    done
}
