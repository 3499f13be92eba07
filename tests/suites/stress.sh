# shellcheck shell=bash disable=SC2034,SC2154
# stress-ng with --verify; a part is a stressor.
packages="stress-ng"
quick="seek"
parts="access chmod chown close copy-file dentry dir dup dup eventfd exec fallocate fcntl fiemap file-ioctl
    filename flock fork fstat getdent hdd inotify link locka lockf lockofd lsearch madvise malloc memfd
    mlock mmap mmapfork mmapmany mremap msync munmap open pidfd pipe poll readahead rename revio seek
    sendfile sigfd sigsegv sigsuspend splice stack stream switch sync-file tee tmpfs touch unshare vfork
    vforkmany vm vm-splice zero"

run_part() {
    outcome "$1" stress-ng --verify --no-rand-seed --oomable --temp-path "$work" \
        "--$1" 1 --timeout 4 --quiet
}
