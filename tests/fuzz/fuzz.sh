#!/bin/bash
# Fuzz parts of the core.
#
# usage: fuzz.sh --long SECONDS [NAME...]
#
# Builds each fuzzer with libFuzzer, AddressSanitizer and UBSan (clang) in a scratch
# folder, lets it run for SECONDS of processor time on one core (however long that takes
# on a busy machine), keeps what reached new code, as few and as small inputs as will do,
# in corpus/NAME, and prints one line a fuzzer.  SIGTERM ends it with what it has so far.
# The short run of `make check` is main.c, without clang.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
names=(rules options image history hot calls)

usage() {
    echo "usage: fuzz.sh --long SECONDS [NAME...] (of: ${names[*]})" >&2
    exit 2
}

if [ "${1-}" != --long ] || ! [[ "${2-}" =~ ^[1-9][0-9]*$ ]]; then
    usage
fi
seconds=$2
shift 2
[ $# -eq 0 ] || names=("$@")
scratch=$(mktemp -d "${TMPDIR:-/tmp}/onecopy-fuzz-XXXXXX")
trap 'rm -rf "$scratch"' EXIT

flags=(-std=gnu11 -g -O1 -D_GNU_SOURCE -ftls-model=initial-exec -fvisibility=hidden
    -fsanitize=fuzzer -fsanitize=address -fsanitize=undefined -fno-sanitize-recover=undefined
    -I"$top/src" -I"$top/tests/fuzz")

build() {
    local core=("$top"/src/base/*.c "$top"/src/file/*.c "$top"/src/section/*.c
        "$top"/src/image/*.c "$top"/src/serve.c "$top"/src/learn.c)
    local own=("$here/$1.c")
    case $1 in
    rules | options)
        own+=("$here/arena.c")
        core=("${core[@]/$top\/src\/base\/arena.c/}")
        ;;
    *) own+=("$here/kit.c") ;;
    esac
    local sources=() s
    for s in "${core[@]}"; do [ -z "$s" ] || sources+=("$s"); done
    clang "${flags[@]}" "${sources[@]}" "${own[@]}" -o "$scratch/$1"
}

# fuzz NAME: in slices, as libFuzzer counts the seconds of the clock.  Sums up in $inputs,
# $spent (processor time), $clock; $covered: edges reached.
fuzz() {
    local slice began=$SECONDS TIMEFORMAT='%U %S'
    inputs=0 spent=0
    while [ "$spent" -lt "$seconds" ] && [ -z "$stopped" ]; do
        slice=$((seconds - spent < 300 ? seconds - spent : 300))
        { time "$scratch/$1" -max_total_time="$slice" -max_len=2048 -close_fd_mask=2 -print_final_stats=1 \
            -artifact_prefix="$scratch/" "$scratch/$1.new" "$here/corpus/$1" >"$scratch/log" 2>&1; } 2>"$scratch/times" ||
            return
        inputs=$((inputs + $(sed -n 's/^stat::number_of_executed_units: *//p' "$scratch/log")))
        covered=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$scratch/log" | tail -1)
        spent=$((spent + $(awk '{ printf "%d", $1 + $2 }' "$scratch/times")))
    done
    clock=$((SECONDS - began))
}

keep() {
    "$scratch/$1" -merge=1 -max_len=512 -close_fd_mask=2 "$scratch/$1.merged" \
        "$here/corpus/$1" "$scratch/$1.new" >"$scratch/merge" 2>&1 || return
    rm -rf "$here/corpus/$1"
    mkdir "$here/corpus/$1"
    # The smallest ones: the tree is no place for thousands.
    find "$scratch/$1.merged" -type f -printf '%s %p\n' | sort -n | head -80 |
        while read -r _ file; do cp "$file" "$here/corpus/$1/$(basename "$file" | cut -c1-12)"; done
}

# The guard takes faults on purpose.
export ASAN_OPTIONS=handle_segv=0:handle_sigbus=0:detect_leaks=0:allow_user_segv_handler=1
failed=0
stopped=
trap 'stopped=1' TERM
for name in "${names[@]}"; do
    if ! [ -f "$here/$name.c" ] || ! [ -d "$here/corpus/$name" ]; then
        usage
    fi
    [ -z "$stopped" ] || break
    build "$name"
    mkdir "$scratch/$name.new" "$scratch/$name.merged"
    if fuzz "$name"; then
        keep "$name"
        echo "$name: $inputs inputs in $spent s of processor time ($clock s), $covered edges, none broke a promise"
    else
        failed=1
        echo "$name: FAILED"
        tail -40 "$scratch/log"
        for file in "$scratch"/crash-* "$scratch"/timeout-* "$scratch"/leak-* "$scratch"/oom-*; do
            [ ! -e "$file" ] || { cp "$file" "${TMPDIR:-/tmp}/"; echo "the input: ${TMPDIR:-/tmp}/$(basename "$file")"; }
        done
    fi
done
exit $failed
