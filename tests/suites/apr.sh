# shellcheck shell=bash disable=SC2034,SC2154
# The Apache Portable Runtime's own tests; a part is a group of them.
packages="build-essential uuid-dev"
source="apr"
quick=""
parts="testfile testfileinfo testfilecopy testflock testlfs testmmap testpipe testproc testprocmutex
    testpoll testsock testtemp testdir testdup testthread testshm testfnmatch testbuffers testatomic"

prepare() {
    [ -x test/testall ] || {
        { [ -x configure ] || ./buildconf; } && ./configure -q && make -s && make -s -C test
    }
}

run_part() {
    (cd "$cache/$source/test" && outcome "$1" ./testall "$1")
}
