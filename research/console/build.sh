#!/bin/sh
# Collects the console into a directory: research/console/build.sh OUTDIR PLAYERS
#
# PLAYERS is the directory that research/players/build.sh has made: mpegts.js,
# which decodes the pictures, is taken from there.
set -eu

if [ $# -ne 2 ]; then
    echo "usage: $0 OUTDIR PLAYERS" >&2
    exit 2
fi
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
cp "$here"/src/* "$1/"
cp "$2/mpegts.js" "$2/mpegts.LICENSE" "$1/"
