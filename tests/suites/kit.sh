# shellcheck shell=bash
# What the suites are run with; sourced by `run`, whose variables it uses.
#
# A line of results: SUITE, PASS, CASE, OUTCOME, separated by tabs.

say() { echo "== $*" >&2; }

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

installed() { dpkg-query -W -f '${Status}\n' "$1" 2>/dev/null | grep -q '^install ok installed'; }

# install PACKAGE...: 0 when all are there in the end
install() {
    local package missing=()
    for package; do installed "$package" || missing+=("$package"); done
    [ ${#missing[@]} = 0 ] && return 0
    [ -z "$offline" ] || return 1
    say "installing ${missing[*]}"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends \
        -o DPkg::Lock::Timeout=600 -o Dpkg::Use-Pty=0 install "${missing[@]}" </dev/null >/dev/null 2>&1
}

# fetch SOURCE DIRECTORY: Debian's source of it, patched, from lists of our own
fetch() {
    local apt=(-o "Dir::Etc::sourcelist=$cache/source.list" -o Dir::Etc::sourceparts=-
        -o "Dir::State::lists=$cache/lists" -o APT::Sandbox::User=root -qq)
    [ -e "$2" ] && return 0
    [ -z "$offline" ] || return 1
    say "fetching the source of $1"
    mkdir -p "$cache/lists" "$cache/fetch-$1"
    echo "deb-src http://deb.debian.org/debian $(. /etc/os-release && echo "$VERSION_CODENAME") main" \
        >"$cache/source.list"
    [ -n "$(find "$cache/lists" -name '*Sources*')" ] || apt-get "${apt[@]}" update || return 1
    (cd "$cache/fetch-$1" && apt-get "${apt[@]}" source "$1" >/dev/null) || return 1
    mv "$(find "$cache/fetch-$1" -mindepth 1 -maxdepth 1 -type d | head -1)" "$2"
    rm -rf "$cache/fetch-$1"
}

# under COMMAND...: in the way of this pass, at most $limit seconds (900, or what the suite says)
under() {
    case $pass in
    without) timeout -k 5 "$limit" "$@" ;;
    default) timeout -k 5 "$limit" env "${served[@]}" "$@" ;;
    tiny) timeout -k 5 "$limit" env "${served[@]}" ONECOPY_SECTION=4096 ONECOPY_POOL=64K \
        ONECOPY_LEND_MIN=4K "$@" ;;
    esac
} 9>&-

result() { printf '%s\t%s\t%s\t%s\n' "$suite" "$pass" "$1" "$2" >&9; }

# outcome CASE COMMAND...: one case, by exit status; what it said is kept when it failed
outcome() {
    local name=$1 status=0
    shift
    under "$@" >"$work/said" 2>&1 </dev/null || status=$?
    case $status in
    0) result "$name" pass ;;
    77) result "$name" skip ;;
    *) result "$name" fail
        echo "-- $suite $pass: $name: status $status" >>"$cache/said-$suite-$pass"
        tail -n 40 "$work/said" >>"$cache/said-$suite-$pass" ;;
    esac
}

# tap FILE PREFIX: the cases of a TAP stream
tap() {
    local line name outcome
    while IFS= read -r line; do
        case $line in
        'ok '*'# skip'* | 'ok '*'# SKIP'*) outcome=skip ;;
        'ok '*) outcome=pass ;;
        'not ok '*'# TODO'*) outcome=skip ;;
        'not ok '*) outcome=fail ;;
        *) continue ;;
        esac
        name=${line#not }
        name=${name#ok }
        result "$2 ${name%%#*}" "$outcome"
    done <"$1"
}

# one_pass PARTS: in a fresh directory, with a home of its own, which must be empty in the end
one_pass() {
    local part
    work=$(mktemp -d "$scratch/work-XXXXXX")
    home=$(mktemp -d /dev/shm/onecopy-suites-XXXXXX)
    served=("LD_PRELOAD=$library" 'ONECOPY_FILES=*' ONECOPY_MIN_SIZE=0 "ONECOPY_DIR=$home")
    for part in $1; do
        say "$suite $pass: $part"
        (cd "$work" && run_part "$part") </dev/null >"$scratch/log" 2>&1 || result "$part" fail
    done
    [ "$pass" = without ] || left
    rm -rf "$work" "$home"
}

# What a killed user left the next start removes; so one starts, and nothing may be left.
left() {
    (cd "$work" && env "${served[@]}" /bin/true)
    if [ -z "$(find "$home" -name '*.image' 2>/dev/null)" ]; then
        result "(no image is left)" pass
    else
        result "(no image is left)" fail
    fi
}

# run_suite NAME PARTS (empty: all)
run_suite() {
    local round wanted
    suite=$1
    packages='' source='' quick='' parts='' limit=900
    prepare() { :; }
    if [ ! -r "$here/$suite.sh" ]; then
        echo "run: no suite $suite" >&2
        exit 2
    fi
    # shellcheck disable=SC1090
    . "$here/$suite.sh"
    limit=${patience:-$limit}
    [ "$2" != quick ] || set -- "$1" "$quick"
    mkdir -p "$cache"
    exec 9>>"$results"
    # shellcheck disable=SC2086
    if ! install $packages || ! { [ -z "$source" ] || fetch "$source" "$cache/$source"; } ||
        ! (cd "$cache/${source:-.}" && prepare) >"$cache/prepare-$suite" 2>&1; then
        say "$suite: not prepared (see $cache/prepare-$suite)"
        printf '%s\twithout\t(prepared)\tskip\n' "$suite" >&9
        return
    fi
    for pass in $passes; do
        rm -f "$cache/said-$suite-$pass"
        for round in $(seq "$times"); do
            wanted=${2:-$parts}
            one_pass "${wanted//,/ }"
        done
    done
}
