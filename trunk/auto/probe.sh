# shellcheck shell=sh
#
# Probing by compiling, sourced by configure. Each probe is a complete program
# so that a header without its library, or the reverse, counts as missing.
# What the compiler said is kept in OBJS/configure.log.

PROBE_C=$OBJS/configure-probe.c
PROBE_BIN=$OBJS/configure-probe
PROBE_LOG=$OBJS/configure.log
MISSING=      # Debian packages without which nothing is built
TEST_MISSING= # Debian packages that only the tests need

: >"$PROBE_LOG" || fail "cannot write in $OBJS"

# probe_link COMPILER FLAGS LIBS: does the program on stdin compile and link?
probe_link()
{
    cat >"$PROBE_C"
    {
        echo "== $1 $2 ... $3"
        cat "$PROBE_C"
    } >>"$PROBE_LOG"
    # The flags are lists of words on purpose.
    # shellcheck disable=SC2086
    $1 $2 -o "$PROBE_BIN" "$PROBE_C" $3 >>"$PROBE_LOG" 2>&1
    probe_status=$?
    rm -f "$PROBE_C" "$PROBE_BIN"
    return $probe_status
}

# probe_lib NAME PACKAGE FLAGS LIBS: a library that the server needs; the program is on stdin.
probe_lib()
{
    printf 'checking for %s ... ' "$1"
    if probe_link "$CC" "-D_GNU_SOURCE $3" "$4"; then
        echo yes
    else
        echo "NOT FOUND (Debian package $2)"
        MISSING="$MISSING $2"
    fi
}

# probe_test_lib NAME PACKAGE COMPILER FLAGS LIBS: the same, for what only the tests need.
probe_test_lib()
{
    printf 'checking for %s ... ' "$1"
    if probe_link "$3" "-D_GNU_SOURCE $4" "$5"; then
        echo yes
        return 0
    fi
    echo "no (make test needs it: Debian package $2)"
    TEST_MISSING="$TEST_MISSING $2"
    return 1
}

# probe_flag FLAG: does the compiler take it without a word?
probe_flag()
{
    printf 'int main(void)\n{\n    return 0;\n}\n' | probe_link "$CC" "-Werror $1" ""
}

probe_compiler()
{
    probe_candidates=${CC:-gcc clang cc}

    printf 'checking for a C compiler ... '
    for probe_cc in $probe_candidates; do
        command -v "$probe_cc" >/dev/null 2>&1 || continue
        if probe_link "$probe_cc" "-std=gnu11" "" <<'END'; then
#include <stdint.h>
#include <stdio.h>
_Static_assert(sizeof(size_t) == 8, "64 bits");
int main(void)
{
    return puts("") == EOF;
}
END
            CC=$probe_cc
            echo "$CC ($($CC --version | sed -n 1p))"
            return
        fi
    done
    echo no
    fail "no working compiler for 64-bit gnu11 among: $probe_candidates (Debian packages gcc libc6-dev); see $PROBE_LOG"
}
