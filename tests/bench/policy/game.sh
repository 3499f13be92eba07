#!/bin/sh
# The game server's trace in a real process, with a pool of 24 MB: in its steady state at
# most one small read in a thousand is left to the kernel, by the ledger and by strace.
set -u
builddir=${top_builddir:-$(pwd)}
library=$builddir/src/.libs/libonecopy-preload.so
replay=$builddir/tests/bench/policy/replay
scratch=$(mktemp -d "${TMPDIR:-/tmp}/onecopy-game-XXXXXX") || exit 99
trap 'rm -rf "$scratch"' EXIT
trap 'exit 99' HUP INT TERM

if ! strace -o "$scratch/probe" true 2>/dev/null; then
    echo "1..0 # SKIP strace cannot trace here"
    exit 0
fi
if [ "$(df -Pk "$scratch" | awk 'NR == 2 { print $4 }')" -lt 1000000 ]; then
    echo "1..0 # SKIP no room for a file of 460 MB"
    exit 0
fi
case $(stat -f -c %T "$scratch") in
ext2/ext3 | xfs | btrfs | f2fs | tmpfs) ;;
*)
    echo "1..0 # SKIP $scratch is on a file system whose files are not mapped"
    exit 0
    ;;
esac
n=0
check() {
    n=$((n + 1))
    if [ "$1" = 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; fi
}
field() { # NAME: of the report
    grep ' name=replay ' "$scratch/report" | tail -1 | tr ' ' '\n' | sed -n "s/^$1=//p"
}
mkdir -m 700 "$scratch/home"

"$replay" --map game "$scratch/game" >"$scratch/mapped"
check $? "played from a mapping of the whole file"
env ONECOPY_FILES='game.*' ONECOPY_POOL=24M ONECOPY_DIR="$scratch/home" \
    ONECOPY_REPORT="$scratch/report" strace -qq -E LD_PRELOAD="$library" \
    -e trace=pread64,getppid -o "$scratch/trace" "$replay" game "$scratch/game" >"$scratch/served"
check $? "played by pread under the library"
[ -s "$scratch/mapped" ] && [ "$(sed 's/.*checksum//' "$scratch/mapped")" = "$(sed 's/.*checksum//' "$scratch/served")" ]
check $? "the same bytes were read"

reads=$(awk '{ print $2 }' "$scratch/served")
ledger=$(field kernel_calls)
traced=$(grep -c '^pread64.*) = [1-9]' "$scratch/trace")
steady=$(sed '1,/^getppid/d' "$scratch/trace" | grep -c '^pread64')
grep -q '^getppid' "$scratch/trace"
check $? "strace saw where the steady state begins"
[ "$(($(field copied_calls) + ledger))" = "$reads" ]
check $? "the ledger has all $reads reads"
[ "$traced" -ge "$ledger" ] && [ "$traced" -le $((ledger + 100)) ]
check $? "$ledger reads were left to the kernel, says the ledger; strace counts $traced"
[ "$((steady * 1000))" -le 6000000 ]
check $? "$steady of 6 million in the steady state: at most 0.1 %"
echo "1..$n"
