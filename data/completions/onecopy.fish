# fish completion for onecopy(1).
# Commands and options are what "onecopy --help" and "onecopy COMMAND --help" tell,
# so they never differ from the program's.

# The command that has been typed, if any.
function __onecopy_command
    set -l words (commandline -opc)
    test (count $words) -ge 2; and echo $words[2]
end

function __onecopy_commands
    onecopy --help 2>/dev/null | string match -rg '^  ([a-z]+) +(.*)$' | while read -l name
        read -l text
        printf '%s\t%s\n' $name $text
    end
end

# The options of a command: "option<TAB>argument<TAB>text".
function __onecopy_help
    onecopy $argv[1] --help 2>/dev/null | LC_ALL=C awk '
        /^ +-[a-zA-Z-]/ {
            short = ""
            sub(/^ +/, "")
            if ($0 ~ /^-[a-zA-Z], /) { short = substr($0, 1, 2); sub(/^-[a-zA-Z], /, "") }
            head = text = $0
            sub(/  .*/, "", head)
            if (!sub(/^.*[^ ]  +/, "", text)) text = ""
            name = argument = head
            sub(/ .*/, "", name)
            if (!sub(/^[^ ]+ /, "", argument)) argument = ""
            print name "\t" argument "\t" text
            if (short != "") print short "\t" argument "\t" text
        }'
end

function __onecopy_options
    set -l command (__onecopy_command)
    test -n "$command"; and __onecopy_help $command | while read -l -d \t option argument text
        printf '%s\t%s\n' $option $text
    end
end

# What the option before the cursor takes, or nothing.
function __onecopy_argument
    set -l words (commandline -opc)
    test (count $words) -ge 3; or return 1
    __onecopy_help $words[2] | while read -l -d \t option argument text
        if test "$option" = "$words[-1]"; and test -n "$argument"
            echo $argument
            return 0
        end
    end
    return 1
end

function __onecopy_values
    switch (__onecopy_argument)
        case 'on|off'
            printf '%s\n' on off
        case 'LEVEL*'
            printf '%s\n' off error info debug
        case 'DIR*'
            __fish_complete_directories (commandline -ct)
        case '*FILE*' 'GLOB*'
            __fish_complete_path (commandline -ct)
    end
end

# A program to be run, and what it may take.
function __onecopy_programs
    complete -C (commandline -ct | string collect)
    __fish_complete_path (commandline -ct)
end

function __onecopy_is
    contains -- "$(__onecopy_command)" $argv
end

function __onecopy_dash
    string match -q -- '-*' (commandline -ct)
end

complete -c onecopy -f
complete -c onecopy -n '__onecopy_is ""' -a '(__onecopy_commands)'
complete -c onecopy -n '__onecopy_is ""' -l help -d 'print a help text'
complete -c onecopy -n '__onecopy_is ""' -l version -d 'print the version'
complete -c onecopy -n '__onecopy_is help' -a '(__onecopy_commands)'
complete -c onecopy -n '__onecopy_argument >/dev/null' -a '(__onecopy_values)'
complete -c onecopy -n '__onecopy_dash; and not __onecopy_argument >/dev/null' -a '(__onecopy_options)'
complete -c onecopy -n '__onecopy_is run compare check; and not __onecopy_dash; and not __onecopy_argument >/dev/null' -a '(__onecopy_programs)'
