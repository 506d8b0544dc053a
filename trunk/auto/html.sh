#!/bin/sh
# html.sh DIR: gathers what the static handler serves by default: an index and
# the player page. Without npm the server is built all the same, pageless.
set -eu

dir=$1
players=research/players

mkdir -p "$dir"
if [ ! -d "$players/node_modules/mpegts.js" ] && ! command -v npm >/dev/null 2>&1; then
    echo "html: the player page needs npm (3rdparty/install.sh run installs it)" >&2
elif [ -f "$players/build.sh" ]; then
    sh "$players/build.sh" "$dir/players"
    sh research/console/build.sh "$dir/console" "$dir/players"
fi
cat >"$dir/index.html" <<'END'
<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>Millrace</title></head>
<body>
<h1>Millrace</h1>
<p>The server is running. <a href="players/">Watch a stream</a>, or open the <a href="console/">console</a>.</p>
</body>
</html>
END
