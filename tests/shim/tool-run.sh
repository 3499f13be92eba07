#!/bin/bash
# onecopy run, and the command's manners: exit statuses, environment, messages.
# shellcheck disable=SC2016
# shellcheck source=tests/shim/tool-tap.sh
. "$(dirname "$0")/tool-tap.sh"

library=$builddir/src/.libs/libonecopy-preload.so

# ---- what becomes of the command ----
run "$onecopy" run --files '*.bin' -- sh -c 'echo out; echo err >&2; exit 7'
is "$status" 7 "the exit status is the command's"
is "$out" out "its standard output"
is "$err" err "its standard error, and nothing else"

run "$onecopy" run --files '*.bin' true
is "$status" 0 "-- may be left out"

run "$onecopy" run --files '*.bin' echo --pool -n
is "$out" "--pool -n" "options after the command are the command's"

run "$onecopy" run --files '*.bin' -- sh -c 'kill -TERM $$'
is "$status" 143 "it dies of the command's signal"

"$onecopy" run --files '*.bin' -- sh -c 'echo $$' >"$work/pid" &
wait $!
is "$(cat "$work/pid")" $! "the pid is the command's"

is "$(echo input | "$onecopy" run --files '*.bin' cat)" input "standard input is the command's"

# ---- the environment ----
run "$onecopy" run --files '*.bin' -- sh -c 'echo $LD_PRELOAD'
is "$out" "$library" "the library of the build tree is preloaded"

other=$(ldd "$onecopy" | awk '/libjansson/ { print $3 }')
run env LD_PRELOAD="$other" "$onecopy" run --files '*.bin' -- sh -c 'echo $LD_PRELOAD'
is "$out" "$other:$library" "what was in LD_PRELOAD stays, before it"

run "$onecopy" run --files '*.bin' -- "$onecopy" run --files '*.bin' -- sh -c 'echo $LD_PRELOAD'
is "$out" "$library" "it is not preloaded twice"

run "$onecopy" run --files 'a*,lend=off' --files b.bin --exclude c --min-size 2M --pool 8M \
    --section 64K --lend off --lend-min 1M --dir /dev/shm/x --linger 3 --log debug \
    --report stderr -- env
for pair in 'FILES=a*,lend=off:b.bin' EXCLUDE=c MIN_SIZE=2M POOL=8M SECTION=64K LEND=off \
    LEND_MIN=1M DIR=/dev/shm/x LINGER=3 LOG=debug REPORT=stderr; do
    is "$(grep "^ONECOPY_${pair%%=*}=" <<<"$out")" "ONECOPY_$pair" "an option sets ONECOPY_${pair%%=*}"
done

run env ONECOPY_POOL=4M ONECOPY_FILES=x "$onecopy" run --pool 8M -- sh -c 'echo $ONECOPY_FILES $ONECOPY_POOL'
is "$out" "x 8M" "an option wins over the environment, the rest of it stays"

# Every variable of the configuration but the switch has its option.
undocumented=
names=0
while read -r name; do
    option=--$(tr 'A-Z_' 'a-z-' <<<"$name")
    [ "$name" = DISABLE ] || "$onecopy" run --help | grep -q -e "^  $option " || undocumented+=" $option"
    names=$((names + 1))
done < <(grep -oE '^\| `ONECOPY_[A-Z_]+' "$srcdir/README.md" | sed 's/.*ONECOPY_//')
is "$undocumented" "" "every variable of the README has an option"
is "$("$onecopy" run --help | grep -v -e '^  --env-file ' | grep -c '^  --[a-z-]* [A-Zo]')" $((names - 1)) "and every option its variable"

# ---- variables from a file ----
cat >"$work/env" <<'ENV'
# A comment that goes on \
ONECOPY_LINGER=7
; another

ONECOPY_POOL=64M
  ONECOPY_FILES = "/srv/a b/*.bin,lend=off":*.idx
ONECOPY_EXCLUDE='it\is' "\$5 \\ \"six\" \x"\
  end
