#!/bin/sh
# make-certificate.sh [DIR]: a key and a self-signed certificate, server.key and
# server.crt, unless they exist. For tests of HTTPS and RTMPS: players warn about
# it until it is trusted.
set -eu

dir=${1:-$(dirname "$0")}
key=$dir/server.key
cert=$dir/server.crt

[ -s "$key" ] && [ -s "$cert" ] && exit 0
if ! command -v openssl >/dev/null 2>&1; then
    echo "make-certificate.sh: openssl not found (3rdparty/install.sh run installs it)" >&2
    exit 1
fi
# Others may read the certificate, but not the key; nor may a broken-off run leave half of either.
umask 077
trap 'rm -f "$key.new" "$cert.new"' EXIT
if [ -s "$key" ]; then
    cp "$key" "$key.new"
else
    openssl genrsa -out "$key.new" 2048 2>/dev/null
fi
openssl req -new -x509 -key "$key.new" -out "$cert.new" -days 3650 \
    -subj "/C=CN/ST=Beijing/L=Beijing/O=Me/OU=Me/CN=ossrs.net" \
    -addext "subjectAltName=DNS:localhost,DNS:ossrs.net,IP:127.0.0.1,IP:0:0:0:0:0:0:0:1"
chmod 644 "$cert.new"
mv "$key.new" "$key"
mv "$cert.new" "$cert"
echo "make-certificate.sh: made $key and $cert"
