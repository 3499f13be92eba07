# shellcheck shell=bash disable=SC2034,SC2154
# libuv's own tests: files, processes, signals, threads under node's event loop.
packages="build-essential autoconf automake libtool"
source="libuv1"
quick=""
parts="fs pipe process spawn signal thread poll stdio work other"

prepare() {
    [ -x test/run-tests ] || { ./autogen.sh && ./configure -q && make -s -j2 && make -s -j2 check TESTS=; }
}

# Names of the tests whose names begin with the part's.
run_part() {
    local test pattern="^${1}_"
    case $1 in
    pipe) pattern='^pipe_' ;;
    process | spawn) pattern="^${1}" ;;
    signal | thread | poll) pattern="^$1" ;;
    stdio) pattern='^(tty|stdio|closed_fd|queue|dlerror)' ;;
    work) pattern='^(threadpool|queue_work|async|random)' ;;
    other) pattern='^(fork|emfile|handle|loop|run|timer|udp_open|tcp_open|platform|env|cwd|get_|homedir|tmpdir|fail_always)' ;;
    esac
    cd "$cache/$source" || return
    for test in $(./test/run-tests --list | grep -vE 'fail_always' | grep -E "$pattern"); do
        outcome "$test" ./test/run-tests "$test"
    done
}
