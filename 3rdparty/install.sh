#!/bin/sh
#
# Installs what is missing of 3rdparty/packages.txt (from Debian's packages)
# and of the lock files in research/ (from npm):
#
#   3rdparty/install.sh [build] [run] [test] [fuzz] [bench] [container] [site]
#
# Without a group: build and run. What is there already is left alone, and then
# neither root nor a network is needed. As another user it asks sudo.
set -eu

cd "$(dirname "$0")/.."
list=3rdparty/packages.txt

[ $# -gt 0 ] || set -- build run
for group in "$@"; do
    case $group in
        build | run | test | fuzz | bench | container | site) ;;
        *)
            echo "install.sh: no such group: $group (build, run, test, fuzz, bench, container, site)" >&2
            exit 2
            ;;
    esac
done

# wants GROUP: was it asked for?
wants()
{
    case " $groups " in
        *" $1 "*) return 0 ;;
    esac
    return 1
}
groups=$*

# is_there PACKAGE SIGN
is_there()
{
    case $2 in
        cmd:*) command -v "${2#cmd:}" >/dev/null 2>&1 ;;
        /*) [ -e "$2" ] ;;
        *) [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ] ;;
    esac
}

missing_packages()
{
    while IFS='|' read -r group package _ sign _; do
        group=$(echo "$group" | tr -d ' ')
        package=$(echo "$package" | tr -d ' ')
        sign=$(echo "$sign" | tr -d ' ')
        case $group in
            '' | '#'*) continue ;;
        esac
        wants "$group" || continue
        is_there "$package" "$sign" || echo "$package"
    done <"$list"
}

install_packages()
{
    missing=$(missing_packages | sort -u | tr '\n' ' ')
    [ -n "$missing" ] || return 0
    echo "3rdparty: installing $missing"
    if ! command -v apt-get >/dev/null 2>&1; then
        echo "install.sh: apt-get not found; install the equivalents of: $missing" >&2
        exit 1
    fi
    if [ "$(id -u)" = 0 ]; then
        sudo=
    elif command -v sudo >/dev/null 2>&1; then
        sudo=sudo
    else
        echo "install.sh: run it as root, or: apt-get install $missing" >&2
        exit 1
    fi
    # The names are words on purpose; a list of packages that is old is renewed once.
    # shellcheck disable=SC2086
    apt_install $missing || {
        $sudo apt-get -q update
        apt_install $missing
    }
}

apt_install()
{
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Dpkg::Use-Pty=0 \
        install --no-install-recommends "$@"
}

# npm_needs FOLDER FILE OMIT: its packages as the lock file has them, unless FILE is there and the
# lock file is the one that was installed last: a copy is kept beside what it brought.
npm_needs()
{
    [ -f "$1/package-lock.json" ] || return 0
    noted=$1/node_modules/.lock-installed
    if cmp -s "$noted" "$1/package-lock.json" && [ -e "$1/node_modules/$2" ]; then
        return 0
    fi
    echo "3rdparty: npm packages of $1"
    # OMIT is a word or nothing, on purpose.
    # shellcheck disable=SC2086
    (cd "$1" && npm ci $3 --ignore-scripts --no-audit --no-fund --loglevel=error)
    cp "$1/package-lock.json" "$noted"
}

install_packages
if wants test; then
    npm_needs research/players playwright-core ""
elif wants run; then
    npm_needs research/players mpegts.js/dist/mpegts.js --omit=dev
fi
# The tests have a foreign server from there, too.
if wants bench || wants test; then
    npm_needs research/bench node-media-server/bin/app.js ""
fi
