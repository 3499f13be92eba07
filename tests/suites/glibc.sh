# shellcheck shell=bash disable=SC2034,SC2154
# glibc's own tests, compiled against the libc that is installed; a part is a directory of them.
packages="build-essential"
source="glibc"
quick=""
limit=240
parts="io posix misc nptl sysdeps/pthread sysdeps/unix/sysv/linux libio stdio-common signal rt dirent malloc"

# What their support library wants of glibc's private headers.
headers() {
    local header
    mkdir -p tests/inc tests/obj tests/bin
    ln -sfn ../../support tests/inc/support
    ln -sfn ../../malloc tests/inc/malloc
    for header in array_length.h libc-diag.h intprops.h libc-pointer-arith.h scratch_buffer.h; do
        cp "include/$header" tests/inc/
    done
    : >tests/inc/config.h
    printf '#define _STACK_GROWS_DOWN 1\n#define DEFAULT_STACK_PERMS 7\n' >tests/inc/stackinfo.h
    cat >tests/inc/before.h <<'C'
#include <elf.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/cdefs.h>
#define attribute_hidden
#define libc_hidden_proto(x)
#define libc_hidden_def(x)
#define __set_errno(e) (errno = (e))
#define __glibc_likely(c) __builtin_expect ((c), 1)
#define __glibc_unlikely(c) __builtin_expect ((c), 0)
C
}

compile() {
    gcc -w -O1 -std=gnu11 -D_GNU_SOURCE -Itests/inc -Isupport -DTIMEOUTFACTOR=10 '-DOBJPFX="/tmp/"' \
        '-DSRCDIR_PATH="/tmp"' '-DOBJDIR_PATH="/tmp"' '-DOBJDIR_ELF_LDSO_PATH="/lib64/ld-linux-x86-64.so.2"' \
        '-DINSTDIR_PATH="/usr"' '-DLIBDIR_PATH="/usr/lib"' '-DBINDIR_PATH="/usr/bin"' '-DSBINDIR_PATH="/usr/sbin"' \
        '-DROOTSBINDIR_PATH="/sbin"' '-DCOMPLOCALEDIR_PATH="/usr/lib/locale"' '-DSYSCONFDIR_PATH="/etc"' \
        '-DSLIBDIR_PATH="/lib"' '-DELF_LDSO_PATH="/lib64/ld-linux-x86-64.so.2"' "$@" 2>/dev/null
}

# What needs more of glibc's build than this does not compile, and is left out.
prepare() {
    local file
    headers
    for file in support/*.c malloc/dynarray_[aefr]*.c malloc/scratch_buffer_*.c; do
        case $file in
        *tst-* | *container* | *test-run-command* | *test-driver.c) continue ;;
        *) [ -e "tests/obj/$(basename "$file" .c).o" ] ||
            compile -include tests/inc/before.h -c "$file" -o "tests/obj/$(basename "$file" .c).o" || : ;;
        esac
    done
    [ -e tests/libsupport.a ] || ar rcs tests/libsupport.a tests/obj/*.o
    for file in {io,posix,misc,nptl,sysdeps/pthread,sysdeps/unix/sysv/linux,libio,stdio-common,signal,rt,dirent,malloc}/{tst-,bug,test-,ftwtest,dup,lseek}*.c; do
        set -- "tests/bin/${file//\//:}"
        [ ! -e "$file" ] || [ -e "${1%.c}" ] || [ -e "${1%.c}.not" ] ||
            compile "$file" -o "${1%.c}" tests/libsupport.a -lpthread -lrt -ldl -lm -lutil ||
            : >"${1%.c}.not"
    done
}


run_part() {
    local program status again
    for program in "$cache/$source/tests/bin/${1//\//:}":*; do
        case $program in
        *.not | *tst-sysconf-empty-chroot | *tst-malloc-too-large | *-bz22153 | *rlimit-infinity) continue ;;
        esac
        status=0
        again=()
        case $program in
        *:tst-exec | *:tst-spawn | *:tst-execvpe5 | *:tst-spawn5 | *-static) again=(-- "$program") ;;
        esac
        under "$program" "${again[@]}" >"$work/said" 2>&1 </dev/null || status=$?
        case $status in
        0) result "${program##*/}" pass ;;
        77) result "${program##*/}" skip ;;
        *) result "${program##*/}" "fail"
            { echo "-- $pass ${program##*/}: $status"; tail -n 20 "$work/said"; } >>"$cache/said-$suite-$pass" ;;
        esac
    done
}
