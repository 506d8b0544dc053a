# shellcheck shell=sh
#
# What the server and its tests are built from, sourced by configure. Sets
# CC, OPT_CFLAGS, ST_CFLAGS, ST_LIBS and the HAVE_* answers.

probe_compiler

printf 'checking for Linux with epoll, timerfd and eventfd ... '
if probe_link "$CC" "-D_GNU_SOURCE" "" <<'END'; then
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
int main(void)
{
    return epoll_create1(EPOLL_CLOEXEC) + eventfd(0, 0) + timerfd_create(0, 0) == -3;
}
END
    echo yes
else
    echo no
    fail "the reactor needs Linux; see $PROBE_LOG"
fi

# State Threads: one asked for, or the system's. The static library is
# preferred: then the server runs where libst is not installed.
ST_CFLAGS=
ST_LIBS=-l:libst.a
if [ -n "$ST_DIR" ]; then
    for st_sub in . obj include; do
        [ -f "$ST_DIR/$st_sub/st.h" ] && ST_CFLAGS=-I$ST_DIR/$st_sub && break
    done
    for st_sub in . obj lib; do
        [ -f "$ST_DIR/$st_sub/libst.a" ] && ST_LIBS=$ST_DIR/$st_sub/libst.a && break
    done
    [ -n "$ST_CFLAGS" ] || fail "--with-st: no st.h in $ST_DIR, $ST_DIR/obj or $ST_DIR/include"
    [ "$ST_LIBS" != -l:libst.a ] || fail "--with-st: no libst.a in $ST_DIR, $ST_DIR/obj or $ST_DIR/lib"
fi
probe_lib "State Threads" libst-dev "$ST_CFLAGS" "$ST_LIBS" <<'END'
#include <st.h>
int main(void)
{
    return st_set_eventsys(ST_EVENTSYS_POLL) + st_init();
}
END

probe_lib "OpenSSL" libssl-dev "" "-lssl -lcrypto" <<'END'
#include <openssl/evp.h>
#include <openssl/ssl.h>
#if OPENSSL_VERSION_NUMBER < 0x30000000L
#error "OpenSSL 3.0 or later"
#endif
int main(void)
{
    return SSL_CTX_new(TLS_server_method()) == NULL && EVP_sha256() == NULL;
}
END

probe_lib "http-parser" libhttp-parser-dev "" "-lhttp_parser" <<'END'
#include <http_parser.h>
int main(void)
{
    http_parser parser;

    http_parser_init(&parser, HTTP_REQUEST);
    return HTTP_PARSER_VERSION_MAJOR < 2;
}
END

probe_lib "nghttp2" libnghttp2-dev "" "-lnghttp2" <<'END'
#include <nghttp2/nghttp2.h>
#if NGHTTP2_VERSION_NUM < 0x013000
#error "nghttp2 1.48 or later"
#endif
int main(void)
{
    return nghttp2_version(0) == NULL;
}
END

probe_lib "c-ares" libc-ares-dev "" "-lcares" <<'END'
#include <ares.h>
int main(void)
{
    return ares_library_init(ARES_LIB_INIT_ALL);
}
END

probe_lib "jansson" libjansson-dev "" "-ljansson" <<'END'
#include <jansson.h>
int main(void)
{
    return json_object() == NULL;
}
END

probe_lib "uthash" uthash-dev "" "" <<'END'
#include <stdlib.h>
#include <string.h>
#include <uthash.h>
struct item {
    int key;
    UT_hash_handle hh;
};
int main(void)
{
    struct item *all = NULL;
    struct item one = {1, {0}};

    HASH_ADD_INT(all, key, &one);
    return HASH_COUNT(all) != 1;
}
END

probe_lib "hiredis" libhiredis-dev "" "-lhiredis" <<'END'
#include <stddef.h>
#include <hiredis/hiredis.h>
int main(void)
{
    return redisReaderCreate() == NULL;
}
END

# Without it the server is built, and its sandbox does not filter system calls.
SECCOMP_LIBS=-lseccomp
printf 'checking for libseccomp ... '
if probe_link "$CC" "-D_GNU_SOURCE" "$SECCOMP_LIBS" <<'END'; then
#include <seccomp.h>
int main(void)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_TRAP);

    return seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2) +
           seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(epoll_pwait2), 0);
}
END
    echo yes
else
    SECCOMP_LIBS=
    echo "no: the sandbox will not filter system calls (Debian package libseccomp-dev)"
fi

if [ -n "$MISSING" ]; then
    echo >&2
    echo "configure: error: libraries are missing. On Debian:" >&2
    echo "    apt-get install$MISSING" >&2
    echo "or let 3rdparty/install.sh build do it. $PROBE_LOG has the compiler's output." >&2
    exit 1
fi

CLANG=$(command -v clang || true)
probe_test_lib "Check" check "$CC" "" "-lcheck -lsubunit -lm -lrt -lpthread" <<'END' || true
#include <check.h>
int main(void)
{
    return suite_create("probe") == NULL;
}
END
probe_test_lib "AddressSanitizer" "gcc libasan8 libubsan1" "$CC" "-fsanitize=address,undefined" "" <<'END' || true
int main(void)
{
    return 0;
}
END
probe_test_lib "clang with libFuzzer" "clang libclang-rt-14-dev" "${CLANG:-clang}" "-fsanitize=fuzzer,address" "" <<'END' || true
#include <stddef.h>
#include <stdint.h>
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return data == NULL && size > 1;
}
END

# Release has optimisation and debugging information both, and keeps its asserts.
if [ "$WITH_DEBUG" = yes ]; then
    OPT_CFLAGS="-O0 -g3"
else
    OPT_CFLAGS="-O2 -g"
    probe_flag "-O2 -D_FORTIFY_SOURCE=2" && OPT_CFLAGS="$OPT_CFLAGS -D_FORTIFY_SOURCE=2"
fi
probe_flag -fstack-protector-strong && OPT_CFLAGS="$OPT_CFLAGS -fstack-protector-strong"
OPT_LDFLAGS="-Wl,-z,relro,-z,now -Wl,--as-needed"
if [ "$WITH_SANITIZERS" = yes ]; then
    SAN_FLAGS="-fsanitize=address,undefined -fno-sanitize-recover=undefined"
    probe_flag "$SAN_FLAGS" || fail "--with-sanitizers: $CC has no sanitizers here; see $PROBE_LOG"
    OPT_CFLAGS="$(echo "$OPT_CFLAGS" | sed 's/ -D_FORTIFY_SOURCE=2//') -fno-omit-frame-pointer $SAN_FLAGS"
    OPT_LDFLAGS="$OPT_LDFLAGS $SAN_FLAGS"
fi
