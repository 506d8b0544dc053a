#!/bin/sh
# Collects the player page into a directory: research/players/build.sh OUTDIR
#
# The page's own files are copied as they are, mpegts.js comes from npm at the
# version (and with the checksum) of package-lock.json. Nothing is fetched when
# node_modules is there already.
set -eu

if [ $# -ne 1 ]; then
    echo "usage: $0 OUTDIR" >&2
    exit 2
fi
mkdir -p "$1"
out=$(cd "$1" && pwd)
here=$(cd "$(dirname "$0")" && pwd)

# Two builds from one tree must not install at the same time.
exec 9<"$here"
if command -v flock >/dev/null; then
    flock 9
fi
library=$here/node_modules/mpegts.js
wanted=$(sed -n 's/.*"mpegts.js": "\([0-9.]*\)".*/\1/p' "$here/package.json")
if ! grep -q "\"version\": \"$wanted\"" "$library/package.json" 2>/dev/null; then
    if ! command -v npm >/dev/null; then
        echo "$0: npm is missing: apt-get install npm" >&2
        exit 1
    fi
    (cd "$here" && npm ci --ignore-scripts --omit=dev --no-audit --no-fund --loglevel=error)
fi

# Both addresses are the same page.
cp "$here/src/player.html" "$out/index.html"
cp "$here/src/player.html" "$out/srs_player.html"
for file in "$here"/src/*.css "$here"/src/*.js "$here"/src/*.svg; do
    cp "$file" "$out/"
done
cp "$library/dist/mpegts.js" "$out/mpegts.js"
cp "$library/LICENSE" "$out/mpegts.LICENSE"
