#!/bin/bash
# onecopy check: what it finds about programs, files and reads, and its manners.
# shellcheck source=tests/shim/tool-tap.sh
. "$(dirname "$0")/tool-tap.sh"
python=/usr/bin/python3
[ -x "$python" ] || python=$(command -v python3) || skip_all "no python3"
home=$work/home
mkdir "$work/tmp"
export TMPDIR=$work/tmp
check() { run "$onecopy" check --dir "$home" "$@"; }
json() { "$python" -c 'import json, sys; j = json.load(open(sys.argv[1])); print(eval(sys.argv[2]))' "$work/.out" "$1" 2>&1; }
names="sorted(f['name'] for f in j['findings'] if f['level'] == '\$1')"
level() { json "${names/\$1/$1}"; }
head -c 6000000 /dev/urandom >"$work/data.bin"

# ---- the program ----
check --json "$python"
is "$status $(json 'j["help"]')" "0 likely" "python3 can be helped"
is "$(json '"read" in j["imports"]["read"]')" True "it imports read"
check "$python"
like "$status $out" '^0 program.*calls served by the library: .*read' "and so it says"
like "$out" 'Nothing stands in the way' "with a verdict"
is "$(ls -A "$home" 2>/dev/null)" "" "looking leaves nothing in the home"

cp "$(type -P true)" "$work/foreign"
printf '\xf7\x00' | dd of="$work/foreign" bs=1 seek=18 conv=notrunc 2>/dev/null
check "$work/foreign"
like "$status $out" '^1 .*obstacle .*for another kind of machine' "another machine's program is an obstacle"

cp "$(type -P true)" "$work/narrow"
printf '\x01' | dd of="$work/narrow" bs=1 seek=4 conv=notrunc 2>/dev/null
check "$work/narrow"
like "$status $out" '^1 .*obstacle .*for another kind of machine' "so is one of another word size"

interpreter=$(LC_ALL=C grep -aoE '/lib[a-z0-9/_-]*/ld-linux[a-z0-9._-]*' "$(type -P true)" | head -n 1)
musl=/lib/ld-musl-x.so.1
"$python" - "$(type -P true)" "$work/musl" "$interpreter" "$musl" <<'END'
import sys
old, new = sys.argv[3].encode(), sys.argv[4].encode()
data = open(sys.argv[1], "rb").read()
open(sys.argv[2], "wb").write(data.replace(old, new + b"\0" * (len(old) - len(new))))
END
chmod +x "$work/musl"
check "$work/musl"
like "$status $out" '^1 .*obstacle .*uses musl' "so is musl"

if echo 'int main(void) { return 0; }' >"$work/static.c" && gcc -static -o "$work/static" "$work/static.c" 2>/dev/null; then
    check "$work/static"
    like "$status $out" '^1 .*obstacle .*statically linked' "so is a static program"
else
    skip "no static C library" "a static program"
fi
cat >"$work/go.c" <<'END'
__attribute__((section(".go.buildinfo"), used)) char info[] = "Go buildinf:";
int main(void) { return 0; }
END
if gcc -o "$work/go" "$work/go.c" 2>/dev/null; then
    check --json "$work/go"
    is "$status $(level obstacle)" "1 ['go']" "so is one that Go has made"
else
    skip "no compiler" "a program of Go"
fi
# A program that takes io_uring from a library, and one that is fortified.
echo 'int io_uring_queue_init(void) { return 0; }' >"$work/uring.c"
echo 'int io_uring_queue_init(void); int main(void) { return io_uring_queue_init(); }' >"$work/user.c"
echo 'long __read_chk(int, void *, unsigned long, unsigned long);
int main(void) { char b[9]; return __read_chk(0, b, 1, 9) < 0; }' >"$work/fortified.c"
if (cd "$work" && gcc -shared -fPIC -o liburing.so uring.c && gcc -o user user.c -L. -luring &&
    gcc -o fortified fortified.c) 2>/dev/null; then
    LD_LIBRARY_PATH=$work check --json "$work/user"
    is "$(level warning)" "['io_uring', 'no-reads']" "io_uring is a warning"
    check "$work/fortified"
    like "$status $out" '^0 .*fortified names, served as well: __read_chk' "fortified names are told"
else
    skip "no compiler" "io_uring"
    skip "no compiler" "fortified names"
fi
if [ "$(id -u)" = 0 ]; then
    cp "$(type -P true)" "$work/setuid"
    chown 65534 "$work/setuid"
    chmod 4755 "$work/setuid"
    check "$work/setuid"
    like "$status $out" '^1 .*obstacle .*is set-user-ID' "so is one that is set-user-ID"
else
    skip "not root" "a set-user-ID program"
fi
printf '#!/bin/sh\nexit 0\n' >"$work/script"
chmod +x "$work/script"
check "$work/script"
like "$status $out" '^0 .*is a script: its interpreter /bin/sh' "a script is judged by its interpreter"

# ---- the machine and the files ----
check --json --files "$work/data.bin" --files "$work/none.*"
is "$status $(json '[(f["bytes"], f["use"]) for f in j["files"]]')" "0 [(6000000, 'compared')]" \
    "a new file would be compared"
