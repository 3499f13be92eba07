#!/bin/bash
# The options of every command: the same in --help, the manual and the completions of shells.
# shellcheck disable=SC2016
# shellcheck source=tests/shim/tool-tap.sh
. "$(dirname "$0")/tool-tap.sh"
# shellcheck disable=SC2154
completions=$srcdir/data/completions
manual=$srcdir/doc/onecopy.1
export PATH=$builddir/tools:$PATH HOME=$work
unset XDG_CONFIG_HOME XDG_DATA_HOME ZDOTDIR

# The options in a --help, one a line.
helped() {
    "$onecopy" "$@" --help | sed -nE 's/^ +((-[a-zA-Z]), )?(--[a-z-]+).*/\2\n\3/p' | grep . | sort
}

# The options that have a paragraph in a section of the manual.
documented() {
    awk -v section=".SH \"ONECOPY $1\"" '
        /^\.SH/ { inside = ($0 == section) }
        inside && tag { print }
        { tag = ($0 == ".TP" || $0 == ".TQ") }' "$manual" |
        sed 's/\\-/-/g; s/\\f[A-Z]//g' | grep -oE '(^|[ "])-(-[a-z-]+|[a-zA-Z])' | tr -d ' "' | sort
}

commands=$("$onecopy" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p' | grep -vx help)
is "$(sed -n 's/^\.SH "ONECOPY \([A-Z]*\)"$/\1/p' "$manual" | tr A-Z a-z | sort)" "$(sort <<<"$commands")" \
    "every command has its section in the manual"
documented RUN >"$work/settings"

for command in $commands; do
    helped "$command" >"$work/$command"
    # The options of run are told once.
    case $command in
        stat | clean) : >"$work/common" ;;
        *) cp "$work/settings" "$work/common" ;;
    esac
    is "$(documented "${command^^}" | sort -u - "$work/common")" "$(grep -vx -e --help "$work/$command" | sort -u - "$work/common")" \
        "$command: the manual has the options of --help"
    # getopt_long itself tells all the names that begin with nothing.
    is "$("$onecopy" "$command" --=x 2>&1 | tr "'" '\n' | grep -x -e '--[a-z-]*' | sort)" \
        "$(grep -- '^--' "$work/$command")" "$command: the options in the code are those of --help"
    is "$(comm -23 "$work/common" "$work/$command")" "" "$command: it takes all options of run that it should"
done

is "$("$builddir/tests/unit/print_tables" | sed -n 's/^variable ONECOPY_\([A-Z_]*\).*/--\1/p' | tr A-Z_ a-z- | grep -vx -e --disable | sort)" \
    "$("$builddir/tests/unit/print_tables" | sed -n 's/^variable ONECOPY_\([A-Z_]*\).*/--\1/p' | tr A-Z_ a-z- | sort | comm -12 - "$work/run")" \
    "run: every variable has its option"

# ---- bash ----
bash_options() {
    bash --norc -c '. "$1"; shift; COMP_WORDS=(onecopy "$@"); COMP_CWORD=$#; _onecopy; printf "%s\n" "${COMPREPLY[@]}"' \
        bash "$completions/onecopy.bash" "$@" 2>/dev/null | sort
}
is "$(bash_options '' | grep -v -e '^--' -e '^help$')" "$(sort <<<"$commands")" "bash: the commands"
for command in $commands; do
    is "$(bash_options "$command" -)" "$(<"$work/$command")" "bash: the options of $command"
done
is "$(bash_options run --lend '')" $'off\non' "bash: the values of an option"
is "$(bash_options run --log = d)" debug "bash: behind a ="
mkdir "$work/folder"
is "$(bash_options stat --dir "$work/fol")" "$work/folder" "bash: folders"
is "$(bash_options help st)" stat "bash: help of a command"
is "$(bash_options run --files x -- "$work/fol")" "$work/folder" "bash: the command to be run"

# ---- fish ----
fish_options() {
    fish --no-config -c 'source $argv[1]; complete -C "$argv[2]"' "$completions/onecopy.fish" "onecopy $*" 2>/dev/null | cut -f1 | sort
}
if command -v fish >/dev/null; then
    is "$(fish_options '' | grep -v -e '^-' -e '^help$')" "$(sort <<<"$commands")" "fish: the commands"
    for command in $commands; do
        is "$(fish_options "$command" -)" "$(<"$work/$command")" "fish: the options of $command"
    done
    is "$(fish_options run --lend '')" $'off\non' "fish: the values of an option"
else
    skip "no fish" "fish"
fi

# ---- zsh ----
zsh_options() {
    zsh -f -c 'setopt no_nomatch
        _call_program() { shift; "$@" }
        _arguments() { return 0 }
        words=(onecopy); source "$1"; specs=(); _onecopy_specs "$2"; print -l -- $specs' \
        zsh "$completions/_onecopy" "$1" 2>/dev/null | sed -E 's/^\*(-[a-zA-Z]|--[a-z-]+).*/\1/' | sort
}
if command -v zsh >/dev/null; then
    for command in $commands; do
        is "$(zsh_options "$command")" "$(<"$work/$command")" "zsh: the options of $command"
    done
else
    skip "no zsh" "zsh"
fi
done_testing
