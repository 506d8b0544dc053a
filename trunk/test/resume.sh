#!/bin/sh
# Many trials of clients that resume: trunk/test/resume.sh [--trials N] [PYTEST ARGUMENTS]
#
# N (default: 100) deaths each of an origin, a worker, an edge and a network, and changes of a
# client's address. Every trial demands each frame once (trunk/test/e2e/test_resume.py).
set -eu

trials=100
if [ "${1:-}" = --trials ]; then
    trials=$2
    shift 2
fi
cd "$(dirname "$0")/../.."
export RESUME_TRIALS="$trials"
export MILLRACE_SERVER="${MILLRACE_SERVER:-$PWD/objs/server}"
export MILLRACE_OBJS="${MILLRACE_OBJS:-$PWD/objs}"
exec /usr/bin/python3 -m pytest -q -p no:cacheprovider trunk/test/e2e/test_resume.py "$@"
