# shellcheck shell=bash disable=SC2034,SC2154
# CPython's regression tests; a part is a module of them.
packages="python3.11 libpython3.11-testsuite"
quick="test_mmap test_fileio test_bufio"
parts="test_io test_os test_posix test_mmap test_subprocess test_zipfile test_sqlite3
    test_multiprocessing_fork test_multiprocessing_spawn test_multiprocessing_forkserver
    test_signal test_threading test_threadsignals test_fileio test_file test_file_eintr test_bufio
    test_largefile test_memoryio test_univnewlines test_tarfile test_shutil test_tempfile test_pickle
    test_pickletools test_shelve test_fileinput test_asyncio test_socket test_select test_selectors
    test_poll test_epoll test_gzip test_bz2 test_lzma test_zlib test_dbm test_dbm_dumb test_dbm_gnu
    test_linecache test_filecmp test_glob test_pathlib test_posixpath test_fcntl test_ioctl test_pty
    test_openpty test_eintr test_faulthandler test_fork1 test_wait3 test_wait4 test_popen test_pipes
    test_array test_struct test_shared_memory test_concurrent_futures test_import test_zipimport
    test_runpy test_mailbox test_csv test_configparser test_logging test_wave test_aifc test_cmd_line
    test_audit test_atexit test_contextlib test_resource test_gc test_ctypes test_urllib test_codecs
    test_marshal test_py_compile test_compileall test_plistlib test_netrc test_robotparser test_tokenize"

# The XML has every test case, by class and name; a module that breaks off leaves none.
run_part() {
    local status=0
    under "$python_tested" -m test --timeout $((limit - 60)) --junit-xml "$work/$1.xml" "$1" >"$work/said" 2>&1 || status=$?
    case $status in
    0 | 2 | 3 | 4) result "$1" "$([ $status = 0 ] && echo pass || echo fail)" ;;
    *) result "$1" "fail" ;;
    esac
    [ $status = 0 ] || { echo "-- $pass $1: $status"; tail -n 400 "$work/said"; } >>"$cache/said-$suite-$pass"
    [ ! -s "$work/$1.xml" ] || "$python" "$here/junit.py" "$work/$1.xml" "$1" | while IFS=$'\t' read -r name what; do
        result "$name" "$what"
    done
}
python_tested=/usr/bin/python3.11
