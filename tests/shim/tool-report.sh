#!/bin/bash
# onecopy compare: the chart, the page, the figures of several runs, two sets of options.
# shellcheck disable=SC2016
# shellcheck source=tests/shim/tool-tap.sh
. "$(dirname "$0")/tool-tap.sh"
# shellcheck disable=SC2154
page=$srcdir/tests/shim/page.py
python=/usr/bin/python3
[ -x "$python" ] || python=$(command -v python3) || skip_all "no python3"
mkdir "$work/tmp" "$work/home" "$work/out"
chmod 700 "$work/home"
export TMPDIR=$work/tmp
compare() { run "$onecopy" compare --dir "$work/home" "$@"; }
ask() { "$python" "$page" "$@" 2>&1; }
json() { ask json "$work/out/j" "$1"; }

head -c 8000000 /dev/urandom >"$work/big <i>&.bin"
head -c 3000000 /dev/urandom >"$work/small.bin"
cat >"$work/load.py" <<'PY'
import os, sys, time
data = open(sys.argv[1], "rb").read()
fd = os.open(sys.argv[2], os.O_RDONLY)
for i in range(1000):
    os.pread(fd, 100, i * 2000)
print(len(data), data[12345], flush=True)
time.sleep(1)
PY

# ---- everything at once ----
run "$onecopy" compare --dir "$work/home" -n 2 --chart "$work/out/c.svg" --files x true
if grep -q "without cairo" <<<"$err"; then
    is "$status" 2 "without cairo a chart is refused"
    one_line "$err" "in one line"
    charts=()
else
    charts=(--chart "$work/out/c.svg")
fi
compare -n 2 --runs 3 "${charts[@]}" --html "$work/out/h.html" --json "$work/out/j" --files "$work/*.bin" -- \
    "$python" "$work/load.py" "$work/big <i>&.bin" "$work/small.bin"
is "$status" 0 "a chart, a page and figures of three runs: exit status 0"
is "$err" "" "nothing on standard error"
like "$out" 'PSS of all, peak, MB +[0-9.]+ \([0-9.]+\.\.[0-9.]+\) +[0-9.]+ \([0-9.]+\.\.[0-9.]+\) +[0-9.]+' "the table has medians and ranges"
like "$out" 'identical \(6 of 6\)' "the outputs of all runs are compared"
is "$(contents "$work/out" | grep -cvxE 'c\.svg|h\.html|j')" 0 "no other file is left"

# ---- figures that agree ----
is "$(json 'j["runs"], len(j["per_run"]), j["sides"], j["n"]')" "(3, 3, ['without', 'with'], 2)" "json: what was done"
is "$(json '[(s, k) for s in j["sides"] for k, (a, b) in j["spread"][s].items() if not a <= j[s][k] <= b]')" "[]" "json: medians lie within their ranges"
is "$(json '[(s, k) for s in j["sides"] for k in j["spread"][s] if abs(sorted(r[s][k] for r in j["per_run"])[1] - j[s][k]) > 1e-6]')" "[]" "json: medians are those of the runs"
is "$(json 'abs(j["pss_ratio"] - j["with"]["peak_pss_bytes"] / j["without"]["peak_pss_bytes"]) < 1e-6')" True "json: the ratio is that of the medians"
is "$(json 'sorted(r["pss_ratio"] for r in j["per_run"])[1] == j["per_run"][j["run_shown"] - 1]["pss_ratio"]')" True "json: the run shown is the median one"
is "$(json '[s for s in j["sides"] if max(p["pss_bytes"] for p in j[s]["series"]) != j["per_run"][j["run_shown"] - 1][s]["peak_pss_bytes"]]')" "[]" "json: the series has the peak"
is "$(json '[s for s in j["sides"] if len(j[s]["series"]) != j["per_run"][j["run_shown"] - 1][s]["samples"]]')" "[]" "json: and all samples"
is "$(json '[abs(sum(p["pss_bytes"] for p in j["without"]["processes"]) - v["pss_bytes"]) < 1e6 for v in j["without"]["series"] if v["all_running"]].count(True) > 0')" True "json: the processes' shares add up to what was seen"
is "$(json 'len(j["date"]) > 20 and j["machine"]["processors"] > 0 and j["machine"]["memory_bytes"] > 1e8')" True "json: when and where"

# ---- file by file ----
is "$(json 'sorted(f["path"].split("/")[-1] for f in j["with"]["files"])')" "['big <i>&.bin', 'small.bin']" "json: the files that were read"
file() { json "[$1 for f in j['with']['files'] if f['path'].endswith('$2.bin')][0]"; }
is "$(file '(f["processes"], f["bytes"])' 'big <i>&')" "(2, 8000000)" "json: by how many, and how large"
is "$(file 'f["lent_calls"] + sum(r["reads"] for r in f["not_lent"])' 'big <i>&')" 2 "json: each big read was lent or is told why not"
is "$(file '2 * 7900000 < f["lent_bytes"] <= 16000000' 'big <i>&')" True "json: both are lent"
is "$(file '(f["copied_calls"] + f["kernel_calls"], f["copied_bytes"] + f["kernel_bytes"])' small)" "(2000, 200000)" "json: each small read was copied or the kernel's"
is "$(file 'f["copied_calls"] > 0 and f["kernel_calls"] > 0' small)" True "json: some of each"
ways="lent_calls lent_bytes copied_calls copied_bytes kernel_calls kernel_bytes filled_bytes compared_bytes trusted_bytes"
is "$(json "[w for w in '$ways'.split() if sum(f[w] for f in j['with']['files']) != sum(p[w] for p in j['with']['processes'])]")" "[]" "json: files and processes add up to the same"

