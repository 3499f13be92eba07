#!/bin/bash
# onecopy stat: its figures against /proc/PID/smaps, its formats, its manners.
# shellcheck source=tests/shim/tool-tap.sh
. "$(dirname "$0")/tool-tap.sh"
python=/usr/bin/python3
[ -x "$python" ] || python=$(command -v python3) || skip_all "no python3"
home=$work/home
holders=()
# shellcheck disable=SC2154
trap 'kill -9 "${holders[@]}" 2>/dev/null; rm -rf "$work"' EXIT
shared() { run "$onecopy" stat --dir "$home" "$@"; }
json() { "$python" -c 'import json, sys; j = json.load(open(sys.argv[1])); print(eval(sys.argv[2]))' "$work/.out" "$1" 2>&1; }

shared
like "$status $out" '^0 0 processes, 0 images: .* 0.0 MB saved' "nothing is shared in a home that does not exist"
shared --json
is "$(json '(j["images"], j["processes"], j["saved_bytes"])')" "([], [], 0)" "nor in JSON"

# Processes that hold a file, change every tenth page of it and wait; $2 more are forked.
data=$work/odd\"name.bin
head -c 6000000 /dev/urandom >"$data"
hold() {
    "$onecopy" run --dir "$home" --files "$work/odd*" -- "$python" -c '
import ctypes, os, sys, time
data = open(sys.argv[1], "rb").read()
at = id(data) + bytes.__basicsize__ - 1
for i in range(0, len(data), 40960):
    ctypes.memset(at + i, 88, 1)
if int(sys.argv[3]) and os.fork() == 0:
    sys.argv[2] += "-child"
open(sys.argv[2], "w").write("ready")
time.sleep(600)' "$data" "$work/ready$1" "$2" &
    holders+=($!)
    for _ in $(seq 400); do
        [ -s "$work/ready$1" ] && break
        sleep 0.05
    done
}
hold 1 0
hold 2 0
shared --json
cp "$work/.out" "$work/stat.json"
is "$(json '[(i["users"], i["shift"], i["file_bytes"]) for i in j["images"]]')" "[(2, 48, 6000000)]" \
    "two processes use one image"
is "$(json 'j["images"][0]["file"]')" "$(realpath "$data")" "its file is named"
is "$(json 'sorted(p["pid"] for p in j["processes"])')" "[${holders[0]}, ${holders[1]}]" "they are those that hold it"

"$python" - "$work/stat.json" "$home" >"$work/differences" <<'END'
import json, os, re, sys
stat = json.load(open(sys.argv[1]))
page = os.sysconf("SC_PAGE_SIZE")
inodes = {os.stat(os.path.join(sys.argv[2], n)).st_ino for n in os.listdir(sys.argv[2])}
for process in stat["processes"]:
    size = anonymous = 0
    inside = False
    for line in open("/proc/%d/smaps" % process["pid"]):
        head = re.match(r"[0-9a-f]+-[0-9a-f]+ (\S+) \S+ \S+ (\d+)", line)
        if head:
            inside = int(head[2]) in inodes and head[1] == "rw-p"
        elif inside and line.startswith("Size:"):
            size += int(line.split()[1]) * 1024
        elif inside and line.startswith("Anonymous:"):
            anonymous += int(line.split()[1]) * 1024
    use, = process["uses"]
    print(size > 5900000, anonymous > 100 * page, abs(use["lent_bytes"] - size) <= page,
          abs(use["copied_bytes"] - anonymous) <= page,
          abs(use["shared_bytes"] - (size - anonymous)) <= page)
END
yes="True True True True True"
is "$(<"$work/differences")" "$yes"$'\n'"$yes" "lent, copied and shared agree with smaps within a page"
is "$(json 'j["saved_bytes"] == sum(p["uses"][0]["shared_bytes"] for p in j["processes"]) - j["image_bytes"]')" \
    True "saved is what is shared, less the image"

shared
like "$status $out" "^0 .*IMAGE MB.* 48 +2 .*odd.*${holders[0]} python3.*2 processes, 1 image" "the same as a table"

shared --prometheus
is "$status" 0 "metrics"
"$python" - "$work/.out" >"$work/parsed" 2>&1 <<'END'
import re, sys
name = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
label = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\"n])*"'
sample = re.compile(r"(%s)(?:\{(%s(?:,%s)*)\})? (-?[0-9]+)\Z" % (name, label, label))
kinds, helps, seen, last, values = {}, set(), set(), None, {}
text = open(sys.argv[1]).read()
assert text.endswith("\n")
for line in text[:-1].split("\n"):
    comment = re.match(r"# (HELP|TYPE) (%s) (.+)\Z" % name, line)
    if comment:
        table = kinds if comment[1] == "TYPE" else None
        assert comment[2] not in (kinds if table is not None else helps), line
        assert comment[2] not in values, line
        if table is None: helps.add(comment[2])
        else: kinds[comment[2]] = comment[3]
        continue
    match = sample.match(line)
    assert match, line
    assert (match[1], match[2]) not in seen, line
    seen.add((match[1], match[2]))
    assert kinds[match[1]] == ("counter" if match[1].endswith("_total") else "gauge") and match[1] in helps, line
    assert last == match[1] or match[1] not in values, line
    last = match[1]
    values.setdefault(match[1], []).append(int(match[3]))
print(values["onecopy_processes"], len(values["onecopy_shared_bytes"]), values["onecopy_image_users"],
      'odd\\"name' in text)
END
is "$(<"$work/parsed")" "[2] 2 [2] True" "which a parser of the text format takes"

if "$python" -c 'import prometheus_client' 2>/dev/null; then
    "$python" - "$work/.out" >"$work/parsed" 2>&1 <<'END'
