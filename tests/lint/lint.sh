#!/bin/bash
# What analysers say about the sources: scripts by shellcheck, C by clang-format, cppcheck
# and gcc -fanalyzer; with LINT_ALL=1 by clang-tidy, too, which takes minutes.  Anything
# said fails; what an analyser gets wrong is answered in the code or in .clang-tidy.
# make gives top_srcdir and top_builddir (SC2154).  Each is skipped where it is not installed.
# shellcheck source=tests/shim/tool-tap.sh
. "$(dirname "$0")/../shim/tool-tap.sh"
config=$(cd "$builddir" && pwd)
cd "$srcdir" || exit 99
jobs=$(nproc)

# with TOOL WHAT COMMAND...: it must say nothing
with() {
    local tool=$1 what=$2 said
    shift 2
    if ! command -v "$tool" >/dev/null; then
        skip "$tool is not installed" "$what"
        return
    fi
    said=$("$@" 2>&1 | head -n 40)
    [ -z "$said" ]
    ok $? "$what"
    [ -z "$said" ] || printf '%s\n' "$said" | sed 's/^/# /'
}

sources=(src/*.c src/*/*.c)
flags=(-std=gnu11 -D_GNU_SOURCE -DHAVE_CONFIG_H -Isrc -Iinclude "-I$config")

check_scripts() {
    find tools tests .ci -type f ! -name '*.o' -print0 |
        xargs -0 grep -lIE --null '^#!.*\b(ba)?sh$' | xargs -0 shellcheck -x -S warning -e SC2154
}

check_format() {
    find src include tools tests -name '*.[ch]' -print0 |
        xargs -0 clang-format --dry-run -Werror
}

check_cppcheck() {
    cppcheck --quiet -j "$jobs" --enable=warning,performance,portability --inline-suppr --std=c11 \
        -D_GNU_SOURCE -D__x86_64__ -Isrc -Iinclude --suppress=missingIncludeSystem src tools
}

check_analyzer() {
    printf '%s\0' "${sources[@]}" | xargs -0 -P "$jobs" -I{} \
        gcc "${flags[@]}" -O1 -fanalyzer -Wno-analyzer-too-complex -S -o /dev/null {}
}

check_tidy() {
    printf '%s\0' "${sources[@]}" | xargs -0 -P "$jobs" -I{} clang-tidy --quiet {} -- "${flags[@]}" 2>/dev/null
}

with shellcheck "shellcheck on the scripts" check_scripts
with clang-format "clang-format on the sources" check_format
with cppcheck "cppcheck on src and tools" check_cppcheck
with gcc "gcc -fanalyzer on src" check_analyzer
[ -z "${LINT_ALL:-}" ] || with clang-tidy "clang-tidy on src" check_tidy
done_testing
