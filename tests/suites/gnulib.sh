# shellcheck shell=bash disable=SC2034,SC2154
# coreutils' own tests (a part is a directory of them), and gnulib's, which try libc's functions.
packages="build-essential"
source="coreutils"
quick=""
parts="gnulib cat head tail dd cp od split tac tee truncate shuf sort cksum"

prepare() {
    [ -x src/cat ] || {
        FORCE_UNSAFE_CONFIGURE=1 ./configure -q --disable-nls &&
            make -s -j2 && make -s -C gnulib-tests -j2 check TESTS=
    }
}

run_gnulib() {
    local program
    for program in "$cache/$source"/gnulib-tests/test-{accept,bind,binary-io,chdir,cloexec,close,connect,dup,dup2,fadvise,fclose,fcntl,fdatasync,fdopen,fdopendir,fdutimensat,fflush,fgetc,fopen,fopen-gnu,fpurge,fputc,fread,freading,fstat,fstatat,fsync,ftell,ftello,ftruncate,fwrite,getcwd,getdtablesize,ioctl,isatty,link,linkat,listen,lseek,lstat,malloc-gnu,memchr,mkdir,mkfifo,mkfifoat,nanosleep,open,openat,openat-safer,perror,pipe,pipe2,poll,posix_spawn,pread,pselect,pthread_sigmask1,pthread_sigmask2,raise,read,read-file,readlink,realloc-gnu,rename,renameat,rmdir,select,setsockopt,sigaction,signal-h,sigprocmask,sleep,socket,stat,symlink,unlink,unlinkat,usleep,utimens,write}; do
        [ -x "$program" ] && outcome "$(basename "$program")" "$program" </dev/null
    done
}

run_part() {
    local test
    if [ "$1" = gnulib ]; then
        run_gnulib
        return
    fi
    for test in "$cache/$source/tests/$1"/*.sh "$cache/$source/tests/misc/$1"*.sh; do
        [ -e "$test" ] || continue
        (cd "$cache/$source" && outcome "$1 $(basename "$test")" env srcdir=. \
            abs_srcdir="$cache/$source" abs_top_srcdir="$cache/$source" abs_top_builddir="$cache/$source" \
            built_programs="cat head tail dd cp od split tac tee truncate shuf sort" \
            PATH="$cache/$source/src:$PATH" CONFIG_HEADER=lib/config.h SHELL=/bin/bash \
            PERL=perl host_os=linux-gnu VERSION=9.1 \
            bash -c 'exec 9>&2; exec bash "$0" 9>&2' "tests/${test#*/tests/}")
    done
}
