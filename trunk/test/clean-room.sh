#!/bin/bash
#
# Proves the README's two commands on a machine that has nothing: a fresh tree
# of Debian bookworm (minbase, git and make) in a chroot, with a clone of this
# repository in it.
#
#   trunk/test/clean-room.sh DIR [--worktree] [run] [test] [package] [shell]
#
# DIR       where the tree is made; one that is there already is used again
# --worktree  takes the files as they are instead of what is committed
# run       "make run", then publishes doc/source.flv to it and watches it
# test      "make test"
# package   builds, installs, upgrades and purges the Debian package
# shell     a shell in it
#
# Without a word: run and test. Needs root and debootstrap. The packages come
# from where this machine gets its own. Ports 1935 and 8080 must be free for run.
set -euo pipefail

if [ "$(id -u)" != 0 ] || [ $# -lt 1 ]; then
    sed -n '3,18s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
# In name spaces of its own: mounts and processes go with it, however it ends.
if [ -z "${CLEAN_ROOM_INSIDE:-}" ]; then
    CLEAN_ROOM_INSIDE=1 exec unshare --mount --pid --fork --kill-child "$0" "$@"
fi
repository=$(cd "$(dirname "$0")/../.." && pwd)
root=$(realpath -m "$1")
shift
from=clone
[ "${1:-}" != --worktree ] || {
    from=worktree
    shift
}
[ $# -gt 0 ] || set -- run test
suite=bookworm
# "SITE RELEASE COMPONENT" of this machine's own package sources.
# shellcheck disable=SC2016
targets=$(apt-get indextargets --format '$(SITE) $(RELEASE) $(COMPONENT)' | sort -u)
mirror=$(awk -v suite="$suite" '$2 == suite { print $1; exit }' <<<"$targets")

say()
{
    printf '\n=== %s [%d s]\n' "$*" "$SECONDS"
}

make_tree()
{
    [ -x "$root/usr/bin/make" ] && return
    say "debootstrap $suite into $root"
    # python3 and the like are for make test to install; git brings no ca-certificates.
    debootstrap --variant=minbase --include=git,make "$suite" "$root" "$mirror" >"$root.log" 2>&1 || {
        tail -n 20 "$root.log"
        exit 1
    }
    awk '$3 == "main" { print "deb", $1, $2, $3 }' <<<"$targets" >"$root/etc/apt/sources.list"
    # No services in a chroot.
    printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
    chmod 755 "$root/usr/sbin/policy-rc.d"
    chroot "$root" apt-get -q update
}

# A network that re-signs what passes through it needs its certificate inside too.
take_network()
{
    cp -L /etc/resolv.conf /etc/hosts "$root/etc/"
    if [ -d /usr/local/share/ca-certificates ] && [ -n "$(ls -A /usr/local/share/ca-certificates)" ]; then
        mkdir -p "$root/usr/local/share/ca-certificates"
        cp -R /usr/local/share/ca-certificates/. "$root/usr/local/share/ca-certificates/"
    fi
    mount --make-rprivate /
    # A mount of its own, as a machine's root is: in name spaces of the tests it can be made private.
    mount --bind "$root" "$root"
    mount -t proc proc "$root/proc"
    mount --rbind /dev "$root/dev"
}

take_sources()
{
    say "sources: $from"
    rm -rf "$root/srv/millrace"
    if [ "$from" = clone ]; then
        git clone -q --no-local "file://$repository" "$root/srv/millrace"
        git -C "$root/srv/millrace" log --oneline -1
    else
        mkdir -p "$root/srv/millrace"
        (cd "$repository" && git ls-files -z -co --exclude-standard | tar -c --null --no-recursion -T - --ignore-failed-read) |
            tar -x -C "$root/srv/millrace"
    fi
}

inside()
{
    (inside_only "$1")
}

# Becomes the command: $! is then the one to end.
inside_only()
{
    exec chroot "$root" /usr/bin/env -i HOME=/root TERM=dumb LANG=C.UTF-8 \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        /bin/sh -c "cd /srv/millrace && $1"
}

# wait_for SECONDS PID COMMAND...: until the command succeeds or PID is gone.
wait_for()
{
    local until=$((SECONDS + $1)) pid=$2

    shift 2
    until "$@" >/dev/null 2>&1; do
        if [ "$SECONDS" -ge "$until" ] || ! kill -0 "$pid" 2>/dev/null; then
            return 1
        fi
        sleep 0.5
    done
}

answers()
{
    (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

try_run()
{
    local log=$root.run.log server publisher

    if answers 8080 || answers 1935; then
        echo "clean-room: port 8080 or 1935 is taken on this machine" >&2
        return 1
    fi
    say "make run"
    inside_only "exec make run" >"$log" 2>&1 &
    server=$!
    if ! wait_for 900 "$server" answers 8080; then
        tail -n 40 "$log"
        echo "clean-room: make run does not serve" >&2
        return 1
    fi
    say "it serves; publishing"
    inside_only "exec ffmpeg -nostdin -loglevel error -re -i ./doc/source.flv -c copy -f flv rtmp://localhost/live/livestream" &
    publisher=$!
    inside "timeout 20 ffprobe -v error -show_entries stream=codec_name,width,height -of csv=p=0 http://localhost:8080/live/livestream.flv"
    inside "ffmpeg -nostdin -xerror -v error -i http://localhost:8080/live/livestream.flv -t 5 -f null - && echo 'five seconds decoded without an error'"
    inside "ffmpeg -nostdin -xerror -v error -i rtmp://localhost/live/livestream -t 5 -f null - && echo 'and by RTMP'"
    kill "$publisher" "$server" 2>/dev/null || true
    wait "$publisher" "$server" 2>/dev/null || true
    sed -n '/Publish/,/Stop/p' "$log"
}

try_test()
{
    local began=$SECONDS status=0

    say "make test"
    inside "make test" >"$root.test.log" 2>&1 || status=$?
    tail -n 30 "$root.test.log"
    say "make test ended with status $status after $((SECONDS - began)) s"
    return "$status"
}

try_package()
{
    say "the Debian package"
    inside "trunk/test/package.sh"
}

make_tree
take_network
take_sources
for word in "$@"; do
    case $word in
        run) try_run ;;
        test) try_test ;;
        package) try_package ;;
        shell) inside "exec bash" ;;
        *)
            echo "clean-room: what is '$word'? run, test, package, shell" >&2
            exit 2
            ;;
    esac
done
say "done"
