#!/bin/sh
# entrypoint.sh COMMAND...: what a container begins with. Makes the certificate
# for HTTPS at the first start, then becomes the command, which as process 1 gets the signals.
set -eu

conf/make-certificate.sh conf ||
    echo "millrace: no certificate could be made in conf/: HTTPS needs one of yours there" >&2
exec "$@"
