# shellcheck shell=bash disable=SC2034,SC2154
# CPython's tests of sqlite3, which Debian's package leaves out.
packages="python3.11 libpython3.11-testsuite"
source="python3.11"
quick=""
parts="test_backup test_dbapi test_dump test_factory test_hooks test_regression test_transactions
    test_types test_userfunctions"

run_part() {
    local name what
    under /usr/bin/python3.11 - "$cache/$source/Lib/test" "test.test_sqlite3.$1" -v >"$work/said" 2>&1 <<'PY'
import sys, test, unittest
test.__path__.append(sys.argv.pop(1))
unittest.main(module=None)
PY
    sed -nE 's/^(test[^ ]*) \(([^)]*)\).*\.\.\. (ok|FAIL|ERROR|skipped).*/\2.\1 \3/p' "$work/said" | while read -r name what; do
        case $what in
        ok) result "$name" pass ;;
        skipped) result "$name" skip ;;
        *) result "$name" fail ;;
        esac
    done
    result "$1" "$(tail -1 "$work/said" | grep -q '^OK' && echo pass || echo fail)"
}
