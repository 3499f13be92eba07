# bash completion for onecopy(1).
# Commands and options are what "onecopy --help" and "onecopy COMMAND --help" tell,
# so they never differ from the program's.

# Of COMMAND: a line "option<TAB>argument" for each option, short ones too.
_onecopy_options() {
    "${1:-onecopy}" ${2:+"$2"} --help 2>/dev/null | LC_ALL=C awk '
        /^ +-[a-zA-Z-]/ {
            short = ""
            sub(/^ +/, "")
            if ($0 ~ /^-[a-zA-Z], /) { short = substr($0, 1, 2); sub(/^-[a-zA-Z], /, "") }
            sub(/  .*/, "")
            name = argument = $0
            sub(/ .*/, "", name)
            if (!sub(/^[^ ]+ /, "", argument)) argument = ""
            print name "\t" argument
            if (short != "") print short "\t" argument
        }'
}

_onecopy_commands() {
    "${1:-onecopy}" --help 2>/dev/null | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p'
}

# The argument that option $2 of the options $1 takes, or nothing.
_onecopy_argument() {
    local option argument
    while IFS=$'\t' read -r option argument; do
        if [ "$option" = "$2" ]; then
            printf '%s\n' "$argument"
            return
        fi
    done <<<"$1"
}

_onecopy_reply() {
    mapfile -t COMPREPLY < <(compgen "$@")
}

# Complete the argument of an option, by its name in the help.
_onecopy_value() {
    case $1 in
        'on|off') _onecopy_reply -W 'on off' -- "$2" ;;
        LEVEL*) _onecopy_reply -W 'off error info debug' -- "$2" ;;
        DIR*) compopt -o filenames 2>/dev/null; _onecopy_reply -d -- "$2" ;;
        *FILE* | GLOB*) compopt -o filenames 2>/dev/null; _onecopy_reply -f -- "$2" ;;
        *) COMPREPLY=() ;;
    esac
}

_onecopy() {
    local program=${COMP_WORDS[0]} command=${COMP_WORDS[1]} cur=${COMP_WORDS[COMP_CWORD]}
    local prev=${COMP_WORDS[COMP_CWORD - 1]} options argument i

    COMPREPLY=()
    if [ "$COMP_CWORD" = 1 ]; then
        _onecopy_reply -W "$(_onecopy_commands "$program") --help --version" -- "$cur"
        return
    fi
    if [ "$command" = help ]; then
        [ "$COMP_CWORD" != 2 ] || _onecopy_reply -W "$(_onecopy_commands "$program")" -- "$cur"
        return
    fi
    options=$(_onecopy_options "$program" "$command")
    # "--option=value" comes in three words
    if [ "$cur" = = ]; then
        cur=
    elif [ "$prev" = = ]; then
        prev=${COMP_WORDS[COMP_CWORD - 2]}
    fi
    # Where the options end, the command to be run begins.
    for ((i = 2; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
            --) i=$((i + 1)); break ;;
            -*)
                argument=$(_onecopy_argument "$options" "${COMP_WORDS[i]}")
                [ -z "$argument" ] || i=$((i + 1))
                if [ "${COMP_WORDS[i]}" = = ]; then i=$((i + 1)); fi ;;
            *) break ;;
        esac
    done
    if [ "$i" -lt "$COMP_CWORD" ]; then
        if declare -F _command_offset >/dev/null; then
            _command_offset "$i"
        else
            compopt -o filenames 2>/dev/null
            _onecopy_reply -f -- "$cur"
        fi
        return
    fi
    argument=$(_onecopy_argument "$options" "$prev")
    if [ -n "$argument" ]; then
        _onecopy_value "$argument" "$cur"
    elif [[ $cur == -* || $command == stat || $command == clean ]]; then
        _onecopy_reply -W "$(cut -f1 <<<"$options")" -- "$cur"
    else
        _onecopy_reply -c -- "$cur"
    fi
}
complete -F _onecopy onecopy
