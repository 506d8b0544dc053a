#!/bin/sh
# install.sh OBJS DESTINATION PREFIX: the server, its configurations and its pages, in
# the layout that the configurations' relative paths expect: start it there. With them the
# unit for systemd, log rotation and the manual pages. DESTINATION is PREFIX, or that below
# another root (DESTDIR). What the tree does not have (an image is built without doc) is left out.
set -eu

objs=$1
to=$2
prefix=$3

install -d "$to/objs" "$to/conf/proxies" "$to/objs/nginx/html"
install -m 755 "$objs/server" "$objs/sign" "$objs/import-nginx" "$to/objs/"
for conf in conf/*.conf; do
    [ -f "$conf" ] || continue
    # A configuration that was edited in place is the user's.
    if [ -f "$to/$conf" ] && ! cmp -s "$conf" "$to/$conf"; then
        install -m 644 "$conf" "$to/$conf.new"
        echo "install: kept your $to/$conf, the new one is $to/$conf.new"
    else
        install -m 644 "$conf" "$to/$conf"
    fi
done
# For nginx, HAProxy and Caddy: to be copied to where those look for theirs.
install -m 644 conf/proxies/* "$to/conf/proxies/"
install -m 644 conf/alerts.yml "$to/conf/"
install -m 755 conf/make-certificate.sh "$to/conf/make-certificate.sh"
cp -R "$objs/nginx/html/." "$to/objs/nginx/html/"

install -d "$to/lib/systemd/system"
sed -e '1,3d' -e "s|/usr/local/millrace|$prefix|" conf/millrace.service >"$to/lib/systemd/system/millrace.service"
chmod 644 "$to/lib/systemd/system/millrace.service"
if [ -f debian/millrace.logrotate ]; then
    install -D -m 644 debian/millrace.logrotate "$to/share/millrace/logrotate"
fi
if [ -d doc/man ]; then
    for page in doc/man/*.[0-9]; do
        install -D -m 644 "$page" "$to/share/man/man${page##*.}/${page##*/}"
    done
    if command -v python3 >/dev/null; then
        install -d "$to/share/man/man5"
        python3 trunk/auto/man.py <doc/configuration.md >"$to/share/man/man5/millrace.conf.5"
        chmod 644 "$to/share/man/man5/millrace.conf.5"
    else
        echo "install: without python3 there is no manual page millrace.conf(5)"
    fi
fi
echo "Installed. Start it: cd $to && ./objs/server -c conf/http.flv.live.conf"
