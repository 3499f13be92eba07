#!/bin/bash
# onecopy compare: what it prints, writes and returns, and that nothing is left behind.
# shellcheck disable=SC2016
# shellcheck source=tests/shim/tool-tap.sh
. "$(dirname "$0")/tool-tap.sh"
python=/usr/bin/python3
[ -x "$python" ] || python=$(command -v python3) || skip_all "no python3"
mkdir "$work/tmp" "$work/home"
chmod 700 "$work/home"
export TMPDIR=$work/tmp
compare() { run "$onecopy" compare --dir "$work/home" "$@"; }
# json FILE EXPRESSION: a value of the parsed file, as j
json() { "$python" -c 'import json, sys; j = json.load(open(sys.argv[1])); print(eval(sys.argv[2]))' "$1" "$2" 2>&1; }

head -c 8000000 /dev/urandom >"$work/data.bin"
load='
import sys, time
data = open(sys.argv[1], "rb").read()
print(len(data), data[12345], data[-1])
time.sleep(0.4)'

# ---- an ordinary comparison ----
compare -n 3 --files "$work/*.bin" --json "$work/j" -- "$python" -c "$load" "$work/data.bin"
is "$status" 0 "identical outputs: exit status 0"
is "$err" "" "no progress where standard error is no terminal"
like "$out" 'PSS of all, peak, MB +[0-9.]+ +[0-9.]+ +[0-9.]+' "the table has the peak of PSS, with and without"
like "$out" 'wall time, s +[0-9.]+ +[0-9.]+' "and the time"
like "$out" 'identical \(3 of 3\)' "and says that outputs are identical"
like "$out" "$work/home" "and which home is used"
is "$(json "$work/j" 'j["n"]')" 3 "json: n"
is "$(json "$work/j" 'j["outputs_identical"]')" True "json: outputs_identical"
is "$(json "$work/j" 'j["command"][1]')" -c "json: the command"
keys='["peak_pss_bytes", "steady_pss_bytes", "peak_rss_bytes", "peak_private_bytes", "wall_seconds", "cpu_seconds", "minor_faults", "major_faults", "mem_available_drop_bytes", "max_rss_bytes", "disk_read_bytes", "samples"]'
for side in without with; do
    is "$(json "$work/j" "[k for k in $keys if not isinstance(j['$side'][k], (int, float))]")" "[]" "json: the numbers $side"
    is "$(json "$work/j" "[p['exit_status'] for p in j['$side']['processes']]")" "[0, 0, 0]" "json: every instance $side"
done
is "$(json "$work/j" 'type(j["with"]["image_bytes"]).__name__')" int "json: image_bytes"
is "$(json "$work/j" 'abs(j["pss_ratio"] - j["with"]["peak_pss_bytes"] / j["without"]["peak_pss_bytes"]) < 1e-6')" True "json: pss_ratio is the ratio of the peaks"
is "$(json "$work/j" '3 * 8e6 < j["without"]["peak_pss_bytes"] < 3 * 40e6')" True "three copies are seen without"

# The numbers against an independent look: one process that holds 64 MB and a child with 32 MB.
cat >"$work/tree.py" <<'PY'
import os, time
block = b"x" * 64000000
if os.fork() == 0:
    block = b"y" * 32000000
    time.sleep(3)
    os._exit(0)
os.wait()
PY
compare -n 2 --files nothing --json "$work/j" -- "$python" "$work/tree.py"
is "$(json "$work/j" '2 * 96e6 <= j["without"]["peak_pss_bytes"] <= 2 * 96e6 * 1.25')" True "descendants are counted too"
is "$(json "$work/j" '0.9 < j["pss_ratio"] < 1.15')" True "nothing shared: a ratio of 1"

# The child of a vfork has its parent's memory, which is there once.
cat >"$work/vfork.py" <<'PY'
import ctypes, time
block = b"x" * 64000000
libc = ctypes.CDLL(None)
stack = ctypes.create_string_buffer(65536)
CLONE_VM, SIGCHLD = 0x100, 17
child = libc.clone(libc.usleep, ctypes.c_void_p(ctypes.addressof(stack) + 65536 - 256), CLONE_VM | SIGCHLD, 500000)
assert child > 0
time.sleep(0.8)
PY
compare -n 1 --files nothing --json "$work/j" -- "$python" "$work/vfork.py"
is "$(json "$work/j" '64e6 <= j["without"]["peak_pss_bytes"] <= 64e6 * 1.25')" True "processes that share their memory are counted once"

# ---- images without any process are on our bill ----
mkdir -m 700 "$work/home2"
head -c 5000000 /dev/urandom >"$work/home2/unused"
run "$onecopy" compare --dir "$work/home2" -n 1 --files nothing --json "$work/j" -- sleep 0.3
is "$(json "$work/j" 'j["with"]["peak_pss_bytes"] - j["with"]["unmapped_image_bytes"] < 5e6 <= j["with"]["unmapped_image_bytes"]')" True "memory of the home that nobody maps is counted"
like "$out" 'were there before' "and that it was there before is said"

