#!/bin/sh
# deb.sh OBJS: builds the Debian package of what is committed, in a copy of the
# tree, so that the tree stays as it is. The package is in OBJS/deb afterwards.
set -eu

objs=$1
version=$(sed -n '1s/.*(\(.*\)).*/\1/p' debian/changelog)
copy=$objs/deb/millrace-$version

rm -rf "$objs/deb"
mkdir -p "$copy"
git archive HEAD | tar -x -C "$copy"
mkdir -p "$copy/research/players/node_modules"
cp -R research/players/node_modules/mpegts.js "$copy/research/players/node_modules/"
(cd "$copy" && dpkg-buildpackage -us -uc -b)
rm -rf "$copy"
ls "$objs/deb"
