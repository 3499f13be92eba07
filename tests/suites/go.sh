# shellcheck shell=bash disable=SC2034,SC2154
# Go's tests of its standard library, linked with libc so that a preload is there; a part is a
# package of them.  Go reads by system calls of its own, and sets its handlers so.
packages="golang-go golang-src gcc libc6-dev"
quick=""
parts="os os/exec os/signal os/user io io/fs io/ioutil bufio syscall archive/zip archive/tar internal/poll
    embed encoding/csv encoding/gob path/filepath plugin mime/multipart compress/gzip time"

prepare() {
    local part
    mkdir -p go && cd go || return
    for part in $parts; do
        [ -x "${part//\//-}" ] ||
            GOCACHE=$cache/go/cache GOFLAGS=-p=2 go test -c -o "${part//\//-}" -ldflags=-linkmode=external "$part" ||
            rm -f "${part//\//-}"
    done
    rm -rf "$cache/go/cache"
}

run_part() {
    local program=$cache/go/${1//\//-} goroot
    [ -x "$program" ] || return 0
    goroot=$(go env GOROOT)
    (cd "$goroot/src/$1" && under env TMPDIR="$work" "$program" -test.v -test.short >"$work/said" 2>&1)
    sed -nE 's/^ *--- (PASS|FAIL|SKIP): ([^ ]+) .*/\1 \2/p' "$work/said" | while read -r what name; do
        result "$1 $name" "$(echo "$what" | tr '[:upper:]' '[:lower:]')"
    done
    result "$1" "$(tail -1 "$work/said" | grep -q '^PASS' && echo pass || echo fail)"
    tail -1 "$work/said" | grep -q '^PASS' ||
        { echo "-- $pass $1"; tail -n 100 "$work/said"; } >>"$cache/said-$suite-$pass"
}
