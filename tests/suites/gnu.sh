# shellcheck shell=bash disable=SC2016,SC2034,SC2046,SC2154
# The tests of small GNU tools, by the tools that are installed; a part is a package, or a folder of
# coreutils' tests.  A few want helpers that only a build makes, and fail both ways.
packages="coreutils sed grep gzip diffutils findutils"
quick=""
limit=120
parts="gzip sed grep diffutils findutils cp dd du head install ln ls misc mv rm shred split tail-2 tac touch tee"

prepare() {
    local package
    for package in $packages; do
        fetch "$package" "$cache/$package" || return
    done
}

# scripts FOLDER NAME...: the tests among those files, run in that folder
scripts() {
    local folder=$cache/$1 test
    shift
    for test; do
        grep -q 'srcdir=.}.*init.sh' "$folder/$test" 2>/dev/null || continue
        case $test in
        *perf* | *2GiB* | *2G*) continue ;;
        esac
        (cd "$folder" && outcome "${folder##"$cache/"} $test" env srcdir=. abs_srcdir="$folder" abs_top_srcdir="$folder" \
            abs_top_builddir="$folder" top_srcdir=. built_programs="$built" CONFIG_HEADER=/dev/null SHELL=/bin/bash \
            PERL=perl AWK=awk LC_ALL=C host_os=linux-gnu host_triplet=x86_64-pc-linux-gnu PATH="$tools:$PATH" \
            VERSION="$version" PACKAGE_VERSION="$version" bash -c 'exec 9>&2; exec bash "$0" 9>&2' "$test")
    done
}

run_part() {
    local package=$1 version built tools=$work/tools name
    built="cat chmod chown cksum comm cp csplit cut date dd df dir du echo env expand expr factor fmt fold head id
        install join kill link ln ls md5sum mkdir mkfifo mknod mktemp mv nice nl nohup nproc numfmt od paste pathchk
        pr printenv printf ptx pwd readlink realpath rm rmdir seq sha1sum sha256sum shred shuf sleep sort split stat
        stdbuf stty sum sync tac tail tee test timeout touch tr true truncate tsort tty uname unexpand uniq unlink
        vdir wc who yes"
    [ -d "$cache/$1" ] || package=coreutils
    version=$(cat "$cache/$package/.tarball-version")
    mkdir -p "$tools"
    case $1 in
    sed) scripts sed $(cd "$cache/sed" && echo testsuite/*) ;;
    findutils) scripts findutils $(cd "$cache/findutils" && echo tests/*/*.sh) ;;
    gzip | grep | diffutils) scripts "$1/tests" $(cd "$cache/$1/tests" && echo *) ;;
    *) scripts coreutils $(cd "$cache/coreutils" && echo "tests/$1"/*.sh) ;;
    esac
}
