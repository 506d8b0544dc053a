#ifndef TEST_UNIT_CO_TLS_TEST_H
#define TEST_UNIT_CO_TLS_TEST_H

/* Certificates made on the spot, and connections with TLS on both ends. */
#include "co/tls.h"
#include "co_test.h"

#define TLS_TEST_PATH_MAX 64

/* A folder of its own with a key and a self-signed certificate in it. */
struct tls_test_files {
    char folder[TLS_TEST_PATH_MAX];
    char key[TLS_TEST_PATH_MAX + 16], cert[TLS_TEST_PATH_MAX + 16];
};

void tls_test_files_open(struct tls_test_files *files, const char *name);
/* Another key and certificate in their place, for the given name. */
void tls_test_files_renew(struct tls_test_files *files, const char *name);
/* Both files hold this text. */
void tls_test_files_spoil(struct tls_test_files *files, const char *text);
void tls_test_files_close(struct tls_test_files *files);

/* A server of these files, and a client that trusts them. ALPN is http/1.1. */
struct tls *tls_test_server(const struct tls_test_files *files);
struct tls *tls_test_client(const struct tls_test_files *files);

/* One handshake on each end of a pair; the server's runs on a coroutine of its own. */
struct tls_test_pair {
    struct tls *server;
    struct net_conn *client_conn, *server_conn;
    struct err *client_err, *server_err;
    struct co *co;
    usec_t timeout;
};

/* kind as for co_test_pair(). Errors are left in *pair, the connections are there either way. */
void tls_test_shake(struct tls_test_pair *pair, int kind, struct tls *server, struct tls *client,
                    const char *host);
/* The same, but both must succeed. */
void tls_test_pair(struct tls_test_pair *pair, int kind, struct tls *server, struct tls *client);
void tls_test_pair_free(struct tls_test_pair *pair);

#endif