# ---- outputs that differ ----
compare -n 2 --files x --json "$work/j" -- sh -c 'echo "$LD_PRELOAD"'
is "$status" 1 "outputs that differ: exit status 1"
is "$(json "$work/j" 'j["outputs_identical"]')" False "json says so"
like "$out" 'NOT identical' "and the table"
compare -n 2 --files x -- sh -c 'test -z "$ONECOPY_FILES"'
is "$status" 1 "exit statuses that differ: exit status 1"
compare -n 2 --files x -- sh -c 'echo same; echo complaint >&2; exit 3'
is "$status" 0 "failing alike is identical"
like "$err" complaint "what failing instances say is shown"
compare -n 2 --files x -- sh -c 'echo quiet >&2'
is "$err" "" "what others say is not"
compare -n 2 -v --files x -- sh -c 'echo quiet >&2'
is "$(grep -c quiet <<<"$err")" 4 "but with --verbose"
compare -n 2 --files x --json "$work/j" -- sh -c 'kill -SEGV $$'
is "$status $(json "$work/j" 'j["with"]["processes"][0]["signal"]')" "0 11" "a death by signal is recorded"
ONECOPY_FILES=x compare -n 1 -- sh -c 'env | grep -c -e ^ONECOPY_ -e ^LD_PRELOAD.*onecopy; true'
is "$status" 1 "without is without any of it, whatever the environment says"

# ---- standard input, quick and long programs ----
printf 'first line\nsecond\n' >"$work/in"
compare -n 2 --files x --stdin "$work/in" --json - -- head -n 1
printf '%s' "$out" >"$work/j"
is "$(json "$work/j" '[p["output_bytes"] for p in j["with"]["processes"]]')" "[11, 11]" "each instance reads its own standard input"
compare -n 5 --files x --json "$work/j" -- true
is "$status" 0 "a program that ends at once"
is "$(json "$work/j" 'j["without"]["max_rss_bytes"] > 0')" True "has at least its own account"
compare -n 60 --files x --interval 5 -- sh -c 'exec sleep 0.2'
like "$status $out" '^0.*60 of 60' "sixty at once"
compare -n 2 --files x -- sh -c 'sleep 1000 & echo $! >>'"$work/sleepers"
like "$out" 'outlived' "processes that outlive their instance are told"
is "$(alive "$work/sleepers")" "0 of 4" "and ended"

# ---- files ----
echo old >"$work/target"
ln -s target "$work/jlink"
compare -n 1 --files x --json "$work/jlink" true
is "$(json "$work/target" 'j["n"]') $(readlink "$work/jlink")" "1 target" "--json writes through a symbolic link"
compare -n 1 --files x --json /dev/null true
is "$status $(stat -c %F /dev/null)" "0 character special file" "--json /dev/null stays a device"
(umask 027; compare -n 1 --files x --json "$work/mode" true)
is "$(stat -c %a "$work/mode")" 640 "--json's file has the usual mode"

# ---- interruption ----
"$onecopy" compare --dir "$work/home" -n 2 --files x --json "$work/never" -- \
    sh -c 'echo $$ >>'"$work/pids"'; trap "" TERM; while :; do sleep 0.1; done' >"$work/.out" 2>&1 &
pid=$!
for _ in $(seq 200); do
    [ "$(grep -c . "$work/pids" 2>/dev/null)" = 2 ] && break
    sleep 0.05
done
kill -TERM "$pid"
wait "$pid"
is $? 143 "interrupted, it dies of the signal"
is "$(alive "$work/pids")" "0 of 2" "its instances do not outlive it"
ok "$([ ! -e "$work/never" ]; echo $?)" "and no result is written"

# ---- mistakes ----
mistake() { # STATUS TEXT ARG...
    local expected=$1 text=$2
    shift 2
    compare "$@"
    is "$status" "$expected" "$text: exit status"
    one_line "$err" "$text: one line"
}
mistake 2 "no number" --files x true
mistake 2 "zero instances" -n 0 --files x true
mistake 2 "no number but a word" -n many --files x true
mistake 2 "a negative number" -n -3 --files x true
mistake 2 "no command" -n 2 --files x
mistake 2 "no such input" -n 2 --files x --stdin /nonexistent true
mistake 2 "a folder for the JSON that does not exist" -n 2 --files x --json /nonexistent/j true
mistake 2 "a bad size" -n 2 --files x --pool big true
mistake 2 "an unknown option" -n 2 --files x --nope true
mistake 127 "no such command" -n 2 --files x nonexistent-command
mistake 126 "not executable" -n 2 --files x /etc
status=0
"$onecopy" compare --dir "$work/home" -n 1 --files x true >/dev/full 2>"$work/err" || status=$?
is "$status" 2 "a full disk is an error"

is "$(contents "$work/tmp")" "" "nothing is left in TMPDIR"
is "$(contents "$work/home")" "" "nor in the home"
done_testing
