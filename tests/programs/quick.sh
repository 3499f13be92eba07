#!/bin/bash
# Real programs as Debian ships them, four at once: identical outputs, and the
# data they load in memory once.
#
# For each: the memory of four of them with a tiny file is the programs' own;
# with a large file and the library it may be that and 1.3 times the file.
# shellcheck source=tests/shim/tool-tap.sh
. "$(dirname "$0")/../shim/tool-tap.sh"
python=/usr/bin/python3
[ -x "$python" ] || skip_all "no /usr/bin/python3"
n=4

# Images in memory, as a user's would be, but in a home of our own.
home=$(mktemp -d /dev/shm/onecopy-test.XXXXXX 2>/dev/null) || home=$(mktemp -d "$work/home.XXXXXX")
trap 'rm -rf "$work" "$home"' EXIT

# json FILE EXPRESSION
json() { "$python" -c 'import json, sys; j = json.load(open(sys.argv[1])); print(eval(sys.argv[2]))' "$1" "$2" 2>&1; }

# compare JSON COMMAND...: its exit status
rule="$work/*"
report=(--report "$work/report") # without it compare keeps accounts
compare() {
    local into=$1
    shift
    "$onecopy" compare -n "$n" --dir "$home" --files "$rule" --json "$into" "${report[@]}" -- "$@" \
        >"$work/table" 2>&1 </dev/null || return
}

# program NAME BYTES TINY-COMMAND LARGE-COMMAND: commands as strings, no word of which has a space.
#
# On a busy machine a process reads plainly rather than wait for another that is filling the
# image and gets no processor; so memory is judged by the best of three.  Outputs have to be
# identical every time.
program() {
    local name=$1 bytes=$2 tiny large own without with most same=
    read -ra tiny <<<"$3"
    read -ra large <<<"$4"
    compare "$work/tiny.json" "${tiny[@]}" || sed 's/^/# /' "$work/table"
    own=$(json "$work/tiny.json" 'j["without"]["peak_pss_bytes"]')
    most=$((bytes * 13 / 10 + own))
    for _ in 1 2 3; do
        compare "$work/large.json" "${large[@]}" || sed 's/^/# /' "$work/table"
        same+=$(json "$work/large.json" '(j["outputs_identical"], {p.get("exit_status") for p in j["with"]["processes"]})')
        without=$(json "$work/large.json" 'j["without"]["peak_pss_bytes"]')
        with=$(json "$work/large.json" 'j["with"]["peak_pss_bytes"]')
        echo "# $name: data $((bytes / 1000000)) MB, own $((own / 1000000)) MB, PSS of $n without $((without / 1000000)) MB, with $((with / 1000000)) MB"
        [ "$with" -gt "$most" ] || break
    done
    is "${same//(True, \{0\})/}" "" "$name: outputs are identical"
    ok "$((without > n * bytes ? 0 : 1))" "$name: without, $n copies"
    ok "$((with <= most ? 0 : 1))" "$name: with, one"
    is "$(contents "$home")" "" "$name: no image is left"
}

sized() { stat -c %s -- "$@" | awk '{ sum += $1 } END { print sum }'; }

# ---- python3: one big read ----
head -c 100000000 /dev/urandom >"$work/large.bin"
head -c 1000 /dev/urandom >"$work/tiny.bin"
cat >"$work/read.py" <<'PY'
import sys, time, zlib
data = open(sys.argv[1], "rb").read()
print(len(data), zlib.crc32(data), flush=True)
time.sleep(1)
PY
program python3 100000000 "$python $work/read.py $work/tiny.bin" "$python $work/read.py $work/large.bin"

# ---- node: readFileSync ----
if command -v node >/dev/null; then
    cat >"$work/read.js" <<'JS'
const data = require('fs').readFileSync(process.argv[2]);
const hash = require('crypto').createHash('sha1').update(data).digest('hex');
console.log(data.length, hash);
setTimeout(() => console.log(data[data.length - 1]), 1000);
JS
    program node 100000000 "node $work/read.js $work/tiny.bin" "node $work/read.js $work/large.bin"
else
    skip "node is not installed" node
