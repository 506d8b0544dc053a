#!/bin/sh
# Many trials of clients that resume: trunk/test/resume.sh [--trials N] [PYTEST ARGUMENTS]
#
# N (default: 100) deaths each of an origin, a worker and an edge, networks without packets for 30 s, and
# changes of a client's address. Every trial demands each frame once, and the next one within 1 s
# (trunk/test/e2e/test_resume.py); at last the same networks with the player page in Chromium
# (trunk/test/e2e/test_player_outage.py). Needs root for the networks.
set -eu

trials=100
if [ "${1:-}" = --trials ]; then
    trials=$2
    shift 2
fi
cd "$(dirname "$0")/../.."
export RESUME_TRIALS="$trials" RESUME_OUTAGE="${RESUME_OUTAGE:-30}" RESUME_GAP="${RESUME_GAP:-1}"
export MILLRACE_SERVER="${MILLRACE_SERVER:-$PWD/objs/server}"
export MILLRACE_OBJS="${MILLRACE_OBJS:-$PWD/objs}"
exec /usr/bin/python3 -m pytest -q -s -p no:cacheprovider trunk/test/e2e/test_resume.py trunk/test/e2e/test_player_outage.py "$@"
