#!/bin/bash
#
# remove-feature.sh OBJS FEATURE DIR: builds the sanitized server of a copy of
# the tree in DIR without a feature: DIR/objs/asan/server. FEATURE is a folder and
# a prefix (cluster/forward). Its files go, and its includes and rows in
# server/tables.c; nothing else does, except that the directives stay.
set -eu -o pipefail

feature=$2
name=${feature##*/}
tables=trunk/app/server/tables.c

"$(dirname "$0")/copy-tree.sh" "$1" "$3"
cd "$3"
rm trunk/app/"$feature"*.[ch]
sed -i -E -e "/#include \"app\/${feature//\//\\/}[a-z_]*\.h\"/d" \
    -e "s/&${name}_(observer|gate|claim)( *, *|$)//" "$tables"
make -s -f objs/Makefile O=objs objs/asan/server
