#!/bin/sh
# install.sh OBJS DESTINATION: the server, its configurations and its pages, in
# the layout that the configurations' relative paths expect: start it there.
set -eu

objs=$1
to=$2

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
install -m 644 conf/millrace.service conf/alerts.yml "$to/conf/"
install -m 755 conf/make-certificate.sh "$to/conf/make-certificate.sh"
cp -R "$objs/nginx/html/." "$to/objs/nginx/html/"
echo "Installed. Start it: cd $to && ./objs/server -c conf/http.flv.live.conf"