# ---- the page ----
is "$(ask 'page(path).mistakes, page(path).open' "$work/out/h.html")" "([], [])" "html: every tag is closed"
is "$(ask 'page(path).references' "$work/out/h.html")" "[]" "html: it refers to nothing outside"
is "$(ask '"<i>" in open(path).read()' "$work/out/h.html")" False "html: a name that looks like markup is none"
is "$(ask '[r[0].split("/")[-1] for r in page(path).rows if "/" in r[0]]' "$work/out/h.html" | tr -d ' ')" "['big<i>&.bin','small.bin']" "html: the files"
is "$(ask 'len(rows(path, "with 1")), len(rows(path, "without 2")), len(rows(path, "with 3"))' "$work/out/h.html")" "(1, 1, 0)" "html: every process"
for key in 'peak_pss_bytes:PSS of all, peak, MB:1e6:.1f' 'wall_seconds:wall time, s:1:.2f' 'minor_faults:page faults, minor:1:.0f'; do
    IFS=: read -r name label unit format <<<"$key"
    is "$(ask "[c.split()[0] for c in rows(path, '$label')[0][1:3]]" "$work/out/h.html")" \
        "$(json "[format(j[s]['$name'] / $unit, '$format') for s in j['sides']]")" "html: $label is that of the JSON"
done
is "$(ask 'page(path).text.count("onecopy compare --dir")' "$work/out/h.html")" 1 "html: the command to repeat it"