import sys
from prometheus_client.parser import text_string_to_metric_families
families = {f.name: f for f in text_string_to_metric_families(open(sys.argv[1]).read())}
shared = families["onecopy_shared_bytes"].samples
print(families["onecopy_processes"].samples[0].value, len({s.labels["pid"] for s in shared}), {s.labels["shift"] for s in shared})
END
    is "$(<"$work/parsed")" "2.0 2 {'48'}" "Prometheus's own client library parses them"
else
    skip "no prometheus_client" "Prometheus's own client library"
fi
if command -v promtool >/dev/null; then
    ok "$(promtool check metrics <"$work/.out" >&2; echo $?)" "promtool has nothing to object to"
else
    skip "no promtool" "promtool"
fi

shared --prometheus --output "$work/onecopy.prom"
is "$status $out" "0 " "into a file"
is "$(sed 's/ [0-9-]*$//' "$work/onecopy.prom")" "$(run "$onecopy" stat --dir "$home" --prometheus && sed 's/ [0-9-]*$//' "$work/.out")" \
    "the same as on standard output"

# ---- counters: what the process itself reports when it ends ----
"$onecopy" run --dir "$home" --report "$work/report" --files "$work/odd*" -- "$python" -c '
import os, sys, time
fd = os.open(sys.argv[1], os.O_RDONLY)
for i in range(3000): os.pread(fd, 1000, i * 100)
buffer = bytearray(400000)
for i in range(6): os.preadv(fd, [buffer], i * 400000)
open(sys.argv[2], "w").write("ready")
while not os.path.exists(sys.argv[2] + "-go"): time.sleep(0.05)' "$data" "$work/counted" &
counting=$!
holders+=("$counting")
for _ in $(seq 400); do
    [ -s "$work/counted" ] && break
    sleep 0.05
done
shared --json
mine="[p for p in j['processes'] if p['pid'] == $counting][0]"
live=$(json "' '.join('%s=%d' % c for c in ${mine}['counters'].items())")
is "$(json "${mine}['counters']['copied_calls'] + ${mine}['counters']['kernel_calls'] + ${mine}['counters']['lent_calls'] >= 3006")" True \
    "every read is counted"
like "$(json "${mine}['not_lent']")" "'[a-z ]+': [1-6]" "and why big ones were not lent"
shared
like "$out" "HITS +MISSES +RATE.*[0-9]+\.[0-9]% +[0-9]+ +$counting python3" "hits, misses and rate are in the table"
shared --prometheus
like "$out" "onecopy_copied_calls_total\{pid=\"$counting\"" "and among the metrics"
if strace -qq -o /dev/null -e inject=process_vm_readv:error=EPERM true 2>/dev/null; then
    run strace -qq -o /dev/null -e inject=process_vm_readv:error=EPERM "$onecopy" stat --dir "$home"
    like "$status $out" '^0 .*LENT MB.*[(]the counters of 3 processes could not be read' \
        "where they may not be read, that is told, and the rest is shown"
else
    skip "no strace" "where counters may not be read"
fi
run "$onecopy" stat --dir "$work/other" --json
is "$status $(json 'j["processes"]')" "0 []" "a process of another home is not shown with --dir"
touch "$work/counted-go"
wait "$counting"
is "$live" "$(sed -n "s/.* pid=$counting name=[^ ]* //p" "$work/report")" "the process reports the same at its end"

hold 3 1
for _ in $(seq 400); do
    [ -s "$work/ready3-child" ] && break
    sleep 0.05
done
shared --json
is "$(json 'sum(u["inherited"] for p in j["processes"] for u in p["uses"])')" 1 "what is inherited by fork is told"
is "$(json 'j["inherited_bytes"] > 5000000 and j["saved_bytes"] < 3 * 6000000 - j["image_bytes"]')" True \
    "and not counted as saved"
# shellcheck disable=SC2046 # a word for each process
kill -9 "${holders[@]}" $(json '" ".join(str(p["pid"]) for p in j["processes"])') 2>/dev/null
wait 2>/dev/null
shared --json
is "$(json '(len(j["images"]), j["processes"], j["saved_bytes"] < -5000000)')" "(1, [], True)" \
    "an image that is left over saves nothing"

shared stray
is "$status" 2 "an argument is a mistake"
shared --nope
is "$status" 2 "so is an unknown option"
one_line "$err" "told in one line"
shared -o "$work/nowhere/file"
is "$status" 2 "so is a file that cannot be written"
one_line "$err" "told in one line"
run "$onecopy" stat --dir "$data"
is "$status $out" "2 " "so is a home that is no folder"
one_line "$err" "told in one line"
# shellcheck disable=SC2016
run unshare -rm bash -c 'mount -t tmpfs none /proc && { "$1" stat; echo $? >&2; }' bash "$onecopy"
if [ "$status" = 0 ]; then
    like "$out$err" '^onecopy: /proc/self/maps: [^'$'\n'']*'$'\n''2$' "without /proc it says so, and fails"
else
    skip "no namespaces" "without /proc"
fi
run "$python" -c 'import os, subprocess, sys
r, w = os.pipe()
os.close(r)
sys.exit(subprocess.run(sys.argv[1:], stdout=w).returncode)' "$onecopy" stat --dir "$home" --json
is "$status $err" "2 onecopy: standard output: Broken pipe" "a closed pipe is an error of one line"
for output in "" "--json" "--prometheus"; do
    status=0
    # shellcheck disable=SC2086
    "$onecopy" stat --dir "$home" $output >/dev/full 2>"$work/err" || status=$?
    is "$status" 2 "a full disk is an error${output:+ with $output}"
done
shared -o /dev/full
is "$status" 2 "also by --output"
done_testing
