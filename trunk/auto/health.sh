#!/bin/bash
#
# health.sh [PORT]: whether the server in this container answers over HTTP: exit status 0 or 1. The port
# is that of SRS_HTTP_SERVER_LISTEN, or 8080. It uses nothing that the image does not have anyway.
set -u

port=${1:-${SRS_HTTP_SERVER_LISTEN:-8080}}
port=${port##*:}
exec 3<>"/dev/tcp/127.0.0.1/$port" || exit 1
printf 'GET / HTTP/1.0\r\nHost: localhost\r\n\r\n' >&3
read -r -t 3 _ status _ <&3 || exit 1
# Refusals are answers, too: the server runs.
[[ $status =~ ^[234][0-9][0-9]$ ]]
