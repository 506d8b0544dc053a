#!/bin/bash
#
# copy-tree.sh OBJS DIR: a copy of the sources in DIR, without the tests, and of
# the sanitized build's objects, so that "make -f objs/Makefile O=objs
# objs/asan/server" in DIR compiles only what is changed there.
set -eu -o pipefail

objs=$(realpath "$1")
dir=$(realpath -m "$2")
cd "$(dirname "$0")/../.."
mkdir -p "$dir/objs/asan"
cp -a configure "$dir/"
tar -c --exclude trunk/test trunk | tar -x -C "$dir"
cp -a "$objs/Makefile" "$objs/config.h" "$dir/objs/"
tar -c -C "$objs/asan" --exclude trunk/test flags trunk | tar -x -C "$dir/objs/asan"
