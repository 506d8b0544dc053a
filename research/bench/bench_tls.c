/*
 * TLS for the bench tools in its simplest form: OpenSSL on the descriptor, with its defaults except
 * for the cipher, which is the one that Millrace prefers, so that both sides of a comparison do the
 * same computations.
 */
#include "bench_tls.h"

#include "bench.h"

#include <errno.h>
#include <openssl/err.h>

static SSL_CTX *context(const SSL_METHOD *method)
{
    SSL_CTX *ctx = SSL_CTX_new(method);

    if (ctx == NULL || !SSL_CTX_set_ciphersuites(ctx, "TLS_AES_128_GCM_SHA256") ||
        !SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION))
        bench_die("cannot set TLS up");
    SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_options(ctx, SSL_OP_IGNORE_UNEXPECTED_EOF);
    return ctx;
}

SSL_CTX *bench_tls_client(void)
{
    return context(TLS_client_method());
}

SSL_CTX *bench_tls_server(const char *key, const char *cert)
{
    SSL_CTX *ctx = context(TLS_server_method());

    if (SSL_CTX_use_certificate_chain_file(ctx, cert) != 1 ||
        SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1)
        bench_die("cannot read %s and %s", key, cert);
    return ctx;
}

SSL *bench_tls_open(SSL_CTX *ctx, int fd, int is_server)
{
    SSL *ssl = SSL_new(ctx);

    if (ssl == NULL || !SSL_set_fd(ssl, fd))
        bench_die("out of memory");
    if (is_server)
        SSL_set_accept_state(ssl);
    else
        SSL_set_connect_state(ssl);
    return ssl;
}

/* What a call that got nothing done answers, with errno. */
static int answer(SSL *ssl, int rc)
{
    int error = SSL_get_error(ssl, rc);

    ERR_clear_error();
    if (error == SSL_ERROR_ZERO_RETURN)
        return 0;
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
        errno = EAGAIN;
    else if (error != SSL_ERROR_SYSCALL || errno == 0)
        errno = EPROTO;
    return -1;
}

int bench_tls_shake(SSL *ssl)
{
    int rc = SSL_do_handshake(ssl);

    if (rc == 1)
        return 1;
    return answer(ssl, rc) < 0 && errno == EAGAIN ? 0 : -1;
}

ssize_t bench_tls_read(SSL *ssl, void *data, size_t len)
{
    size_t got = 0;

    return SSL_read_ex(ssl, data, len, &got) ? (ssize_t)got : answer(ssl, 0);
}

ssize_t bench_tls_write(SSL *ssl, const void *data, size_t len)
{
    size_t sent = 0;

    return SSL_write_ex(ssl, data, len, &sent) ? (ssize_t)sent : answer(ssl, 0);
}
