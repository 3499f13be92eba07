#!/bin/bash
# The Debian packages: built from the tree, judged by lintian, and used unpacked.
# shellcheck source=tests/shim/tool-tap.sh
. "$(dirname "$0")/tool-tap.sh"
# shellcheck disable=SC2154
[ -d "$srcdir/debian" ] || skip_all "no debian/ in a tarball"
for tool in dpkg-buildpackage dh fakeroot; do
    command -v "$tool" >/dev/null || skip_all "no $tool"
done
dpkg-checkbuilddeps -P nocheck "$srcdir/debian/control" 2>/dev/null || skip_all "build dependencies are missing"

# The sources alone: what was configured or built in the tree stays behind.
mkdir "$work/source"
tar -C "$srcdir" -c --exclude-vcs --exclude=./build --exclude=./autom4te.cache . | tar -C "$work/source" -x
if ! (cd "$work/source" && DEB_BUILD_OPTIONS="nocheck parallel=$(nproc)" DEB_BUILD_PROFILES=nocheck dpkg-buildpackage -us -uc -b) >"$work/log" 2>&1; then
    ok 1 "dpkg-buildpackage"
    tail -n 40 "$work/log" | sed 's/^/# /'
    done_testing
    exit 1
fi
ok 0 "dpkg-buildpackage"
packages=$(cd "$work" && echo -- *.deb)
like "$packages" 'libonecopy-dev_.*libonecopy0_.*onecopy_' "library, development files and tools are packages of their own"

if command -v lintian >/dev/null; then
    is "$(lintian --allow-root "$work"/*.changes 2>&1 | grep '^[EW]: ')" "" "lintian has neither errors nor warnings"
else
    skip "no lintian" "lintian"
fi

for package in onecopy libonecopy0 libonecopy-dev; do
    dpkg-deb -x "$work/${package}"_*.deb "$work/root"
done
top=$work/root/usr
library=$(find "$top/lib" -name libonecopy-preload.so)
run "$top/bin/onecopy" run --files x -- sh -c 'echo $LD_PRELOAD'
is "$out" "$library" "the packed command finds the packed library"
run "$top/bin/onecopy" check --dir "$work/home" "$(type -P cat)"
is "$status" 0 "and onecopy check finds nothing in the way"
like "$(readlink "$(dirname "$library")/libonecopy.so")" '^libonecopy\.so\.0' "the library for programs has its link"
for file in share/man/man1/onecopy.1.gz share/man/man7/onecopy.7.gz share/man/man3/libonecopy.3.gz include/onecopy.h \
    share/bash-completion/completions/onecopy share/zsh/vendor-completions/_onecopy lib/systemd/user/onecopy-clean.timer; do
    ok "$([ -s "$top/$file" ]; echo $?)" "/usr/$file is packed"
done
run dpkg-deb -f "$work"/onecopy_*.deb Version
is "$out" "$("$onecopy" --version | sed 's/^onecopy //')" "the packages have the program's version"
done_testing
