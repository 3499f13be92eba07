#!/bin/bash
# A data file, and then a home, on file systems that lie: sizes that are not true, short
# reads, errors here and there, inode numbers, owners and times that are others each time one
# asks.  What a program is told is what the kernel tells it without the library; where two runs
# cannot be told the same (errors now and then), no byte is wrong and the program ends well.
# shellcheck source=tests/image/image-tap.sh
. "$(dirname "$0")/image-tap.sh"
if ! may_mount || ! [ -w /dev/fuse ]; then skip_all "FUSE cannot be mounted"; fi
here=$(cd "$(dirname "$0")" && pwd)
python=/usr/bin/python3
mkdir "$work/served"
head -c 3000000 /dev/urandom >"$work/true"

# serve LIE [cached]: at $work/served
serve() {
    coproc SERVER { exec "$python" "$here/liar.py" "$work/served" "$work/true" "$@"; }
    server=$SERVER_PID
    local said=
    read -r said <&"${SERVER[0]}"
    [ "$said" = mounted ]
}
unserve() {
    umount -l "$work/served"
    wait "$server"
}

# told LIE WAY COMMAND...: what the program says, the file system new
told() {
    serve "$1" ${2:+"$2"} || { echo "cannot be served"; return; }
    run "${@:3}" timeout 60 "$python" "$here/lied.py" "$work/served/data.matched" "$work/true"
    unserve
}

for lie in honest longer shorter empty short eio inode owner times; do
    for way in "" cached; do
        told "$lie" "$way" env
        expected="$status $out $err"
        like "$expected" '^0 first read .*stream' "$lie, ${way:-direct}: the program comes to its end without the library"
        for files in '*.matched' '*.matched,unchanging'; do
            # Whoever vouches for a file whose length changes as it is read has vouched wrongly.
            [ "$lie $way $files" != "short cached *.matched,unchanging" ] || continue
            told "$lie" "$way" with_preload
            is "$status $out $err" "$expected" "$lie, ${way:-direct}, $files: as the kernel tells it"
        done
    done
done

# So that all this says something.
settings=ONECOPY_REPORT=$work/report files='*.matched'
told honest "" with_preload
like "$(cat "$work/report")" 'lent_calls=[1-9]' "of an honest file, something is lent"
settings=

for way in "" cached; do
    for files in '*.matched' '*.matched,unchanging'; do
        told flicker "$way" with_preload
        is "$status$(grep -c WRONG <<<"$out")" 00 "errors now and then, ${way:-direct}, $files: no byte is wrong"
    done
done

# ---- a home there: refused, whatever it says of itself ----
good=$home home=$work/served files='true'
for lie in honest owner inode eio; do
    serve "$lie"
    run with_preload timeout 60 "$python" "$here/lied.py" "$work/true" "$work/true"
    unserve
    is "$status$(grep -c WRONG <<<"$out")" 00 "a home that lies ($lie): the bytes are right"
done
home=$good
done_testing
