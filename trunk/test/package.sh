#!/bin/bash
#
# The Debian package in a fresh tree (clean-room.sh DIR package runs this inside
# of it, as root): it is built, checked by lintian, installed, and serves; a newer
# version replaces the running program under a publisher and a viewer; a purge
# leaves nothing. Without systemd the server is started by hand.
set -euo pipefail

here=$PWD
work=$(mktemp -d)
log=$work/server.log
children=()
trap 'kill "${children[@]}" 2>/dev/null || true' EXIT

fail()
{
    echo "package: $*" >&2
    tail -n 20 "$log" >&2 || true
    exit 1
}

# until_true SECONDS COMMAND...
until_true()
{
    local end=$((SECONDS + $1))

    shift
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$end" ] || return 1
        sleep 0.2
    done
}

size_of()
{
    stat -c %s "$1"
}

grew()
{
    [ "$(size_of "$1")" -gt "$2" ]
}

echo "== build"
3rdparty/install.sh build run
DEBIAN_FRONTEND=noninteractive apt-get -q -y install --no-install-recommends build-essential curl debhelper lintian python3 >/dev/null
make deb >"$work/build.log" 2>&1 || {
    tail -n 30 "$work/build.log" >&2
    exit 1
}
package=$(echo "$here"/objs/deb/millrace_*.deb)

echo "== lintian"
lintian --allow-root --fail-on error,warning "$here"/objs/deb/millrace_*.changes

echo "== install"
DEBIAN_FRONTEND=noninteractive apt-get -q -y install --no-install-recommends "$package" >"$work/apt.log"
millrace -v
mkdir -p /run/millrace /var/lib/millrace
(cd /var/lib/millrace && exec millrace -c /etc/millrace/millrace.conf) >"$log" 2>&1 &
children+=($!)
server=$!
until_true 20 grep -q "HTTP listens on" "$log" || fail "the server does not start"
ffmpeg -nostdin -loglevel error -re -stream_loop -1 -i doc/source.flv -c copy -f flv rtmp://localhost/live/show &
children+=($!)
publisher=$!
curl -sN -o "$work/viewer.flv" http://localhost:8080/live/show.flv &
children+=($!)
viewer=$!
until_true 20 grew "$work/viewer.flv" 100000 || fail "the viewer gets nothing"
curl -sf http://localhost:8080/players/ >/dev/null || fail "no player page"

echo "== upgrade"
dpkg-deb -R "$package" "$work/newer"
sed -i 's/^Version: .*/&+1/' "$work/newer/DEBIAN/control"
dpkg-deb -b "$work/newer" "$work/newer.deb" >/dev/null
DEBIAN_FRONTEND=noninteractive apt-get -q -y install "$work/newer.deb" >"$work/apt.log"
until_true 30 grep -q "upgrade done" "$log" || fail "the new program did not take over"
before=$(size_of "$work/viewer.flv")
until_true 20 grew "$work/viewer.flv" $((before + 100000)) || fail "the viewer gets nothing after the upgrade"
kill -0 "$viewer" || fail "the viewer was disconnected"
kill -0 "$publisher" || fail "the publisher was disconnected"
[ "$(curl -s --max-time 3 http://localhost:8080/live/show.flv | wc -c)" -gt 100000 ] ||
    fail "a new viewer gets nothing"

echo "== purge"
kill "$viewer" "$publisher" "$server"
until_true 30 test ! -e "/proc/$server" || fail "the server does not stop"
DEBIAN_FRONTEND=noninteractive apt-get -q -y purge millrace >"$work/apt.log"
rm -rf /run/millrace # systemd's
left=$(find / -xdev -name '*millrace*' -not -path '/srv/*' -not -path '/proc/*' -not -path '/tmp/*' \
    -not -path '/var/cache/apt/*' -not -path "$HOME/*")
[ -z "$left" ] || fail "left after the purge: $left"
rm -rf "$work"
echo "package: built, checked, installed, upgraded under a viewer, purged"
