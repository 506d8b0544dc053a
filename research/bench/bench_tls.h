#ifndef BENCH_TLS_H
#define BENCH_TLS_H

/* TLS for the load client and the bare loop: OpenSSL directly on the descriptor. */
#include <openssl/ssl.h>
#include <stddef.h>
#include <sys/types.h>

/* A certificate is not asked for its name here. Both end the program on an error. */
SSL_CTX *bench_tls_client(void);
SSL_CTX *bench_tls_server(const char *key, const char *cert);

SSL *bench_tls_open(SSL_CTX *ctx, int fd, int is_server);
/* 1 the handshake is done, 0 not yet, -1 it failed. */
int bench_tls_shake(SSL *ssl);
/* As recv() and send(): EAGAIN in errno when it would wait. */
ssize_t bench_tls_read(SSL *ssl, void *data, size_t len);
ssize_t bench_tls_write(SSL *ssl, const void *data, size_t len);

#endif
