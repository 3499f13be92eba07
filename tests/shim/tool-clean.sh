#!/bin/bash
# onecopy clean: images of killed processes go, images in use stay.
# shellcheck disable=SC2016
# shellcheck source=tests/shim/tool-tap.sh
. "$(dirname "$0")/tool-tap.sh"
python=/usr/bin/python3
[ -x "$python" ] || python=$(command -v python3) || skip_all "no python3"
home=$work/home
holder=
trap 'kill -9 $holder 2>/dev/null; rm -rf "$work"' EXIT
clean() { run "$onecopy" clean --dir "$home" "$@"; }
json() { "$python" -c 'import json, sys; j = json.loads(sys.argv[1]); print(eval(sys.argv[2]))' "$1" "$2" 2>&1; }

run "$onecopy" clean --dir "$work/nowhere"
is "$status" 0 "a home that does not exist is clean"
like "$out" '^0 removed' "and nothing was removed"

# A process that holds an image, for as long as we like.
head -c 6000000 /dev/urandom >"$work/data.bin"
hold() {
    "$onecopy" run --dir "$home" --files "$work/data.bin" -- "$python" -c '
import sys, time
data = open(sys.argv[1], "rb").read()
open(sys.argv[2], "w").write("ready")
time.sleep(600)' "$work/data.bin" "$work/ready" &
    holder=$!
    for _ in $(seq 400); do
        [ -s "$work/ready" ] && break
        sleep 0.05
    done
}

hold
clean
like "$status $out" "^0 in use +[0-9.]+ MB .*by .*$holder \(" "an image in use stays, and by whom is told"
like "$out" '0 removed .*1 in use' "and counted"
clean --force
like "$out" '0 removed .*1 in use' "even by force"
clean --json
is "$(json "$out" '(j["in_use"], j["removed"], j["in_use_bytes"] >= 6000000, j["images"][0]["state"])')" \
    "(1, 0, True, 'in use')" "and in JSON"

kill -9 "$holder"
wait "$holder" 2>/dev/null
clean
like "$status $out" '^0 removed .*1 removed' "the image of a killed process goes"
clean
like "$out" '^0 removed .* 0 in use .* 0 kept' "and is gone"
is "$(contents "$home")" "" "no file is left"

run "$onecopy" run --dir "$home" --linger 1000 --files "$work/data.bin" -- "$python" -c \
    'import sys; open(sys.argv[1], "rb").read()' "$work/data.bin"
clean
like "$status $out" '^0 kept .*1 kept for a while' "an image that lingers is kept"
clean --force
like "$status $out" '^0 removed .*1 removed' "and removed by force"

# Without /proc, as in some chroots, nothing can be told.
"$onecopy" run --dir "$home" --files "$work/data.bin" -- "$python" -c \
    'import os, sys; d = open(sys.argv[1], "rb").read(); os.kill(os.getpid(), 9)' "$work/data.bin" 2>/dev/null
run unshare -rm bash -c 'mount -t tmpfs none /proc && { "$1" clean --dir "$2"; echo $? >&2; }' bash "$onecopy" "$home"
if [ "$status" = 0 ]; then
    like "$out$err" '^onecopy: /proc/self/maps: [^'$'\n'']*'$'\n''2$' "without /proc it says so, and fails"
else
    skip "no namespaces" "without /proc"
fi
latin=$work/$'lat\xefn'
mv "$home" "$latin"
run "$onecopy" clean --dir "$latin" --json
is "$(json "$out" '(j["removed"], j["images"][0]["home"])')" "(1, '$work/lat?n')" "a home of any name is cleaned"
run "$python" -c 'import os, subprocess, sys
r, w = os.pipe()
os.close(r)
sys.exit(subprocess.run(sys.argv[1:], stdout=w).returncode)' "$onecopy" clean --dir "$latin"
is "$status $err" "2 onecopy: standard output: Broken pipe" "a closed pipe is an error of one line"
mkdir -m 755 "$work/open"
run "$onecopy" clean --dir "$work/open"
is "$status" 2 "a folder that is no home is refused"
one_line "$err" "in one line"
run "$onecopy" clean stray
is "$status" 2 "an argument is a mistake"
run "$onecopy" clean --nope
is "$status" 2 "so is an unknown option"
status=0
"$onecopy" clean --dir "$home" >/dev/full 2>"$work/err" || status=$?
is "$status" 2 "a full disk is an error"
done_testing
