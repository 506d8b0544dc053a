#!/bin/bash
#
# Runs groups of tests and adds up what they report:
#
#   run.sh OBJS unit LAYER...         unit tests (sanitized), one program per layer
#   run.sh OBJS fuzz-short TARGET...  each fuzz target for a few seconds on its corpus
#   run.sh OBJS fuzz-long TARGET...   the same for minutes (FUZZ_SECONDS each)
#   run.sh OBJS e2e                   end-to-end tests against the sanitized server
#   run.sh OBJS e2e-workers           all of them again that workers could matter to, with two
#   run.sh OBJS check                 the gates
#   run.sh OBJS server LAYER...       unit, e2e and e2e-workers
#   run.sh OBJS all                   builds everything with -Werror, then all of these
#
# End-to-end tests wait for sockets and media more than they compute. "all" runs
# the other builds, fuzzing and the gates beside them at the lowest priority, and
# shows their output after the tests' own.
#
# The last line is "N passed, N failed"; the exit status is 0 only without a
# failure. A group that dies, or that finds nothing to run, is a failure too.
set -u -o pipefail

objs=$1
group=$2
shift 2
results=$objs/results
jobs=${JOBS:-$(nproc)}
# Not run again with two workers: those that have workers of their own, browsers, what tells of the
# harness, of documents, of files, of stacks or of servers that are not ours, and what one connection
# is answered, whichever worker has it.
e2e_once="workers* harness documents foreign static stacks player* header_flags resume access* answers
    enhanced forward_platforms forwarded_for proxy_header rtmp_address rtmp_chunks srs_peers tls*"
make=(make --no-print-directory -f "$objs/Makefile")
# Processor seconds for all fuzz targets of fuzz-short together.
fuzz_total=66

# The server keeps coroutine stacks and descriptors of State Threads for ever: see lsan.supp.
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1:abort_on_error=0:exitcode=99:detect_stack_use_after_return=0:strict_string_checks=1}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-halt_on_error=1:print_stacktrace=1}
LSAN_OPTIONS=${LSAN_OPTIONS:-suppressions=$PWD/trunk/test/lsan.supp:print_suppressions=0}
export LSAN_OPTIONS

say()
{
    printf '\n== %s\n' "$*"
}

# record NAME PASSED FAILED: one line per file, so that parallel groups do not meet.
record()
{
    echo "$2 $3 $1" >"$results/${1//[ \/]/_}"
}

# stage NAME COMMAND...: notes how long it took, for the table at the end.
stage()
{
    local name=$1 began=$SECONDS status

    shift
    "$@"
    status=$?
    echo "$((SECONDS - began)) $name" >>"$results/log.stages"
    return "$status"
}

# step NAME COMMAND...: something that passes or fails as a whole.
step()
{
    local name=$1 began=$SECONDS

    shift
    if "$@"; then
        echo "ok    $name ($((SECONDS - began)) s)"
        record "$name" 1 0
    else
        echo "FAIL  $name"
        record "$name" 0 1
        return 1
    fi
}

# A layer's program says "unit LAYER: N passed, N failed" at its end.
unit_layer()
{
    local layer=$1 log=$results/log.unit-$1 passed failed status

    timeout 1200 "$objs/asan/unit/$layer" >"$log" 2>&1
    status=$?
    read -r passed failed < <(sed -n "s/^unit $layer: \([0-9]*\) passed, \([0-9]*\) failed\$/\1 \2/p" "$log")
    if [ -z "${failed:-}" ] || { [ "$status" -ne 0 ] && [ "$failed" -eq 0 ]; }; then
        echo "FAIL  unit $layer died with status $status"
        passed=${passed:-0}
        failed=1
    fi
    record "unit $layer" "$passed" "$failed"
    if [ "$failed" -ne 0 ]; then
        grep -a -v -e '^Running suite' -e '^unit ' "$log"
    fi
    echo "unit $layer: $passed passed, $failed failed"
}

