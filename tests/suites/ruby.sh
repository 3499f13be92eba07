# shellcheck shell=bash disable=SC2034,SC2154
# Ruby's own tests, by the ruby that is installed; a part is a file of them.
packages="ruby3.1 ruby-dev build-essential"
source="ruby3.1"
quick=""
parts="ruby/test_io ruby/test_file ruby/test_file_exhaustive ruby/test_io_buffer ruby/test_io_m17n ruby/test_process
    ruby/test_argf ruby/test_pipe ruby/test_readpartial ruby/test_system ruby/test_signal ruby/test_thread
    ruby/test_dir
    io/nonblock/test_flush io/wait/test_io_wait io/wait/test_io_wait_uncommon io/console/test_io_console
    fileutils/test_fileutils zlib/test_zlib stringio/test_stringio test_tempfile test_pstore test_open3 test_pty
    socket/test_unix socket/test_socket socket/test_basicsocket logger/test_logdevice csv/interface/test_read"

# What some tests require: small extensions that look for holes in files and the like.
prepare() {
    local name
    for name in file process wait_for_single_fd integer; do
        [ -e "tests-ext/-test-/$name.so" ] || [ ! -d "ext/-test-/$name" ] || {
            mkdir -p "tests-ext/$name" tests-ext/-test- && (cd "tests-ext/$name" &&
                ruby3.1 "../../ext/-test-/$name/extconf.rb" && make) &&
                find "tests-ext/$name" -name '*.so' -exec cp {} tests-ext/-test-/ ';'
        }
    done
    return 0
}

run_part() {
    local status=0
    cd "$cache/$source" || return
    under env TMPDIR="$work" ruby3.1 -I tool/lib -I tests-ext test/runner.rb -v --seed=1 "test/$1.rb" \
        >"$work/said" 2>&1 || status=$?
    tr -d '\0' <"$work/said" | sed -n 's/^.*\(Test[A-Za-z0-9_:]*#[^ ]*\) = [0-9.]* s\( = \)\{0,1\}\([FES]\{0,1\}\)$/\1 \3/p' | while read -r name how; do
        case $how in
        '') result "$1 $name" pass ;;
        S) result "$1 $name" skip ;;
        *) result "$1 $name" fail ;;
        esac
    done
    result "$1" "$([ $status = 0 ] && echo pass || echo fail)"
    [ $status = 0 ] || { echo "-- $pass $1: $status"; tail -n 300 "$work/said"; } >>"$cache/said-$suite-$pass"
}
