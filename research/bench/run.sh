#!/bin/sh
# run.sh OBJS [options of run.py]: what "make bench" calls.
set -eu
objs=${1:?usage: run.sh OBJS}
shift
exec python3 "$(dirname "$0")/run.py" --objs "$objs" "$@"
