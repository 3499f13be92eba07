#!/bin/bash
# What images cost and save, as tables for doc/images.md.
#
# usage: images.sh [--size BYTES] [--dir HOME] [table|fill|steps|stream]...
# In the build directory, or with top_builddir set.  Needs python3.
set -u
builddir=${top_builddir:-$(pwd)}
preload=$builddir/src/.libs/libonecopy-preload.so
size=460000000 home=/dev/shm/onecopy-bench parts=()
while [ $# -gt 0 ]; do
    case $1 in
    --size) size=$2; shift ;;
    --dir) home=$2; shift ;;
    *) parts+=("$1") ;;
    esac
    shift
done
[ ${#parts[@]} -gt 0 ] || parts=(table fill steps stream)
[ -e "$preload" ] || { echo "no $preload: run make first" >&2; exit 1; }
unset "${!ONECOPY_@}"
work=$(mktemp -d /var/tmp/onecopy-bench.XXXXXX) || exit 1
mkdir -p "$home"
chmod 700 "$home"
trap 'rm -rf "$work" "$home"' EXIT
file=$work/bench.dat
head -c "$size" /dev/urandom >"$file"
cat "$file" >/dev/null

with() { # with RULE-OPTIONS COMMAND...
    (become "$@")
}
become() {
    local options=$1
    shift
    exec env LD_PRELOAD="$preload" ONECOPY_FILES="$file$options" ONECOPY_DIR="$home" "$@"
}

# N loaders at once, each loads the file and touches it; then the sum of their Pss and of
# the CPU time, the wall time of the slowest, and rchar (what they asked of the kernel).
cat >"$work/many.py" <<'PY'
import os, subprocess, sys, time
n, one_by_one, command = int(sys.argv[1]), sys.argv[2] == "one", sys.argv[3:]
begin = time.monotonic()
procs = []
for i in range(n):
    procs.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
    if one_by_one:
        procs[-1].stdout.readline()
if not one_by_one:
    for p in procs:
        p.stdout.readline()
wall = time.monotonic() - begin
pss = rchar = cpu = 0
for p in procs:
    with open(f"/proc/{p.pid}/smaps_rollup") as f:
        pss += sum(int(l.split()[1]) for l in f if l.startswith("Pss:"))
    with open(f"/proc/{p.pid}/io") as f:
        rchar += int(f.readline().split()[1])
    with open(f"/proc/{p.pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    cpu += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
for p in procs:
    p.stdin.close()
    p.wait()
print(pss // 1024, round(wall, 2), round(cpu, 2), rchar // 1000000, pss)
PY
cat >"$work/load.py" <<'PY'
import sys
data = open(sys.argv[1], "rb", buffering=0).read()
sum(data[::4096])
print(len(data), flush=True)
sys.stdin.read()
PY
many() { # many N together|one OPTIONS|plain
    if [ "$3" = plain ]; then
        python3 "$work/many.py" "$1" "$2" /usr/bin/python3 "$work/load.py" "$file"
    else
        with "$3" python3 "$work/many.py" "$1" "$2" /usr/bin/python3 "$work/load.py" "$file"
    fi
}

table() {
    local n p w own
    : >"$work/empty"
    own=$(file=$work/empty many 4 one plain | cut -d' ' -f5)
    own=$((own / 4))
    echo "N loaders of $((size / 1000000)) MB, one after another; each program's own memory: $own KiB"
    echo "| N | PSS plain, MiB | PSS with, MiB | (with - N own) / file |"
    for n in 1 2 4 8 16 32 64; do
        p=-
        [ $((n * size)) -gt 4000000000 ] || p=$(many $n one plain | cut -d' ' -f1)
        w=$(many $n one ,unchanging | cut -d' ' -f5)
        echo "| $n | $p | $((w / 1024)) | $(awk "BEGIN { printf \"%.3f\", ($w - $n * $own) * 1024 / $size }") |"
    done
}

fill() {
    local how
    echo "4 loaders of $((size / 1000000)) MB at once (wall and CPU in s, rchar in MB):"
    echo "| | PSS, MiB | wall | CPU | rchar | rchar / file |"
    for how in plain "" ,unchanging; do
        for _ in 1 2 3; do
            read -r pss wall cpu rchar _ < <(many 4 together "$how")
            echo "| ${how:-compared} | $pss | $wall | $cpu | $rchar | $(awk "BEGIN { printf \"%.2f\", $rchar * 1e6 / $size }") |"
        done
    done
}

steps() {
    local step program=$builddir/tests/image/steps
    echo "one process, one block, steps (ms):"
    echo "| step | plain | alone, lends | a second one, trusted | mappings |"
    for step in 65536 131072 262144 524288 1048576 16777216; do
        export ONECOPY_LEND_MIN=$step
        read -r _ _ plain _ < <("$program" big "$file" $step)
        read -r _ maps alone _ < <(with ,map=off "$program" big "$file" $step)
        coproc HOLD { become ,unchanging "$program" hold "$file" "$size"; }
        read -r _ <&"${HOLD[0]}"
        read -r _ _ second _ < <(with ,map=off,unchanging "$program" big "$file" $step)
        kill "$HOLD_PID" 2>/dev/null
        wait "$HOLD_PID" 2>/dev/null
        echo "| $((step / 1024)) KiB | $plain | $alone | $second | $maps |"
    done
    unset ONECOPY_LEND_MIN
}

stream() {
    local mode program=$builddir/tests/image/stream
    truncate -s 2G "$file"
    echo "a 2 GB file as a stream (peak KiB, ms):"
    echo "| way | plain | with |"
    for mode in reuse malloc copy; do
        echo "| $mode | $(timed "$program" $mode "$file") | $(timed with "" "$program" $mode "$file") |"
    done
}
timed() {
    local begin end peak
    begin=$(date +%s%3N)
    peak=$("$@" | cut -d' ' -f1)
    end=$(date +%s%3N)
    echo "$peak KiB, $((end - begin)) ms"
}

for part in "${parts[@]}"; do
    "$part"
    echo
done
