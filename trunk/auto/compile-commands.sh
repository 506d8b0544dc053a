#!/bin/sh
# compile-commands.sh FILE COMPILER FLAG...: writes the compilation database that clangd and other
# tools read, with one entry for each .c of the server and its tests. Nothing is compiled.
set -eu

file=$1
shift

# Flags as JSON strings. A backslash or a quote is the only thing that JSON wants escaped here.
flags=
for flag in "$@"; do
    flags="$flags\"$(printf '%s' "$flag" | sed 's/[\\"]/\\&/g')\", "
done
folder=$(pwd | sed 's/[\\"]/\\&/g')

find trunk -name '*.c' | sort | {
    separator=
    printf '['
    while read -r source; do
        printf '%s\n{"directory": "%s", "file": "%s", "arguments": [%s"-c", "%s"]}' \
            "$separator" "$folder" "$source" "$flags" "$source"
        separator=,
    done
    printf '\n]\n'
} >"$file"
