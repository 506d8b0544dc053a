#!/bin/bash
#
# Builds the container image and starts it for real, where there is no Docker:
#
#   trunk/test/container.sh DIR
#
# DIR is where images and logs are kept; what is there already is used again. Needs root,
# buildah, debootstrap, ffmpeg and curl (none of which "make test" asks for: this is
# not a part of it). The base image debian:bookworm-slim is made by debootstrap, with
# this machine's own package sources. Then the image is built from the Dockerfile, and started as
#
#   docker run --rm -it -p 1935:1935 -p 8080:8080 IMAGE ./objs/server -c conf/http.flv.live.conf
#   docker run --rm -it -p 1935:1935 -p 8080:8080 -p 8088:8088 IMAGE
#
# would. A stream is published into it and played out of it. RTMP_PORT, HTTP_PORT, HTTPS_PORT and
# API_PORT (1935, 8080, 8088, 1985) choose others where these are taken.
set -euo pipefail

if [ "$(id -u)" != 0 ] || [ $# -ne 1 ]; then
    sed -n '3,17s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
for tool in buildah debootstrap ffmpeg curl; do
    command -v "$tool" >/dev/null || {
        echo "container.sh: $tool is missing" >&2
        exit 2
    }
done
cd "$(dirname "$0")/../.."
dir=$(realpath -m "$1")
mkdir -p "$dir"
suite=bookworm
base=docker.io/library/debian:$suite-slim
image=localhost/millrace:test
rtmp=${RTMP_PORT:-1935} http=${HTTP_PORT:-8080} https=${HTTPS_PORT:-8088} api=${API_PORT:-1985}
export BUILDAH_ISOLATION=chroot
container=
server=
publisher=
user=

buildah_here()
{
    buildah --storage-driver vfs --root "$dir/storage" --runroot "$dir/run" "$@"
}

say()
{
    printf '\n=== %s [%d s]\n' "$*" "$SECONDS"
}

fail()
{
    echo "container.sh: $*" >&2
    [ ! -f "$dir/server.log" ] || tail -n 30 "$dir/server.log" >&2
    exit 1
}

# The server's own process id, out of its log: buildah does not pass signals on.
server_pid()
{
    sed -n 's/^\[[^]]*\]\[[a-z]*\]\[\([0-9]*\)\].*/\1/p' "$dir/server.log" | head -n 1
}

clean_up()
{
    [ -z "$publisher" ] || kill "$publisher" 2>/dev/null || true
    if [ -n "$server" ]; then
        kill "$(server_pid)" "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
    fi
    [ -z "$container" ] || buildah_here rm "$container" >/dev/null || true
}
trap clean_up EXIT

# wait_for SECONDS WHAT COMMAND...: until the command succeeds.
wait_for()
{
    local until=$((SECONDS + $1)) what=$2

    shift 2
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$until" ] || fail "waited in vain for $what"
        sleep 0.2
    done
}

# The base as Docker's registry would have it; package sources and certificates are this machine's.
make_base()
{
    local targets mirror made

    buildah_here inspect --type image "$base" >/dev/null 2>&1 && return
    say "debootstrap $suite"
    # shellcheck disable=SC2016
    targets=$(apt-get indextargets --format '$(SITE) $(RELEASE) $(COMPONENT)' | sort -u)
    mirror=$(awk -v suite="$suite" '$2 == suite { print $1; exit }' <<<"$targets")
    rm -rf "$dir/base"
    debootstrap --variant=minbase "$suite" "$dir/base" "$mirror" >"$dir/debootstrap.log" 2>&1 ||
        fail "debootstrap: see $dir/debootstrap.log"
    awk '$3 == "main" && $2 ~ /bookworm/ { print "deb", $1, $2, $3 }' <<<"$targets" \
        >"$dir/base/etc/apt/sources.list"
    cp -a /usr/local/share/ca-certificates/. "$dir/base/usr/local/share/ca-certificates/" 2>/dev/null || true
    rm -rf "$dir/base/var/cache/apt/archives/"*.deb "$dir/base/var/lib/apt/lists/"*
    tar -C "$dir/base" -cf "$dir/base.tar" .
    made=$(buildah_here from scratch)
    buildah_here add "$made" "$dir/base.tar" / >/dev/null
    buildah_here config --cmd bash "$made"
    buildah_here commit --rm "$made" "$base" >/dev/null
    rm -rf "$dir/base" "$dir/base.tar"
}

# config NAME: what the image says of itself, one word a line.
config()
{
    buildah_here inspect --type image --format "{{range .OCIv1.Config.$1}}{{println .}}{{end}}" "$image" |
        sed '/^$/d'
}

# describe FIELD: the same, of one value.
describe()
{
    buildah_here inspect --type image --format "{{$1}}" "$image"
}

# size IMAGE: of its files, MB.
size()
{
    local made

    made=$(buildah_here from --pull-never "$1")
    du -sm "$(buildah_here mount "$made")" | cut -f 1
    buildah_here rm "$made" >/dev/null
}

check_size()
{
    local more=$(($(size "$image") - $(size "$base")))

    echo "the image is $more MB above its base"
    [ "$more" -lt 60 ] || fail "the image is $more MB above its base, 60 at most"
}

# Exit status of the image's health check inside the container that runs.
is_healthy()
{
    buildah_here run --isolation chroot --env "SRS_HTTP_SERVER_LISTEN=$http" "$container" -- "$health"
}

exposed_ports()
{
    # shellcheck disable=SC2016
    buildah_here inspect --type image \
        --format '{{range $port, $none := .OCIv1.Config.ExposedPorts}}{{$port}} {{end}}' "$image"
}

listens()
{
    local hex

    hex=$(printf '%04X' "$1")
    grep -qiE "^ *[0-9]+: [0-9A-F]+:$hex [0-9A-F]+:0000 0A" /proc/net/tcp /proc/net/tcp6
}

# start [COMMAND...]: what "docker run IMAGE [COMMAND...]" does: the image's entry point, then the
# command or the image's own. The network is the host's, so ports are chosen by the environment.
start()
{
    local entry words port

    mapfile -t entry < <(config Entrypoint)
    if [ $# -eq 0 ]; then
        mapfile -t words < <(config Cmd)
        set -- "${words[@]}"
    fi
    for port in "$rtmp" "$http" "$https" "$api"; do
        ! listens "$port" || fail "port $port is taken: choose another (RTMP_PORT, HTTP_PORT, …)"
    done
    say "start: ${entry[*]} $*"
    container=$(buildah_here from --pull-never "$image")
    buildah_here run --isolation chroot ${user:+--user "$user"} --env "SRS_LISTEN=$rtmp" \
        --env "SRS_HTTP_SERVER_LISTEN=$http" --env "SRS_HTTP_SERVER_HTTPS_LISTEN=$https" \
        --env "SRS_HTTP_API_LISTEN=$api" "$container" -- "${entry[@]}" "$@" >"$dir/server.log" 2>&1 &
    server=$!
    wait_for 20 "the server's ports" eval "listens $rtmp && listens $http"
    is_healthy || fail "the health check says that the server is not well"
}

# The same as the image's own user with a read-only root ("docker run --read-only --tmpfs /tmp").
start_read_only()
{
    local root

    say "start with a read-only root"
    container=$(buildah_here from --pull-never "$image")
    root=$(buildah_here mount "$container")
    # shellcheck disable=SC2016
    unshare --mount --propagation private bash -eu -c '
        root=$1
        mount --bind "$root" "$root"
        mount --rbind /dev "$root/dev"
        mount -t proc proc "$root/proc"
        mount -t tmpfs tmpfs "$root/tmp"
        mount -o remount,ro,bind "$root"
        exec chroot --userspec=10001:10001 "$root" /usr/bin/env -i PATH=/usr/local/bin:/usr/bin:/bin \
            SRS_LISTEN="$2" SRS_HTTP_SERVER_LISTEN="$3" SRS_HTTP_SERVER_HTTPS_LISTEN="$4" \
            SRS_HTTP_API_LISTEN="$5" /bin/sh -c "
            cd /usr/local/millrace
            ! touch conf/new 2>/dev/null || exit 9
            exec millrace-entrypoint ./objs/server -c conf/docker.conf"
    ' - "$root" "$rtmp" "$http" "$https" "$api" >"$dir/server.log" 2>&1 &
    server=$!
    wait_for 20 "the server's ports" eval "listens $rtmp && listens $http"
}

# The server ends by TERM, in time and with 0.
stop()
{
    local pid status=0

    if [ -n "$publisher" ]; then
        kill "$publisher" 2>/dev/null || true
        wait "$publisher" 2>/dev/null || true
    fi
    publisher=
    pid=$(server_pid)
    [ -n "$pid" ] || fail "the log on the console has no line with a process id"
    kill -TERM "$pid" || fail "process $pid of the log is not there"
    wait "$server" || status=$?
    server=
    [ "$status" = 0 ] || fail "the server's exit status is $status"
    buildah_here rm "$container" >/dev/null
    container=
}

publish()
{
    [ -f doc/source.flv ] || sh doc/make-source.sh
    ffmpeg -nostdin -v error -re -stream_loop -1 -i doc/source.flv -c copy -f flv \
        "rtmp://127.0.0.1:$rtmp/live/livestream" >"$dir/publish.log" 2>&1 &
    publisher=$!
}

# plays URL: three seconds of it decode without a complaint.
plays()
{
    local complaints

    complaints=$(timeout 60 ffmpeg -nostdin -v error -xerror -i "$1" -t 3 -f null - 2>&1) ||
        fail "$1: $complaints"
    [ -z "$complaints" ] || fail "$1: $complaints"
    echo "plays: $1"
}

gets()
{
    curl -sSkf --max-time 10 -o /dev/null "$1" || fail "$1"
    echo "gets:  $1"
}

make_base
say "buildah build"
# Only Docker's format has health checks.
buildah_here build --format docker --pull-never --layers -t "$image" . >"$dir/build.log" 2>&1 ||
    fail "the image: $(tail -n 30 "$dir/build.log")"
[ "$(exposed_ports)" = "1935/tcp 1985/tcp 8080/tcp 8088/tcp " ] || fail "the image exposes: $(exposed_ports)"
[ "$(describe .Docker.Config.StopSignal)" = SIGTERM ] || fail "the image has another stop signal"
[ "$(describe .Docker.Config.User)" = millrace ] || fail "the image's user is not millrace"
health=$(describe '(index .Docker.Config.Healthcheck.Test 1)')
[ -n "$health" ] || fail "the image has no health check"
check_size

start ./objs/server -c conf/http.flv.live.conf
publish
plays "rtmp://127.0.0.1:$rtmp/live/livestream"
plays "http://127.0.0.1:$http/live/livestream.flv"
gets "http://127.0.0.1:$http/players/"
gets "http://127.0.0.1:$http/players/mpegts.js"
stop

start
publish
for extension in flv ts aac; do
    plays "http://127.0.0.1:$http/live/livestream.$extension"
done
plays "https://127.0.0.1:$https/live/livestream.flv"
gets "https://127.0.0.1:$https/players/"
grep -q 'made conf/server.key and conf/server.crt' "$dir/server.log" ||
    fail "no certificate was made at the first start"
stop

# Another user, who cannot write in conf.
user=12345:12345
start
gets "http://127.0.0.1:$http/players/"
gets "https://127.0.0.1:$https/players/"
grep -q 'made /var/lib/millrace/server.key and /var/lib/millrace/server.crt' "$dir/server.log" ||
    fail "no certificate was made in the state folder"
stop
user=

start_read_only
publish
plays "http://127.0.0.1:$http/live/livestream.flv"
gets "https://127.0.0.1:$https/players/"
stop

say "the container builds, starts, takes a stream and gives it out again"
