#!/bin/bash
# doc/promises.md: each promise names at least one test, and each test that it names is there
# and is run; and each fault that the differential tester is tried with can be planted.
set -u
top=${top_srcdir:?}
n=0 rows=0
wrong=()
# shellcheck disable=SC2016 # backquotes of the page
while IFS= read -r row; do
    rows=$((rows + 1))
    proofs=0
    while IFS=$'\t' read -r file text; do
        proofs=$((proofs + 1))
        name=$(basename "$file")
        if ! grep -qF -- "$text" "$top/tests/$file" 2>/dev/null; then
            wrong+=("$file has no test \"$text\"")
        elif ! grep -qE "tests/${file%.*}(\.(sh|py))?( |\$)" "$top"/tests/*/local.mk "$top/Makefile.am"; then
            wrong+=("$name is not run")
        fi
    done < <(grep -oE '`([a-z]+/)?[a-z0-9_-]+\.[a-z]+`: "[^"]+"' <<<"$row" |
        sed -e 's/^`\([^`]*\)`: "\(.*\)"$/\1\t\2/' -e 's/\\|/|/g')
    [ "$proofs" -gt 0 ] || wrong+=("no test: $row")
done < <(grep '^| ' "$top/doc/promises.md" | grep -v '^| promise ')

check() {
    n=$((n + 1))
    if [ "$1" = 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; fi
}
echo 1..3
[ "$rows" -ge 60 ]
check $? "the page lists the promises ($rows)"
[ ${#wrong[@]} = 0 ] || printf '# %s\n' "${wrong[@]}"
check "${#wrong[@]}" "each is kept by tests that exist and are run"

# The faults that kernel/plant.sh plants go stale when the sources change.
stale=()
while IFS='|' read -r name file script _; do
    case $name in '#'* | '') continue ;; esac
    sed "$script" "$top/$file" | cmp -s - "$top/$file" && stale+=("$name")
done <"$top/tests/kernel/faults.txt"
[ ${#stale[@]} = 0 ] || printf '# %s\n' "${stale[@]}"
check "${#stale[@]}" "each planted fault still changes the sources"