# ---- the chart ----
if [ ${#charts[@]} -gt 0 ]; then
    like "$(ask 'svg(path)[1]' "$work/out/c.svg")" '^2 × python3[0-9.]*: [0-9]+ MB without onecopy, [0-9]+ MB with it$' "svg: well-formed, its title says it all"
    is "$(ask 'len(curves(path)), [c for c in curves(path).values() if len(c) < 3 or c != sorted(c, key=lambda p: p[0])]' "$work/out/c.svg")" "(2, [])" "svg: two curves, from left to right"
    is "$(ask 'min(y for x, y in list(curves(path).values())[0]) < min(y for x, y in list(curves(path).values())[1])' "$work/out/c.svg")" \
        "$(json 'j["pss_ratio"] < 1')" "svg: the curve without is the higher one where the figures say so"
    is "$(ask '[p for c in curves(path).values() for p in c if not (87 < p[0] < 933 and 111 < p[1] < 457)]' "$work/out/c.svg")" "[]" "svg: both within the frame"
    is "$(ask 'page(path).text.count("MB without onecopy, ")' "$work/out/h.html")" 2 "html: the chart is in it"
    compare -n 1 --chart "$work/out/c.PNG" --files x -- sleep 0.5
    is "$status $(ask 'png(path)[:2]' "$work/out/c.PNG")" "0 (1920, 1080)" "png: by its ending"
    is "$(ask '[c for c in ("d55e00", "0072b2") if png(path)[2].get(c, 0) < 50]' "$work/out/c.PNG")" "[]" "png: both colours are in it"
    compare -n 1 --chart "$work/out/quick.svg" --files x true
    is "$status" 0 "a program that is too quick has a chart, too"
    like "$(ask 'svg(path)[1]' "$work/out/quick.svg")" '^1 × true: ' "and a title"
else
    skip "no cairo" "charts"
fi

# ---- the command to repeat it ----
(cd "$work/out" && ONECOPY_POOL=16M "$onecopy" compare --dir ../home -n 1 --files "it's \$x" --json j2 -- \
    sh -c 'echo "$ONECOPY_POOL" "$0"' "a b'c\"" >"$work/.out" 2>&1)
ask json "$work/out/j2" 'j["repeat"]' >"$work/repeat"
mv "$work/out/j2" "$work/first"
status=0
PATH=$builddir/tools:$PATH sh "$work/repeat" >"$work/.out" 2>&1 || status=$?
is "$status" 1 "the command repeats it, from anywhere: exit status"
is "$(ask json "$work/out/j2" '[j["command"], j["files"], [p["output_bytes"] for s in j["sides"] for p in j[s]["processes"]]]')" \
    "$(ask json "$work/first" '[j["command"], j["files"], [p["output_bytes"] for s in j["sides"] for p in j[s]["processes"]]]')" "with all arguments and variables"

# ---- two sets of options ----
mkdir "$work/seen"
compare -n 1 --files 'x y' --pool 16M --a '--lend off' --b "--files 'p q',strict --pool=8M ONECOPY_LEND_MIN=2M" --json "$work/out/j" -- \
    sh -c 'echo "$ONECOPY_FILES|$ONECOPY_POOL|$ONECOPY_LEND|$ONECOPY_LEND_MIN" >'"$work"'/seen/$$; sleep 0.3'
is "$status" 0 "two sets of options: exit status 0"
is "$(sort "$work"/seen/* | tr '\n' ' ')" "p q,strict|8M||2M x y|16M|off| " "each set is in force on its side, before what is given outside"
is "$(json 'j["sides"], j["a"]["options"], j["files"], "without" in j')" "(['a', 'b'], '--lend off', 'p q,strict', False)" "json: the sides are a and b"
like "$out" ' a +b +ratio' "the table as well"
like "$out" 'a: --lend off' "and says what they are"
printf 'ONECOPY_POOL=4M\nONECOPY_LEND=off\n' >"$work/env"
compare -n 1 --files x --b "--env-file $work/env --pool 2M" --html - -- sh -c 'echo "$ONECOPY_POOL $ONECOPY_LEND"'
is "$status" 1 "one set alone; outputs that differ: exit status 1"
like "$out" '^<!DOCTYPE html>' "--html - is standard output"
like "$out" 'NOT identical' "and says so"
compare -n 1 --files "$work/small.bin" --a ONECOPY_DISABLE=1 --b '' --json "$work/out/j" -- "$python" -c "open('$work/small.bin', 'rb').read()"
is "$status $(json '[len(j[s]["files"]) for s in j["sides"]]')" "0 [0, 1]" "the library switched off against on"

# ---- somebody's own report ----
compare -n 1 --files "$work/small.bin" --report "$work/out/report" --json "$work/out/j" -- "$python" -c "open('$work/small.bin', 'rb').read()"
is "$status $(json 'j["with"]["files"]') $(grep -c '^onecopy pid=' "$work/out/report")" "0 None 1" "with a report of one's own nothing is known by file"

# ---- mistakes ----
mistake() { # TEXT PATTERN ARG...
    local text=$1 pattern=$2
    shift 2
    compare "$@"
    is "$status $out" "2 " "$text: exit status 2, and nothing is run"
    one_line "$err" "$text: one line"
    like "$err" "$pattern" "$text: it says what is wrong"
}
[ ${#charts[@]} = 0 ] || mistake "another kind of picture" "\.svg nor in \.png" -n 1 --files x --chart "$work/out/c.pdf" true
[ ${#charts[@]} = 0 ] || mistake "a chart in no folder" "No such file" -n 1 --files x --chart /nonexistent/c.svg true
mistake "a page in no folder" "No such file" -n 1 --files x --html /nonexistent/h true
mistake "a page that is a folder" "Is a directory" -n 1 --files x --html "$work" true
mistake "both to standard output" "standard output" -n 1 --files x --html - --json - true
mistake "no runs" "whole number" -n 1 --files x --runs 0 true
mistake "runs in words" "whole number" -n 1 --files x --runs many true
mistake "an unknown option in a set" "\-\-b: unknown option '--nope'" -n 1 --files x --b '--nope 1' true
mistake "an option of compare in a set" "\-\-a: unknown option '--runs'" -n 1 --files x --a '--runs 1' true
mistake "an option without its value in a set" "requires an argument" -n 1 --files x --a '--pool' true
mistake "a word in a set" "neither" -n 1 --files x --a 'PATH=x' true
mistake "an open quote in a set" "has no end" -n 1 --files x --a "--files 'x" true
mistake "a bad value in a set" "ONECOPY_POOL=big" -n 1 --files x --a "--pool big" true
mistake "a bad file of variables in a set" "No such file" -n 1 --files x --a "--env-file $work/none" true

# ---- files that cannot be written ----
unwritten() { # TEXT NAME
    is "$status" 2 "$1: exit status 2"
    one_line "$err" "$1: one line"
    is "$(contents "$work/out" | grep -c "^$2")" 0 "$1: nothing half-written"
}
rm -f "$work"/out/*
(ulimit -f 4; run "$onecopy" compare --dir "$work/home" -n 1 --files x --html "$work/out/limit.html" -- true; echo "$status" >"$work/status")
status=$(<"$work/status") err=$(<"$work/.err")
unwritten "a limit of file sizes" limit
compare -n 1 --files x --html /dev/full true
unwritten "a full disk" h
compare -n 1 --files x --html /proc/h.html true
unwritten "a folder where no file can be made" h
if [ ${#charts[@]} -gt 0 ]; then
    ln -s /dev/full "$work/full.png"
    compare -n 1 --files x --chart "$work/full.png" true
    unwritten "a full disk for a picture" full
fi
{ "$onecopy" compare --dir "$work/home" -n 1 --files x --html - true 2>"$work/err"; echo $? >"$work/status"; } | head -c 1 >/dev/null
is "$(cat "$work/status")" "$([ -s "$work/err" ] && echo 2 || echo 0)" "a closed pipe, when it is met"

is "$(contents "$work/tmp")" "" "nothing is left in TMPDIR"
is "$(contents "$work/home")" "" "nor in the home"
done_testing
