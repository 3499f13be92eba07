# shellcheck shell=bash disable=SC2034
# What the shell tests share: TAP, a scratch folder, the command under test.
# Sourced.  Defines ok, is, like, one_line, run, skip, contents, alive, done_testing; $work is removed at exit.
set -u
export LC_ALL=C
unset "${!ONECOPY_@}" LD_PRELOAD
builddir=${top_builddir:-$(pwd)}
srcdir=${top_srcdir:-$(cd "$(dirname "$0")/../.." && pwd)}
onecopy=$builddir/tools/onecopy
work=$(mktemp -d "${TMPDIR:-/tmp}/onecopy-test.XXXXXX") || exit 99
trap 'rm -rf "$work"' EXIT
trap 'exit 99' INT TERM HUP
tests=0

# ok STATUS TEXT
ok() {
    tests=$((tests + 1))
    if [ "$1" = 0 ]; then
        echo "ok $tests - $2"
    else
        echo "not ok $tests - $2"
    fi
    return 0
}

# is GOT EXPECTED TEXT
is() {
    if [ "$1" = "$2" ]; then
        ok 0 "$3"
    else
        ok 1 "$3"
        printf '# got:      %s\n# expected: %s\n' "${1//$'\n'/$'\n#   '}" "${2//$'\n'/$'\n#   '}"
    fi
}

# like GOT PATTERN TEXT: an extended regular expression somewhere in it
like() {
    if [[ $1 =~ $2 ]]; then
        ok 0 "$3"
    else
        ok 1 "$3"
        printf '# got:        %s\n# no match of %s\n' "${1//$'\n'/$'\n#   '}" "$2"
    fi
}

# one_line TEXT WHAT: a single line, as an error message has to be
one_line() {
    is "$(printf '%s\n' "$1" | grep -c .)" 1 "$2"
}

skip() {
    tests=$((tests + 1))
    echo "ok $tests - $2 # SKIP $1"
}

# How many of the processes listed in a file are still there.
alive() {
    local pid listed=0 alive=0
    while read -r pid; do
        listed=$((listed + 1))
        kill -0 "$pid" 2>/dev/null && alive=$((alive + 1))
    done <"$1"
    echo "$alive of $listed"
}

skip_all() {
    echo "1..0 # SKIP $1"
    exit 0
}

# run COMMAND...: $status, $out and $err are what became of it.
run() {
    status=0
    "$@" >"$work/.out" 2>"$work/.err" </dev/null || status=$?
    out=$(<"$work/.out")
    err=$(<"$work/.err")
}

# What lies in a folder, but for the tables that may stay in a home.
contents() {
    find "$1" -mindepth 1 ! -name ledger ! -name history ! -name hot -printf '%P\n'
}

done_testing() {
    echo "1..$tests"
}
