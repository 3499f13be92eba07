# shellcheck shell=bash disable=SC2034,SC2154
# The Open POSIX test suite (it became a part of LTP); a part is an interface.
packages="build-essential"
source="posixtestsuite"
quick=""
limit=40
parts="aio_cancel aio_error aio_fsync aio_read aio_return aio_suspend aio_write fork fsync kill killpg lio_listio
    mlock mlockall mmap mq_close mq_getattr mq_notify mq_open mq_receive mq_send mq_setattr mq_unlink munlock
    munlockall munmap nanosleep pthread_atfork pthread_attr_setstack pthread_attr_setstacksize pthread_cancel
    pthread_cleanup_pop pthread_cleanup_push pthread_create pthread_detach pthread_exit pthread_join pthread_kill
    pthread_once pthread_rwlock_rdlock pthread_rwlock_wrlock pthread_setcancelstate pthread_setcanceltype
    pthread_sigmask pthread_testcancel raise sem_close sem_open sem_post sem_unlink sem_wait shm_open shm_unlink
    sigaction sigaltstack sighold sigignore signal sigpause sigpending sigprocmask sigqueue sigrelse sigset
    sigsuspend sigtimedwait sigwait sigwaitinfo"

prepare() {
    local test
    mkdir -p built
    for test in conformance/interfaces/*/*-*.c; do
        set -- "${test%/*}"
        set -- "built/${1##*/} $(basename "$test" .c)" "$test"
        [ -x "$1" ] || gcc -w -std=gnu99 -D_GNU_SOURCE -Iinclude -o "$1" "$2" -lpthread -lrt -lm 2>/dev/null || :
    done
}


run_part() {
    local program status
    for program in "$cache/$source/built/$1 "*; do
        status=0
        under "$program" >"$work/said" 2>&1 </dev/null || status=$?
        case $status in
        0) result "${program##*/}" pass ;;
        4 | 5) result "${program##*/}" skip ;;
        *) result "${program##*/}" "fail" ;;
        esac
    done
}