ONECOPY_MIN_SIZE= 2M  
ONECOPY_LEND=
ENV
env_file() { "$onecopy" run --env-file "$work/env" "$@" -- env | sed -n "s/^ONECOPY_$name=//p"; }
expect() { name=$1 && shift && is "$(env_file "${@:3}")" "$1" "--env-file: $2"; }
expect POOL 64M "a plain value"
expect FILES '/srv/a b/*.bin,lend=off:*.idx' "a quoted one, and blanks around the ="
expect EXCLUDE 'it\is$5 \ "six" \x  end' "quotes, backslashes and a line that goes on"
expect MIN_SIZE 2M "blanks around a value are dropped"
expect LINGER "" "a comment goes on behind a backslash"
expect POOL 16M "an option wins" --pool 16M
expect FILES other "also over the files" --files other
name=POOL
is "$(ONECOPY_POOL=8M env_file)" 64M "the file wins over the environment"
is "$("$onecopy" run --pool 16M --env-file "$work/env" -- sh -c 'echo $ONECOPY_POOL')" 16M "an option before the file wins, too"
printf 'ONECOPY_POOL=16M' >"$work/env2"
is "$("$onecopy" run --env-file "$work/env" --env-file "$work/env2" -- sh -c 'echo $ONECOPY_POOL')" 16M "the last of several files wins; no newline at its end"
bad_file() { # CONTENT PATTERN TEXT
    printf '%b' "$1" >"$work/bad"
    run "$onecopy" run --env-file "$work/bad" -- echo started
    is "$status:$out" 2: "--env-file: $3: nothing is started"
    one_line "$err" "--env-file: $3: one line"
    like "$err" "$2" "--env-file: $3: it tells where"
}
bad_file '\n\nONECOPY_NOPE=1\n' "bad:3: ONECOPY_NOPE is no variable" "an unknown variable"
bad_file 'PATH=/bin\n' "bad:1: PATH is no variable" "another variable"
bad_file '# x\nONECOPY_POOL=big\n' "bad:2: ONECOPY_POOL=big: expected a size" "a bad value"
bad_file 'ONECOPY_FILES=a\nONECOPY_FILES=x,nope\n' "bad:2: ONECOPY_FILES=x,nope: .*not 'nope'" "a bad rule"
bad_file 'ONECOPY_POOL\n' "bad:1: expected NAME=VALUE" "no value"
bad_file '\nONECOPY_FILES="a\nb\n' "bad:2: a quote has no end" "an open quote"
bad_file 'ONECOPY_FILES=a\0b\n' "bad: no text" "no text"
run "$onecopy" run --env-file "$work/nowhere" -- true
is "$status $(grep -c . <<<"$err")" "2 1" "--env-file: a missing file is one line"
run "$onecopy" run --env-file "$work" -- true
is "$status $(grep -c . <<<"$err")" "2 1" "--env-file: a folder is one line"

# ---- globs ----
mkdir -p "$work/real/sub" "$work/it's [a] dir"
ln -s real "$work/link"
touch "$work/real/m.bin" "$work/it's [a] dir/m.bin"
real=$(realpath "$work/real")
files() { (cd "$work" && "$onecopy" run --files "$1" -- sh -c 'echo "$ONECOPY_FILES"'); }
is "$(files './real/m.bin,strict')" "$real/m.bin,strict" "a relative file becomes absolute"
is "$(files 'link/m.bin')" "$real/m.bin" "symbolic links are resolved"
is "$(files 'link/*.bin:*.idx')" "$real/*.bin:*.idx" "so are the folders before a wildcard"
is "$(files 'real/sub/../m*')" "$real/m*" "and .."
is "$(files 'nowhere/x?.bin')" "$(realpath "$work")/nowhere/x?.bin" "what does not exist is made absolute"
is "$(files '**/m.bin')" "**/m.bin" "a glob that begins with ** is left alone"
is "$(files '/nowhere/*')" "/nowhere/*" "so is an absolute one"
is "$(files "it's \\[a] dir/m.bin")" "$(realpath "$work")/it's \\[a\\] dir/m.bin" "special characters are escaped"

# ---- mistakes ----
mistake() { # STATUS TEXT ARG...
    local expected=$1 text=$2
    shift 2
    run "$onecopy" "$@"
    is "$status" "$expected" "$text: exit status"
    one_line "$err" "$text: one line"
    is "$out" "" "$text: nothing on standard output"
}
mistake 127 "a missing file" run --files x -- /nonexistent/command
mistake 127 "a missing command" run --files x -- nonexistent-command
mistake 126 "a folder" run --files x -- /etc
touch "$work/plain"
mistake 126 "a file without the x bit" run --files x -- "$work/plain"
mistake 2 "no command" run --files x
mistake 2 "an unknown option" run --nope -- true
mistake 2 "a missing argument" run --files
mistake 2 "a bad size" run --files x --pool lots -- true
mistake 2 "a bad size though there is nothing to do" run --pool lots -- true
mistake 2 "a bad rule option" run --files 'x,nope' -- true
mistake 2 "a bad switch" run --files x --lend maybe -- true
mistake 2 "a bad variable" run --files x --log loud -- true
mistake 2 "an unknown command" nope
mistake 2 "an unknown general option" --nope
mistake 2 "no subcommand"
mistake 0 "no files to share" run -- true
like "$err" warning "no files to share: a warning"

