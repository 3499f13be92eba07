# shellcheck shell=bash disable=SC2034,SC2154
# fio writes with checksums in each block and reads them back; a part is an engine.
packages="fio"
quick="psync"
parts="sync psync vsync pvsync pvsync2 mmap posixaio libaio io_uring splice"

run_part() {
    local way block
    for way in write randwrite rw randrw; do
        for block in 512 4k 300k; do
            outcome "$1 $way $block" fio --name="$way-$block" --directory="$work" --ioengine="$1" \
                --rw="$way" --bs="$block" --size=3m --verify=crc32c --verify_fatal=1 \
                --do_verify=1 --verify_state_save=0 --randseed=7 --thread=0
            rm -f "$work/$way-$block".*
        done
    done
}