check --json --files "$work/data.bin,unchanging"
is "$(json '(j["files"][0]["use"], j["files"][0]["why"])')" "('trusted', 'the rule says unchanging')" \
    "one that the user vouches for would be trusted, and why"
check --files "$work/data.bin" --min-size 10M
like "$out" 'less than ONECOPY_MIN_SIZE' "a file that is too small is told"
check
like "$status $out" '^0 .*without one the library is inert' "so is the lack of a rule"
mkdir -m 755 "$work/open"
check --dir "$work/open"
like "$status $out" '^1 .*cannot be used.*obstacle .*no place for images' "a home that cannot be used is an obstacle"
run bash -c "ulimit -f 1000; exec '$onecopy' check --dir '$home'"
like "$out" 'warning .*limit of file sizes' "a limit of file sizes is a warning"

# ---- the dry run ----
load='import sys; data = open(sys.argv[1], "rb").read(); print("said")'
check --json -n 4 --files "$work/data.bin" "$python" -- -c "$load" "$work/data.bin"
is "$status $(json 'j["help"]')" "0 likely" "a program that loads a file whole is helped"
is "$(json '[(f["path"], f["reads"], f["shifts"], f["bytes"]) for f in j["observed"]["files"]]')" \
    "[('$(realpath "$work/data.bin")', 1, [48], 6000000)]" "its read is seen: size and shift"
is "$(json '5900000 < j["observed"]["lent_bytes"] <= 6000000')" True "and how much was lent"
is "$(json 'j["observed"]["bytes_with"] * 3 < j["observed"]["bytes_without"] < 24000001')" True \
    "four are expected to take the memory of one"
is "$(ls -A "$TMPDIR")" "" "no file is left in TMPDIR"
is "$(find "$home" -name '*.image')" "" "and no image"
check --files "$work/data.bin" "$python" -- -c "$load" "$work/data.bin"
like "$out" '1 big read .*shift 48' "the same in words"
like "$out" '8 such processes' "for eight processes by default"
is "$(grep -c said <<<"$out")" 0 "what the program prints is thrown away"

# shellcheck disable=SC2154
loader=$builddir/tests/shim/loader
check --json --files "$work/data.bin" "$loader" -- read "$work/data.bin"
is "$(json '(j["observed"]["files"][0]["callers"], j["observed"]["files"][0]["stream"])')" \
    "(['load_by_read in $(realpath "$loader")'], False)" "who reads it is named"
check --json --files "$work/data.bin" "$loader" -- fread "$work/data.bin"
is "$(json 'j["observed"]["files"][0]["callers"]')" "['load_by_fread in $(realpath "$loader")']" "by fread as well"
check --files "$work/data.bin" "$loader" -- shared "$work/data.bin"
is "$status" 1 "a program that cannot be lent to is not helped"
flat=$(tr -s ' \n' ' ' <<<"$out")
like "$flat" "1 big read .* not lent, 'foreign memory'" "why a big fread was not lent is told"
like "$flat" '1 read \([0-9.]+ MB\) left to the kernel' "and that the kernel served it"
like "$flat" 'is read by load_by_fread in' "and by whom"

write='import sys, time
data = bytearray(6000000); open(sys.argv[1], "rb").readinto(data)
for i in range(0, len(data), 4096): data[i] ^= 1
time.sleep(0.6)'
check --json --files "$work/data.bin" "$python" -- -c "$write" "$work/data.bin"
is "$(json 'j["observed"]["lent_bytes"] == 0 or j["observed"]["written_to_bytes"] > 5900000')" True \
    "that a program writes to all of it is seen"
touch "$work/data.bin" # what is remembered of the program and this state of the file is over

small='import os, sys
fd = os.open(sys.argv[1], os.O_RDONLY)
while os.read(fd, 8192): pass'
check --json --files "$work/data.bin" "$python" -- -c "$small" "$work/data.bin"
like "$(level warning) $(level obstacle)" 'no-saving' "small pieces save no memory"
check --files "$work/data.bin" "$python" -- -c pass
like "$status $out" '^1 .*obstacle .*read no file that a rule matches' "a program that reads nothing is not helped"
check --json --files "$work/data.bin" "$python" -- -c "$load; sys.exit(3)" "$work/data.bin"
is "$(level warning)" "['failed']" "that the program failed is told"
echo input >"$work/input"
check --json --files "$work/data.bin" --stdin "$work/input" "$python" -- -c \
    "import sys; sys.exit(sys.stdin.read() != 'input\n')"
is "$(level warning)" "[]" "--stdin is its standard input"

# ---- mistakes ----
for bad in "--nope" "-n 0" "-n x" "--stdin $work/nowhere" "--pool x" "$work/nowhere" "$python stray"; do
    # shellcheck disable=SC2086
    check $bad
    is "$status $out" "2 " "'${bad//$work/}' is a mistake"
    one_line "$err" "told in one line"
done
status=0
"$onecopy" check --dir "$home" >/dev/full 2>"$work/err" || status=$?
is "$status" 2 "a full disk is an error"
done_testing
