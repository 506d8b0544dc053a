#!/bin/sh
# entrypoint.sh COMMAND...: what a container begins with. Makes the certificate for HTTPS at the
# first start, then becomes the command, which as process 1 gets the signals.
#
# The certificate belongs in conf/. Where that cannot be written (another user, a read-only root) it
# is made in $MILLRACE_STATE (/var/lib/millrace), else in a private folder for temporary files, and
# environment variables pass the path to the server. If nothing can be written, HTTPS and
# RTMPS are turned off with a message: RTMP and HTTP are served in any case. What the
# configuration or the environment says otherwise is left alone.
set -eu

say()
{
    echo "millrace: $*" >&2
}

# tls_blocks: "rtmps KEY CERT" and "https KEY CERT" of the configuration, where they are enabled.
tls_blocks()
{
    "$@" -t 2>/dev/null | awk '
        { sub(/;$/, "") }
        $2 == "{" { block = $1; enabled = "" }
        $1 == "enabled" { enabled = $2 }
        $1 == "key" { key = $2 }
        $1 == "cert" && enabled == "on" && (block == "https" || block == "rtmps") {
            print block, key, $2
        }'
}

# state_folder: the first folder that can be written; nothing if there is none.
state_folder()
{
    temporary=${TMPDIR:-/tmp}/millrace-$(id -u)

    for folder in conf "${MILLRACE_STATE:-/var/lib/millrace}"; do
        if [ -d "$folder" ] && [ -w "$folder" ]; then
            echo "$folder"
            return
        fi
    done
    # Any user can write there: the folder must be new, or ours and not a link.
    mkdir -m 700 "$temporary" 2>/dev/null || true
    if [ -d "$temporary" ] && [ ! -L "$temporary" ] && [ -O "$temporary" ] && [ -w "$temporary" ]; then
        echo "$temporary"
    fi
}

# use BLOCK FOLDER: the server takes key and certificate from there; no FOLDER: does without TLS.
use()
{
    case $1 in
    https) prefix=SRS_HTTP_SERVER_HTTPS ;;
    *) prefix=SRS_RTMPS ;;
    esac
    if [ -n "$2" ]; then
        export "${prefix}_KEY=$2/server.key" "${prefix}_CERT=$2/server.crt"
    else
        export "${prefix}_ENABLED=off"
        say "$1 is off: there is no certificate, and none can be made in conf/ or" \
            "${MILLRACE_STATE:-/var/lib/millrace}. Mount conf/server.key and conf/server.crt," \
            "readable for user $(id -u), or a folder that this user may write at" \
            "${MILLRACE_STATE:-/var/lib/millrace}"
    fi
}

prepare_tls()
{
    blocks=$(tls_blocks "$@" | while read -r block key cert; do
        # Others than these are the operator's: when they are missing the server says so.
        [ "$key $cert" = "./conf/server.key ./conf/server.crt" ] || continue
        [ -r "$key" ] && [ -r "$cert" ] || echo "$block"
    done)
    [ -n "$blocks" ] || return 0
    folder=$(state_folder)
    if [ -n "$folder" ] && ! conf/make-certificate.sh "$folder"; then
        folder=
    fi
    [ "$folder" != conf ] || return 0
    for block in $blocks; do
        use "$block" "$folder"
    done
}

# The server keeps its server_id there.
if [ -z "${MILLRACE_STATE:-}" ] && [ -d /var/lib/millrace ] && [ -w /var/lib/millrace ]; then
    export MILLRACE_STATE=/var/lib/millrace
fi
case ${1:-} in
server | */server) prepare_tls "$@" ;;
esac
exec "$@"
