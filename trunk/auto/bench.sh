#!/bin/sh
# bench.sh OBJS: hands over to the benchmark, which prints its own table.
set -eu

if [ -f research/bench/Makefile ]; then
    exec "${MAKE:-make}" --no-print-directory -C research/bench OBJS="$(realpath "$1")" bench
fi
# Words on purpose: BENCH_ARGS may hold several arguments.
# shellcheck disable=SC2086
research/bench/run.sh "$1" ${BENCH_ARGS:-}
# With arguments a part of it was asked for.
[ -z "${BENCH_ARGS:-}" ] || exit 0
research/bench/workers.py --objs "$1"
exec research/bench/edge.py --objs "$1"
