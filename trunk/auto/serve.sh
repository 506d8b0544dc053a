#!/bin/sh
# serve.sh OBJS: says where to publish and what to open, then is the server.
set -eu

conf=conf/http.flv.live.conf
cat <<END

  Publish   ffmpeg -re -i ./doc/source.flv -c copy -f flv rtmp://localhost/live/livestream
  Watch     http://localhost:8080/players/
            ffplay http://localhost:8080/live/livestream.flv
            ffplay rtmp://localhost/live/livestream
            https://localhost:8088/players/ (a certificate of its own: the browser will ask)
  Stop      Ctrl-C

END
# Of use to a server under sanitizers only.
export LSAN_OPTIONS="${LSAN_OPTIONS:-suppressions=$PWD/trunk/test/lsan.supp:print_suppressions=0}"
# The configuration knows objs/ only; what is built elsewhere has its pages there.
[ "$1" = objs ] || export SRS_HTTP_SERVER_DIR="$1/nginx/html"
# HTTPS, too, unless it was switched off or there can be no certificate.
if [ "${SRS_HTTP_SERVER_HTTPS_ENABLED:-on}" = on ] && conf/make-certificate.sh; then
    export SRS_HTTP_SERVER_HTTPS_ENABLED=on
fi
exec "$1/server" -c "$conf"
