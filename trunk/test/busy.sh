#!/bin/bash
#
# busy.sh OBJS LAYER...: the tests of the server while every core of the machine
# computes something else, too. A test that fails here and passes alone has a race
# or measures the machine.
set -u

busy=()
trap 'kill "${busy[@]}"' EXIT
for ((core = 0; core < $(nproc); core++)); do
    while :; do :; done &
    busy+=($!)
done
E2E_SECONDS=${E2E_SECONDS:-7200} trunk/test/run.sh "$1" server "${@:2}"
