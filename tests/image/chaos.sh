#!/bin/bash
# Loaders, writers, cutters and killers, for some seconds.
#
# usage: chaos.sh [--seconds N] [--seed N]
arguments=("$@")
# shellcheck source=tests/image/image-tap.sh
. "$(dirname "$0")/image-tap.sh"
seconds=8 seed=$RANDOM
set -- "${arguments[@]}"
while [ $# -gt 1 ]; do
    case $1 in
    --seconds) seconds=$2 ;;
    --seed) seed=$2 ;;
    *) skip_all "usage: chaos.sh [--seconds N] [--seed N]" ;;
    esac
    shift 2
done
limit=$((seconds + 300))

mkdir "$work/data"
if may_mount && mount -t tmpfs -o mode=700,size=24M none "$home"; then
    export CHAOS_MAY_FILL=1
fi
echo "# seed $seed"
preloaded chaos "$work/data" "$seconds" "$seed"
run with_preload true
is "$(contents "$home")" "" "after the next start nothing is left"
[ -z "${CHAOS_MAY_FILL:-}" ] || umount "$home"
done_testing
