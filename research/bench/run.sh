#!/bin/sh
# run.sh OBJS [options of run.py]: what "make bench" calls.
set -eu
case ${1:--} in
    -*)
        echo "usage: run.sh OBJS [options of run.py]" >&2
        exit 2
        ;;
esac
objs=$1
shift
exec python3 "$(dirname "$0")/run.py" --objs "$objs" "$@"
