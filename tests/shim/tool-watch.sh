#!/bin/bash
# onecopy stat --watch in a terminal: rows, sorting, resizing, and leaving it as it was.
# shellcheck disable=SC2016
# shellcheck source=tests/shim/tool-tap.sh
. "$(dirname "$0")/tool-tap.sh"
python=/usr/bin/python3
[ -x "$python" ] || python=$(command -v python3) || skip_all "no python3"
command -v tmux >/dev/null || skip_all "no tmux"
home=$work/home
holders=()
term() { tmux -S "$work/tmux" -f /dev/null "$@" 2>/dev/null; }
# shellcheck disable=SC2154
trap 'term kill-server; kill -9 "${holders[@]}" 2>/dev/null; rm -rf "$work"' EXIT

run "$onecopy" stat --dir "$home" --watch
is "$status" 2 "without a terminal it is refused"
one_line "$err" "in one line"
run "$onecopy" stat --dir "$home" --watch --json
is "$status" 2 "so is another format with it"

# Two processes, of which the second holds more.
hold() {
    head -c "$2" /dev/urandom >"$work/data$1.bin"
    "$onecopy" run --dir "$home" --files "$work/data*" -- "$python" -c '
import sys, time
data = open(sys.argv[1], "rb").read()
open(sys.argv[2], "w").write("ready")
time.sleep(600)' "$work/data$1.bin" "$work/ready$1" &
    holders+=($!)
    for _ in $(seq 400); do
        [ -s "$work/ready$1" ] && break
        sleep 0.05
    done
}
hold 1 3000000
hold 2 9000000

# see PATTERN TEXT: the screen comes to match an extended regular expression
see() {
    local screen=
    for _ in $(seq 200); do
        screen=$(term capture-pane -p -t watch)
        [[ $screen =~ $1 ]] && break
        sleep 0.05
    done
    like "$screen" "$1" "$2"
}
term new-session -d -s watch -x 130 -y 20 bash --norc --noprofile || skip_all "tmux does not start"
term send-keys -t watch "PS1='> '; clear; '$onecopy' stat --dir '$home' --watch; echo ended \$?" Enter
see "2 processes, 2 images.*PID PROGRAM.* ${holders[1]} python3 .*data2.bin.* ${holders[0]} python3 .*data1.bin" \
    "the process that holds most comes first"
term send-keys -t watch p
see "PROGRAM.* ${holders[0]} python3 .* ${holders[1]} python3 " "p sorts by process"
kill -9 "${holders[0]}"
see "1 process, .*PROGRAM.* ${holders[1]} python3" "a process that has ended goes"
term resize-window -t watch -x 60 -y 6
see '^onecopy: 1 process.*PID PROGRAM' "it follows a smaller window"
is "$(term capture-pane -p -t watch | awk 'length > 60' | wc -l)" 0 "in which no line is too long"
term resize-window -t watch -x 130 -y 20
see "python3 .*data2.bin" "and a larger one"
term send-keys -t watch q
see 'ended 0' "q ends it with success"
sane="clear; stty -a | grep -q ' icanon ' && stty -a | grep -q ' echo ' && echo sane"
term send-keys -t watch "$sane" Enter
see '^sane' "the terminal is as it was"

term send-keys -t watch "clear; '$onecopy' stat --dir '$home' --watch" Enter
see 'PID PROGRAM' "started again"
term send-keys -t watch C-c
see '^[[:space:]]*>' "an interrupt ends it"
term send-keys -t watch "$sane" Enter
see '^sane' "and leaves the terminal as it was as well"
done_testing
