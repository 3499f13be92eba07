#!/bin/bash
# make install: what is put where, and that it works from there.
# shellcheck source=tests/shim/tool-tap.sh
. "$(dirname "$0")/tool-tap.sh"
# shellcheck disable=SC2154
if ! "${MAKE:-make}" -C "$builddir" -s install DESTDIR="$work/root" prefix=/opt/onecopy exec_prefix=/opt/onecopy \
    >"$work/log" 2>&1; then
    ok 1 "make install"
    sed 's/^/# /' "$work/log"
    done_testing
    exit 1
fi
ok 0 "make install"
top=$work/root/opt/onecopy
for file in bin/onecopy share/bash-completion/completions/onecopy share/zsh/site-functions/_onecopy \
    share/fish/vendor_completions.d/onecopy.fish lib/systemd/user/onecopy-clean.service \
    lib/systemd/user/onecopy-clean.timer share/man/man1/onecopy.1 share/man/man7/onecopy.7 include/onecopy.h; do
    ok "$([ -s "$top/$file" ]; echo $?)" "$file is there"
done
run "$top/bin/onecopy" run --files x -- sh -c 'echo $LD_PRELOAD'
is "$out" "$(find "$top" -name libonecopy-preload.so)" "the installed command finds the installed library"
run "$top/bin/onecopy" check --json "$(type -P cat)"
is "$status" 0 "onecopy check finds nothing in the way"
like "$(grep ExecStart "$top/lib/systemd/user/onecopy-clean.service")" '^ExecStart=/.*/onecopy clean$' \
    "the service names the command"
if command -v systemd-analyze >/dev/null; then
    sed -i "s|^ExecStart=.*/onecopy|ExecStart=$top/bin/onecopy|" "$top/lib/systemd/user/onecopy-clean.service"
    run systemd-analyze verify --man=no "$top/lib/systemd/user/onecopy-clean.service" \
        "$top/lib/systemd/user/onecopy-clean.timer"
    is "$status $(grep onecopy <<<"$err")" "0 " "systemd takes the units"
else
    skip "no systemd" "systemd takes the units"
fi
done_testing
