/*
 * What the TLS tests share: certificates that are made by OpenSSL's library
 * within the test, and a pair of connections with a handshake on both ends.
 */
#include "tls_test.h"

#include "base/str.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void test_name(X509 *cert, const char *name)
{
    X509_NAME *subject = X509_get_subject_name(cert);
    char alt[128];
    X509_EXTENSION *extension;

    ck_assert_int_eq(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                                                (const unsigned char *)name, -1, -1, 0),
                     1);
    ck_assert_int_eq(X509_set_issuer_name(cert, subject), 1);
    ck_assert_int_eq(str_format(alt, sizeof(alt), "DNS:%s,IP:127.0.0.1", name), 0);
    extension = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, alt);
    ck_assert_ptr_nonnull(extension);
    ck_assert_int_eq(X509_add_ext(cert, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

void tls_test_files_renew(struct tls_test_files *files, const char *name)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    FILE *file;

    ck_assert(key != NULL && cert != NULL);
    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    ck_assert_int_eq(X509_set_pubkey(cert, key), 1);
    test_name(cert, name);
    ck_assert_int_gt(X509_sign(cert, key, EVP_sha256()), 0);
    file = fopen(files->key, "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL), 1);
    fclose(file);
    file = fopen(files->cert, "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(PEM_write_X509(file, cert), 1);
    fclose(file);
    X509_free(cert);
    EVP_PKEY_free(key);
}

void tls_test_files_open(struct tls_test_files *files, const char *name)
{
    (void)str_copy(files->folder, sizeof(files->folder), "/tmp/check-tls-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(files->folder));
    (void)str_format(files->key, sizeof(files->key), "%s/server.key", files->folder);
    (void)str_format(files->cert, sizeof(files->cert), "%s/server.crt", files->folder);
    tls_test_files_renew(files, name);
}

void tls_test_files_spoil(struct tls_test_files *files, const char *text)
{
    FILE *key = fopen(files->key, "w");
    FILE *cert = fopen(files->cert, "w");

    ck_assert(key != NULL && cert != NULL);
    fputs(text, key);
    fputs(text, cert);
    fclose(key);
    fclose(cert);
}

void tls_test_files_close(struct tls_test_files *files)
{
    (void)unlink(files->key);
    (void)unlink(files->cert);
    (void)rmdir(files->folder);
}

struct tls *tls_test_server(const struct tls_test_files *files)
{
    struct tls_options options = {.cert = files->cert, .key = files->key, .alpn = "http/1.1"};
    struct tls *tls;

    co_test_ok(tls_server_new(&options, co_test_log(), &tls));
    return tls;
}

struct tls *tls_test_client(const struct tls_test_files *files)
{
    struct tls_options options = {.ca = files->cert, .alpn = "http/1.1"};
    struct tls *tls;

    co_test_ok(tls_client_new(&options, co_test_log(), &tls));
    return tls;
}

static void test_accept(void *arg)
{
    struct tls_test_pair *pair = arg;

    pair->server_err = tls_accept(pair->server, pair->server_conn, pair->timeout);
}

void tls_test_shake(struct tls_test_pair *pair, int kind, struct tls *server, struct tls *client,
                    const char *host)
{
    memset(pair, 0, sizeof(*pair));
    pair->server = server;
    pair->timeout = TEST_WAIT;
    co_test_pair(kind, &pair->client_conn, &pair->server_conn);
    pair->co = co_spawn_joinable(test_accept, pair);
    ck_assert_ptr_nonnull(pair->co);
    pair->client_err = tls_connect(client, pair->client_conn, host, TEST_WAIT);
    if (pair->client_err != NULL) {
        net_free(pair->client_conn);
        pair->client_conn = NULL;
    }
    co_join(pair->co);
}

void tls_test_pair(struct tls_test_pair *pair, int kind, struct tls *server, struct tls *client)
{
    tls_test_shake(pair, kind, server, client, "localhost");
    co_test_ok(pair->client_err);
    co_test_ok(pair->server_err);
}

void tls_test_pair_free(struct tls_test_pair *pair)
{
    net_free(pair->client_conn);
    net_free(pair->server_conn);
}
