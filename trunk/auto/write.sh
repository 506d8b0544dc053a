# shellcheck shell=sh
#
# Writes what configure found, sourced by configure. A file that would not
# change keeps its time, so that configuring again compiles nothing again.

write_if_changed()
{
    if [ -f "$1" ] && cmp -s "$1" "$1.new"; then
        rm -f "$1.new"
    else
        mv "$1.new" "$1" || fail "cannot write $1"
    fi
}

write_config_h()
{
    cat >"$1.new" <<END
/* Written by configure; the compiler includes it in front of every source. */
#ifndef MILLRACE_CONFIG_H
#define MILLRACE_CONFIG_H

#define MILLRACE_PREFIX    "$PREFIX"
#define MILLRACE_CONFIGURE "$CONFIGURE_ARGS"
#define MILLRACE_COMPILER  "$($CC --version | sed -n 's/["\\]//g; 1p')"
#define MILLRACE_DEBUG     $([ "$WITH_DEBUG" = yes ] && echo 1 || echo 0)
$([ -z "$SECCOMP_LIBS" ] || echo "#define HAVE_SECCOMP       1")

#endif
END
    write_if_changed "$1"
}

write_makefile()
{
    cat >"$1.new" <<END
# Written by: ./configure $CONFIGURE_ARGS
O              := $OBJS
PREFIX         := $PREFIX
VERSION        := $VERSION
CONFIGURE_ARGS := $CONFIGURE_ARGS
CC             := $CC
GCC            := $(command -v gcc || echo "$CC")
CLANG          := ${CLANG:-clang}
OPT_CFLAGS     := $OPT_CFLAGS
OPT_LDFLAGS    := $OPT_LDFLAGS
ST_CFLAGS      := $ST_CFLAGS
ST_LIBS        := $ST_LIBS
SECCOMP_LIBS   := $SECCOMP_LIBS

include trunk/auto/rules.mk
END
    write_if_changed "$1"
    touch "$1"
}
