#!/bin/sh
# put.sh FILE TEXT: makes FILE hold TEXT, touching it only when it changes.
set -eu

mkdir -p "$(dirname "$1")"
if [ ! -f "$1" ] || [ "$(cat "$1")" != "$2" ]; then
    printf '%s\n' "$2" >"$1"
fi