# ---- programs that a preload cannot enter ----
warned() { # TEXT PATTERN COMMAND...
    local text=$1 pattern=$2
    shift 2
    run "$onecopy" run --files x -- "$@"
    like "$(grep '^onecopy: warning' <<<"$err")" "$pattern" "$text: a warning"
    is "$(grep -c '^onecopy: warning' <<<"$err")" 1 "$text: just one"
}
if [ -x /sbin/ldconfig ]; then
    warned "a static program" "static" /sbin/ldconfig --version
    like "$out" ldconfig "a static program runs all the same"
    printf '#!/sbin/ldconfig --version\n' >"$work/script"
    chmod +x "$work/script"
    warned "a script for a static program" "interpreter" "$work/script"
else
    skip "no /sbin/ldconfig" "a static program"
fi
cp "$(type -P true)" "$work/foreign"
printf '\xf7\x00' | dd of="$work/foreign" bs=1 seek=18 conv=notrunc 2>/dev/null
warned "another machine's program" "kind of machine" "$work/foreign"
is "$status" 126 "another machine's program cannot be executed"
sed 's/ld-linux-x86-64.so.2/ld-musl-x86_64.so.1\x00/' "$(type -P true)" >"$work/musl"
chmod +x "$work/musl"
if cmp -s "$work/musl" "$(type -P true)"; then
    skip "true's loader is another" "another C library's program"
else
    warned "another C library's program" "C library" "$work/musl"
fi
if [ "$(id -u)" = 0 ]; then
    cp "$(type -P true)" "$work/suid"
    chown 1 "$work/suid"
    chmod 4755 "$work/suid"
    warned "a set-user-ID program" "set-user-ID" "$work/suid"
    is "$status" 0 "a set-user-ID program runs all the same"
else
    skip "needs root" "a set-user-ID program"
fi
run "$onecopy" run --files x -- sh -c true
is "$err" "" "no warning about an ordinary program"
printf '#!/bin/sh\necho fine\n' >"$work/script"
chmod +x "$work/script"
run "$onecopy" run --files x -- "$work/script"
is "$out$err" fine "nor about an ordinary script"

# ---- installed ----
mkdir -p "$work/inst/bin" "$work/inst/lib"
cp "$onecopy" "$work/inst/bin/"
cp "$library" "$work/inst/lib/" 
run "$work/inst/bin/onecopy" run --files x -- sh -c 'echo $LD_PRELOAD'
is "$out" "$(realpath "$work/inst/lib")/libonecopy-preload.so" "an installed command finds the library beside it"
mkdir -p "$work/a b/bin" "$work/a b/lib"
cp "$onecopy" "$work/a b/bin/"
cp "$library" "$work/a b/lib/"
run "$work/a b/bin/onecopy" run --files x -- true
is "$status" 2 "a library that LD_PRELOAD cannot name is refused"
like "$err" "space" "and the reason told"

# ---- help, version, output errors ----
for command in run compare clean; do
    run "$onecopy" "$command" --help
    like "$status $out" "^0 Usage: onecopy $command" "$command --help"
    long=$(grep -oE '^ +(-[a-z], )?--[a-z-]+' <<<"$out" | grep -oE -e '--[a-z-]+')
    missing=
    for option in $long; do
        grep -qF -e "${option//-/\\-}" "$srcdir/doc/onecopy.1" || missing+=" $option"
    done
    is "$missing" "" "$command: the manual has its options"
    is "$("$onecopy" help "$command")" "$out" "help $command says the same"
done
run "$onecopy" --version
like "$status $out" '^0 onecopy [0-9]+\.[0-9]+' "--version"
run "$onecopy" --help
like "$status $out" '^0 Usage: onecopy COMMAND' "--help"
status=0
err=$("$onecopy" --help 2>&1 >/dev/full) || status=$?
is "$status" 2 "a full disk is an error"
one_line "$err" "and is told"
{ "$onecopy" --help 2>"$work/err"; echo $? >"$work/status"; } | true
is "$(cat "$work/status")" "$([ -s "$work/err" ] && echo 2 || echo 0)" "so is a closed pipe, when it is met"

done_testing
