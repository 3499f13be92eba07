# shellcheck shell=bash disable=SC2034,SC2154
# GLib's own tests as Debian installs them; a part is a program of them.
packages="libglib2.0-tests dbus"
quick=""
limit=300
parts="appinfo async-close-output-stream async-splice-output-stream asyncqueue basic-application
    buffered-input-stream buffered-output-stream cancellable contenttype contexts converter-stream
    credentials data-input-stream data-output-stream dir environment file fileutils filter-streams g-file
    g-file-info gdbus-close-pending gdbus-connection gdbus-message gdbus-peer gdbus-serialization
    gsubprocess io-channel io-channel-basic io-stream keyfile live-g-file logging mainloop mappedfile
    mapping memory-input-stream memory-output-stream module-test-library module-test-plugin option-argv0
    option-context pollable private protocol readwrite resources shell signal-handler sleepy-stream socket
    socket-address socket-listener socket-service spawn-multithreaded spawn-path-search spawn-singlethread
    spawn-test task testfilemonitor testing thread timeout timer trash unix unix-fd unix-mounts
    unix-streams vfs"

run_part() {
    local program=/usr/libexec/installed-tests/glib/$1 status=0
    [ -x "$program" ] || return 0
    (cd "$work" && under env HOME="$work" XDG_DATA_HOME="$work/data" XDG_RUNTIME_DIR="$work" \
        G_TEST_SRCDIR="${program%/*}" G_TEST_BUILDDIR="${program%/*}" \
        dbus-run-session -- "$program" --tap >"$work/said" 2>&1) || status=$?
    sed 's/^\(\(not \)\{0,1\}ok\) [0-9]* /\1 /' "$work/said" >"$work/tap"
    tap "$work/tap" "$1"
    result "$1" "$([ $status = 0 ] && echo pass || echo fail)"
    [ $status = 0 ] || { echo "-- $pass $1: $status"; tail -n 40 "$work/said"; } >>"$cache/said-$suite-$pass"
}