# fuzz_target SECONDS TARGET: so many seconds of processor time, however busy the machine is. The
# corpus of the tree is only read; finds go to OBJS.
fuzz_target()
{
    local seconds=$1 target=$2 name=${2#fuzz_}
    local log=$results/log.$target found=$objs/corpus/$name
    local seeds=trunk/test/corpus/$name

    mkdir -p "$found"
    if [ ! -d "$seeds" ] || [ -z "$(ls -A "$seeds")" ]; then
        echo "FAIL  $target has no seeds in $seeds"
        record "$target" 0 1
        return
    fi
    if FUZZ_CPU_SECONDS=$seconds timeout $((seconds * 60)) "$objs/fuzz/$target" -timeout=60 -handle_usr1=1 \
        -rss_limit_mb=2048 -max_len=65536 -print_final_stats=1 -artifact_prefix="$found.found-" \
        "$found" "$seeds" >"$log" 2>&1; then
        echo "ok    $target: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") runs in $seconds s"
        record "$target" 1 0
    else
        tail -n 40 "$log"
        echo "FAIL  $target"
        record "$target" 0 1
    fi
}

# Each target gets its share of fuzz_total: 3 to 8 s.
run_fuzz_short()
{
    local share

    [ $# -gt 0 ] || return 0
    share=$((fuzz_total / $#))
    share=$((share < 3 ? 3 : share > 8 ? 8 : share))
    run_fuzz "${FUZZ_SECONDS:-$share}" "$@"
}

run_fuzz()
{
    local seconds=$1

    shift
    [ $# -gt 0 ] || return 0
    say "fuzz: $# targets, $seconds s each"
    parallel_each fuzz_target "$seconds" "$@"
}

# parallel_each FUNCTION ARG ITEM...: runs FUNCTION ARG ITEM for each, $jobs at a time.
parallel_each()
{
    local function=$1 arg=$2 item

    shift 2
    for item in "$@"; do
        while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do
            wait -n
        done
        "$function" "$arg" "$item" &
    done
    wait
}

run_unit()
{
    local layer

    say "unit tests"
    for layer in "$@"; do
        unit_layer "$layer"
    done
}

# e2e NAME TESTS...: one run of pytest, with a total of its own.
e2e()
{
    local name=$1 xml=$results/$1.xml passed failed skipped

    shift
    rm -f "$xml"
    # Words on purpose: PYTEST_ARGS may hold several arguments.
    # shellcheck disable=SC2086
    MILLRACE_SERVER=$(realpath "$objs/asan/server") MILLRACE_OBJS=$(realpath "$objs") \
        timeout "${E2E_SECONDS:-1200}" /usr/bin/python3 -m pytest -q -rs -n "${E2E_JOBS:-6}" --dist loadgroup -p no:cacheprovider \
        --junitxml="$xml" ${PYTEST_ARGS:-} "$@"
    if read -r passed failed skipped < <(/usr/bin/python3 trunk/test/junit_sum.py "$xml"); then
        echo "$name: $passed passed, $failed failed, $skipped skipped"
        record "$name" "$passed" "$failed"
    else
        echo "FAIL  $name ended without a report"
        record "$name" 0 1
    fi
}

run_e2e()
{
    if ! ls trunk/test/e2e/test_*.py >/dev/null 2>&1; then
        return
    fi
    say "end-to-end tests"
    e2e e2e trunk/test/e2e
}

# What several workers could do otherwise than one process, once more with two of them.
run_e2e_workers()
{
    local name ignored=()

    set -f
    for name in $e2e_once; do
        ignored+=("--ignore-glob=*/test_$name.py")
    done
    set +f
    say "end-to-end tests with two workers"
    MILLRACE_WORKERS=2 e2e e2e-workers "${ignored[@]}" trunk/test/e2e
}

run_check()
{
    local gate

    say "gates"
    for gate in $(trunk/test/gates.sh list); do
        step "gate $gate" trunk/test/gates.sh "$gate" "$objs"
    done
    step "the gates bite" trunk/test/gates-bite.sh "$objs"
}

# One call at a time fails, at a sample of the places: see trunk/test/fault/.
run_faults()
{
    say "faults, a sample"
    step "faults" /usr/bin/python3 trunk/test/fault/faults.py --objs "$objs" --sample
}

run_load_client()
{
    if [ -x "$objs/bench/bench_load" ]; then
        step "the load client notices" /usr/bin/python3 research/bench/selftest.py "$objs/bench"
    fi
}

# Everything is compiled four times over, and a warning is an error. What compiles is built although
# something else does not: the tests of the one say something all the same. First what the tests
# of the server need.
run_build()
{
    say "builds, all with -Werror"
    step "build release" "${make[@]}" -k -j"$jobs" WERROR=-Werror all
    step "build sanitized" "${make[@]}" -k -j"$jobs" sanitized unit-build
}

run_build_others()
{
    say "other builds"
    step "build clang" "${make[@]}" -k -j"$jobs" clang-build
    step "build fuzz" "${make[@]}" -k -j"$jobs" fuzz-build-parsers
    if [ -f research/bench/build.sh ]; then
        step "build bench" env CC=clang CFLAGS="-O1 -g -Werror" research/bench/build.sh "$objs/clang/bench"
        step "build bench, gcc" env CC=gcc CFLAGS="-O2 -g -Werror" research/bench/build.sh "$objs/bench"
    fi
}

# What needs no time of its own: at the lowest priority, it gets what the tests of the server leave.
# Fuzz targets with the whole server are left out: they take minutes to compile ("make fuzz-short").
run_beside()
{
    renice -n 19 -p "$BASHPID" >/dev/null
    stage "beside: other builds" run_build_others
    stage "beside: gates" run_check
    stage "beside: faults" run_faults
    # shellcheck disable=SC2046
    stage "beside: fuzzing" run_fuzz_short $("${make[@]}" -s print-fuzz-parsers)
    return 0
}

run_server()
{
    stage "unit tests" run_unit "$@"
    stage "end-to-end tests" run_e2e
    stage "end-to-end tests with two workers" run_e2e_workers
}

# In a process group of its own, which ends with this script.
run_all()
{
    local beside

    stage "builds" run_build
    set -m
    run_beside >"$results/log.beside" 2>&1 &
    beside=$!
    set +m
    # shellcheck disable=SC2064
    trap "kill -- -$beside 2>/dev/null" EXIT
    # shellcheck disable=SC2046
    run_server $("${make[@]}" -s print-unit)
    stage "then the rest of what ran beside" wait "$beside" || record "what ran beside" 0 1
    trap - EXIT
    cat "$results/log.beside"
    run_load_client
}

show_stages()
{
    [ -f "$results/log.stages" ] || return 0
    say "seconds"
    cat "$results/log.stages"
    echo "$SECONDS in total"
}

sum_up()
{
    local passed=0 failed=0 p f name

    for file in "$results"/[!l]*; do
        case $file in
            *.xml | */sum) continue ;;
        esac
        read -r p f name <"$file" || continue
        passed=$((passed + p))
        failed=$((failed + f))
        [ "$f" -eq 0 ] || echo "failed: $name ($f)"
    done
    echo
    echo "$passed passed, $failed failed" | tee "$results/sum"
    [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
}

rm -rf "$results"
mkdir -p "$results"
case $group in
    unit) run_unit "$@" ;;
    fuzz-short) run_fuzz_short "$@" ;;
    fuzz-long) run_fuzz "${FUZZ_SECONDS:-300}" "$@" ;;
    e2e) run_e2e ;;
    e2e-workers) run_e2e_workers ;;
    check)
        run_check
        run_load_client
        ;;
    server) run_server "$@" ;;
    all) run_all ;;
    *)
        echo "run.sh: no such group: $group" >&2
        exit 2
        ;;
esac
show_stages
say "sum"
sum_up