fi
rm -f "$work"/*.bin

# ---- pickle: one read for each large object ----
cat >"$work/pickled.py" <<'PY'
import pickle, random, sys, time, zlib
if sys.argv[1] == "make":
    r = random.Random(1)
    with open(sys.argv[2], "wb") as f:
        pickle.dump([r.randbytes(int(sys.argv[3])) for _ in range(6)], f, protocol=5)
else:
    with open(sys.argv[2], "rb") as f:
        data = pickle.load(f)
    print([zlib.crc32(d) for d in data], flush=True)
    time.sleep(1)
PY
"$python" "$work/pickled.py" make "$work/large.pickle" 10000000
"$python" "$work/pickled.py" make "$work/tiny.pickle" 100
program pickle 60000000 "$python $work/pickled.py load $work/tiny.pickle" "$python $work/pickled.py load $work/large.pickle"
rm -f "$work"/*.pickle

# ---- perl: steps of 8 KB that end in one piece.  Mapped sections count as memory, too: none here ----
if command -v perl >/dev/null; then
    drive=$srcdir/tests/programs/drive
    rule="$work/*,map=off,lend=kept"
    report=()
    head -c 60000000 /dev/urandom >"$work/large.bin"
    head -c 1000 /dev/urandom >"$work/tiny.bin"
    program perl 60000000 "perl $drive/load.pl slurp $work/tiny.bin" "perl $drive/load.pl slurp $work/large.bin"
    # Most of it in each: what others have no processor's time to fill is not.
    lent=$(json "$work/large.json" 'sum(f["lent_bytes"] for f in j["with"]["files"])')
    ok "$((lent >= n * 40000000 ? 0 : 1))" "perl: most was lent, says the account"
    rule="$work/*"
    report=(--report "$work/report")
    rm -f "$work"/*.bin
else
    skip "perl is not installed" perl
fi

# ---- SQLite: small reads all over a database, from sections ----
cat >"$work/sql.py" <<'PY'
import random, sqlite3, sys
db = sqlite3.connect(sys.argv[2])
if sys.argv[1] == "make":
    db.execute("create table t (id integer primary key, text text)")
    db.executemany("insert into t values (?, ?)", ((i, "%0400d" % (i * 7919)) for i in range(20000)))
    db.commit()
else:
    db.execute("pragma cache_size = 5")
    r = random.Random(2)
    print(sum(int(db.execute("select text from t where id = ?", (r.randrange(20000),)).fetchone()[0]) for _ in range(20000)))
PY
if "$python" -c 'import sqlite3' 2>/dev/null; then
    "$python" "$work/sql.py" make "$work/a.db"
    rm -f "$work/report"
    compare "$work/sql.json" "$python" "$work/sql.py" read "$work/a.db" || sed 's/^/# /' "$work/table"
    is "$(json "$work/sql.json" 'j["outputs_identical"], {p.get("exit_status") for p in j["with"]["processes"]}')" \
        "(True, {0})" "SQLite: outputs are identical"
    # copied_bytes and kernel_bytes of all processes
    read -r copied kernel < <(awk '{ for (i = 1; i <= NF; i++) { split($i, v, "="); sum[v[1]] += v[2] } }
        END { print sum["copied_bytes"] + 0, sum["kernel_bytes"] + 0 }' "$work/report")
    echo "# SQLite: $copied bytes without a system call, $kernel with"
    ok "$((copied > 9 * kernel ? 0 : 1))" "SQLite: nine of ten bytes without a system call"
    rm -f "$work/a.db"
else
    skip "python3 has no sqlite3" SQLite
fi

# ---- numpy: np.load ----
if "$python" -c 'import numpy' 2>/dev/null; then
    cat >"$work/make.py" <<'PY'
import sys, numpy
numpy.save(sys.argv[1], numpy.random.default_rng(1).random(int(sys.argv[2])))
PY
    cat >"$work/load.py" <<'PY'
import sys, time, numpy
data = numpy.load(sys.argv[1])
print(data.shape, data.sum(), flush=True)
time.sleep(1)
PY
    "$python" "$work/make.py" "$work/large.npy" 12500000
    "$python" "$work/make.py" "$work/tiny.npy" 100
    program numpy 100000000 "$python $work/load.py $work/tiny.npy" "$python $work/load.py $work/large.npy"
    rm -f "$work"/*.npy
else
    skip "numpy is not installed" numpy
fi

# ---- bwa mem: an index of several files ----
if command -v bwa >/dev/null; then
    cat >"$work/genome.py" <<'PY'
import random, sys
out, length, reads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
rng = random.Random(7)
genome = "".join(rng.choices("ACGT", k=length))
with open(out + ".fa", "w") as f:
    f.write(">chr1\n")
    for i in range(0, length, 80):
        f.write(genome[i:i + 80] + "\n")
with open(out + ".fq", "w") as f:
    for i in range(reads):
        at = rng.randrange(length - 150)
        f.write(f"@r{i}\n{genome[at:at + 150]}\n+\n{'I' * 150}\n")
PY
    "$python" "$work/genome.py" "$work/large" 12000000 10000
    "$python" "$work/genome.py" "$work/tiny" 20000 10000
    bwa index "$work/large.fa" 2>/dev/null
    bwa index "$work/tiny.fa" 2>/dev/null
    program "bwa mem" "$(sized "$work"/large.fa.{bwt,sa,pac})" \
        "bwa mem $work/tiny.fa $work/tiny.fq" "bwa mem $work/large.fa $work/large.fq"
else
    skip "bwa is not installed" "bwa mem"
fi
done_testing
