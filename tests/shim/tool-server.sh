#!/bin/bash
# onecopy compare with programs that do not end by themselves: --until and --hold.
# shellcheck disable=SC2016
# shellcheck source=tests/shim/tool-tap.sh
. "$(dirname "$0")/tool-tap.sh"
# shellcheck disable=SC2154
page=$srcdir/tests/shim/page.py
python=/usr/bin/python3
[ -x "$python" ] || python=$(command -v python3) || skip_all "no python3"
mkdir "$work/tmp" "$work/home"
chmod 700 "$work/home"
export TMPDIR=$work/tmp
compare() { run "$onecopy" compare --dir "$work/home" --json "$work/j" "$@"; }
json() { "$python" "$page" json "$work/j" "$1" 2>&1; }
all() { json "[$1 for s in j['sides'] for p in j[s]['processes']]"; }

# ---- a server with a worker, that says when it is ready, and goes on talking ----
head -c 8000000 /dev/urandom >"$work/data.bin"
cat >"$work/server.py" <<'PY'
import os, sys, time
open(sys.argv[2], "a").write("%d\n" % os.getpid())
ballast = bytearray(40000000)
del ballast
data = open(sys.argv[1], "rb").read()
if os.fork() == 0:
    open(sys.argv[2], "a").write("%d\n" % os.getpid())
    time.sleep(1000)
print("half a line, ready to", end=" ", flush=True)
print("noise", file=sys.stderr, flush=True)
print("serve: %d" % data[1234], flush=True)
for i in range(100000):
    print("tick", i, flush=True)
    time.sleep(0.01)
PY
compare -n 2 --until 'ready to serve: [0-9]+$' --hold 1 --files "$work/*.bin" -- "$python" "$work/server.py" "$work/data.bin" "$work/pids"
is "$status" 0 "a server: exit status 0"
is "$err" "" "nothing on standard error"
like "$out" 'time until all were ready, s +[0-9.]+ +[0-9.]+' "the table tells when it was ready"
like "$out" 'identical \(2 of 2\)' "of what goes on being printed, the common beginning is compared"
is "$(all '(p["signal"], p["stopped"], p["killed"])' | tr -d ' ')" "$(json '[(15, True, False)] * 4' | tr -d ' ')" "each was ended by SIGTERM"
is "$(alive "$work/pids")" "0 of 8" "none is left, workers included"
is "$(all '0 < p["ready_seconds"] and p["wall_seconds"] - p["ready_seconds"] >= 1' | sort -u)" "[True, True, True, True]" "each ran on for the time to hold"
is "$(json '[max(p["ready_seconds"] for p in j[s]["processes"]) <= j[s]["ready_seconds"] for s in j["sides"]]')" "[True, True]" "all were ready when the last was"
steady='sorted(v["pss_bytes"] for v in j[s]["series"] if v["all_running"] and v["seconds"] >= j[s]["ready_seconds"])'
is "$(json "[s for s in j['sides'] if (lambda v: v[len(v) // 2])($steady) != j[s]['steady_pss_bytes']]")" "[]" "steady is the median of what was seen from then on"
is "$(json 'j["without"]["steady_pss_bytes"] < 2 * 40e6')" True "so what was only held before does not count"
is "$(json 'len(j["with"]["files"]), j["with"]["files"][0]["lent_calls"] + sum(r["reads"] for r in j["with"]["files"][0]["not_lent"])')" "(1, 2)" "what a killed process was served is known"
is "$(json 'j["until"], j["hold_seconds"]')" "('ready to serve: [0-9]+$', 1.0)" "json: what was asked for"

# ---- other servers ----
compare -n 1 --hold 0.3 --files x -- sleep 1000
is "$status" 0 "--hold alone counts from the start"
like "$out" 'wall time, s +0\.[3-9]|wall time, s +[1-9]' "and is held"
is "$(grep -c 'until all' <<<"$out")" 0 "without --until there is no time until it"
compare -n 1 --until 'on standard error' --hold 0.1 --files x -- sh -c 'printf "on standard error" >&2; exec sleep 1000'
is "$status" 0 "on standard error, and no newline behind it"
cat >"$work/polite.sh" <<'SH'
trap 'echo bye; exit 0' TERM
echo ready
while :; do sleep 0.05; done
SH
compare -n 2 --until '^ready$' --hold 0.2 --files x -- sh "$work/polite.sh"
is "$status $(all 'p.get("exit_status")')" "0 [0, 0, 0, 0]" "one that ends in good order"
compare -n 1 --until a --hold 1000 --files x -- sh -c 'echo a; exit 4'
is "$status $(all '(p.get("exit_status"), p["stopped"])')" "0 [(4, False), (4, False)]" "one that ends before its time has its own exit status"
like "$err" 'exit status 4' "and is a failure"
compare -n 1 --until b --files x -- sh -c 'echo a; echo b; sleep 0.5; echo c'
is "$status $(all 'p["output_bytes"]')" "0 [6, 6]" "--until alone ends nothing"
compare -n 1 --until ready --hold 0.1 --files x -- sh -c 'if [ -n "$LD_PRELOAD" ]; then trap "" TERM; fi; echo ready; while :; do sleep 0.2; done'
is "$status $(all '(p["signal"], p["killed"])')" "1 [(15, False), (9, True)]" "one that does not end when asked is killed, and that is a difference"
like "$out" '0 instances without and 1 with did not end when asked' "which is told"
compare -n 2 --until ready --hold 0.3 --files x -- sh -c 'echo ready; if [ -n "$LD_PRELOAD" ]; then echo more; else echo other; fi; exec sleep 1000'
is "$status" 1 "outputs of servers that differ are found"

# ---- never ready ----
rm "$work/j"
compare -n 3 --until 'never' --hold 1 --files x -- sh -c 'echo complaint >&2; exit 1'
is "$status" 2 "ended without being ready: exit status 2"
like "$err" "3 of 3 instances ended without having printed 'never'" "it is told"
like "$err" "complaint" "with what the first had to say"
ok "$([ ! -e "$work/j" ]; echo $?)" "and no figures are written"

# ---- mistakes ----
mistake() { # TEXT PATTERN ARG...
    local text=$1 pattern=$2
    shift 2
    compare "$@"
    is "$status $out" "2 " "$text: exit status 2, and nothing is run"
    one_line "$err" "$text: one line"
    like "$err" "$pattern" "$text: it says what is wrong"
}
mistake "a bad expression" "\-\-until: '\(a': " -n 1 --files x --until '(a' true
mistake "no time to hold" "more than 0" -n 1 --files x --hold 0 true
mistake "a negative time" "more than 0" -n 1 --files x --hold -1 true
mistake "a word for a time" "more than 0" -n 1 --files x --hold long true
mistake "no end of time" "more than 0" -n 1 --files x --hold 1e99 true

is "$(contents "$work/tmp")" "" "nothing is left in TMPDIR"
is "$(contents "$work/home")" "" "nor in the home"
done_testing
