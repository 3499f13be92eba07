# shellcheck shell=bash disable=SC2034,SC2154
# stress-ng with --verify; a part is a stressor.
packages="stress-ng"
quick="seek"
parts="access aio aiol alarm bad-altstack brk cap chattr chdir chmod chown chroot clone close
    context copy-file daemon dentry dev-shm dir dirdeep dirmany dnotify dup dynlib env epoll
    eventfd exec exit-group fallocate fanotify fault fcntl fiemap fifo file-ioctl filename flock
    fork fp-error fpunch fsize fstat full funccall futex get getdent handle hdd inode-flags inotify
    io io-uring itimer judy kcmp kill landlock lease link list locka lockf lockofd longjmp lsearch
    madvise malloc mcontend membarrier memfd mincore misaligned mknod mlock mlockmany mmap
    mmapaddr mmapfixed mmapfork mmaphuge mmapmany mprotect mq mremap msg msync msyncmany munmap
    mutex nanosleep null open pagemove personality pidfd pipe pipeherd pkey poll prctl prefetch
    procfs pthread ptrace pty randlist readahead remap rename resched resources revio ring-pipe
    rlimit rmap rseq schedpolicy seal seccomp secretmem seek sem sem-sysv sendfile session set shm
    shm-sysv sigabrt sigchld sigfd sigfpe sigio signal signest sigpending sigpipe sigq sigrt sigsegv
    sigsuspend sigtrap sleep sock sockabuse sockfd sockpair sockmany spawn splice stack stackmmap
    stream switch symlink sync-file syncload sysbadaddr syscall tee timer timerfd tmpfs
    touch tree tsearch unshare urandom userfaultfd usersyscall utime verity vfork vforkmany vm
    vm-addr vm-rw vm-segv vm-splice wait xattr yield zero zlib zombie"

run_part() {
    outcome "$1" stress-ng --verify --no-rand-seed --oomable --temp-path "$work" \
        "--$1" 1 --timeout 2 --quiet
}
