#!/bin/bash
#
# remove-feature.sh OBJS FEATURE DIR: builds the sanitized server of a copy of
# the tree in DIR without a feature: DIR/objs/asan/server. FEATURE is a folder and
# a prefix (cluster/forward). Its files go, and its includes and rows in
# server/tables.c; nothing else does, except that the directives stay. Objects
# that do not depend on it are taken from OBJS.
set -eu -o pipefail

objs=$(realpath "$1")
feature=$2
dir=$(realpath -m "$3")
name=${feature##*/}
tables=trunk/app/server/tables.c

cd "$(dirname "$0")/../.."
mkdir -p "$dir/objs/asan"
cp -a configure "$dir/"
tar -c --exclude trunk/test trunk | tar -x -C "$dir"
cp -a "$objs/Makefile" "$objs/config.h" "$dir/objs/"
tar -c -C "$objs/asan" --exclude trunk/test flags trunk | tar -x -C "$dir/objs/asan"

cd "$dir"
rm trunk/app/"$feature"*.[ch]
sed -i -E -e "/#include \"app\/${feature//\//\\/}[a-z_]*\.h\"/d" \
    -e "s/&${name}_(observer|gate|claim)( *, *|$)//" "$tables"
make -s -f objs/Makefile O=objs objs/asan/server
