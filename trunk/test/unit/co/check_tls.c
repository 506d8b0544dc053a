/*
 * TLS: which peers are accepted, with which certificate, and the error of a failed handshake and
 * its cleanup.
 */
#include "tls_test.h"

#include "co/tls_private.h"

#include <stdio.h>
#include <string.h>

Suite *check_tls_suite(void);

static struct tls_test_files files;
static struct tls *server;
static struct tls *client;

static void set_up(void)
{
    tls_test_files_open(&files, "localhost");
    server = tls_test_server(&files);
    client = tls_test_client(&files);
}

static void tear_down(void)
{
    tls_free(server);
    tls_free(client);
    tls_test_files_close(&files);
}

START_TEST(handshake_agrees)
{
    struct tls_test_pair pair;
    char alpn[16];

    tls_test_pair(&pair, _i, server, client);
    ck_assert_str_eq(tls_version(pair.server_conn), "TLSv1.3");
    ck_assert_str_eq(tls_cipher(pair.server_conn), "TLS_AES_128_GCM_SHA256");
    tls_alpn(pair.client_conn, alpn, sizeof(alpn));
    ck_assert_str_eq(alpn, "http/1.1");
    ck_assert_int_eq(tls_is_resumed(pair.server_conn), 0);
    tls_test_pair_free(&pair);
    tls_free(NULL);
}
END_TEST

START_TEST(client_checks_the_name)
{
    static const char *const good[] = {"localhost", "127.0.0.1"};
    static const char *const bad[] = {"example.com", "127.0.0.2"};
    struct tls_test_pair pair;

    for (int i = 0; i < 2; i++) {
        tls_test_shake(&pair, 0, server, client, good[i]);
        co_test_ok(pair.client_err);
        co_test_ok(pair.server_err);
        tls_test_pair_free(&pair);
        tls_test_shake(&pair, 0, server, client, bad[i]);
        co_test_err(pair.client_err, ERR_DENIED);
        ck_assert_ptr_nonnull(pair.server_err);
        err_free(pair.server_err);
        tls_test_pair_free(&pair);
    }
}
END_TEST

START_TEST(client_checks_the_issuer)
{
    struct tls_options options = {.ca = NULL};
    struct tls_test_pair pair;
    struct tls *stranger;

    co_test_ok(tls_client_new(&options, co_test_log(), &stranger));
    tls_test_shake(&pair, 1, server, stranger, "localhost");
    co_test_err(pair.client_err, ERR_DENIED);
    ck_assert_ptr_nonnull(pair.server_err);
    err_free(pair.server_err);
    tls_test_pair_free(&pair);
    tls_free(stranger);
}
END_TEST

/* Input instead of a handshake, and the expected error. */
static void shake_with(const char *bytes, size_t len, usec_t timeout, enum err_code code)
{
    struct net_conn *a;
    struct net_conn *b;

    co_test_pair(1, &a, &b);
    if (len > 0)
        co_test_ok(io_write(&a->io, bytes, len, TEST_WAIT));
    if (timeout == TEST_WAIT)
        io_close(&a->io);
    co_test_err(tls_accept(server, b, timeout), code);
    ck_assert_ptr_null(b->tls);
    net_free(a);
    net_free(b);
}

START_TEST(no_handshake)
{
    static const char get[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    static const char hello[] = "\x16\x03\x01\x00\x80\x01\x00\x00\x7c\x03\x03";

    shake_with("", 0, 30 * USEC_PER_MS, ERR_TIMEOUT);
    shake_with("", 0, TEST_WAIT, ERR_CLOSED);
    shake_with(get, sizeof(get) - 1, USEC_PER_SEC, ERR_PROTO);
    for (size_t len = 1; len < sizeof(hello); len++) {
        shake_with(hello, len, 5 * USEC_PER_MS, ERR_TIMEOUT);
        shake_with(hello, len, TEST_WAIT, ERR_CLOSED);
    }
    shake_with("\x16\x03\x01\xff\xff", 5, USEC_PER_SEC, ERR_PROTO);
    shake_with("\x15\x03\x01\x00\x02\x02\x28", 7, USEC_PER_SEC, ERR_PROTO);
}
END_TEST

static void accept_run(void *arg)
{
    struct tls_test_pair *pair = arg;

    pair->server_err = tls_accept(server, pair->server_conn, TEST_WAIT);
}

START_TEST(handshake_can_be_interrupted)
{
    struct tls_test_pair pair = {.server = server};
    struct co *co;

    co_test_pair(1, &pair.client_conn, &pair.server_conn);
    co_test_ok(io_write(&pair.client_conn->io, "\x16\x03", 2, TEST_WAIT));
    co = co_spawn_joinable(accept_run, &pair);
    for (int i = 0; i < 10; i++)
        co_yield ();
    co_interrupt(co);
    co_join(co);
    co_test_err(pair.server_err, ERR_INTERRUPTED);
    tls_test_pair_free(&pair);
}
END_TEST

START_TEST(files_that_are_no_certificate)
{
    struct tls_test_files other;
    struct tls_options options = {.cert = "/nowhere/server.crt", .key = files.key};
    struct tls *tls;

    tls_test_files_open(&other, "other");
    co_test_err(tls_server_new(&options, co_test_log(), &tls), ERR_CONFIG);
    ck_assert_ptr_null(tls);
    options.cert = files.cert;
    options.key = "/nowhere/server.key";
    co_test_err(tls_server_new(&options, co_test_log(), &tls), ERR_CONFIG);
    options.key = other.key; /* not the certificate's */
    co_test_err(tls_server_new(&options, co_test_log(), &tls), ERR_CONFIG);
    options.key = files.cert;
    co_test_err(tls_server_new(&options, co_test_log(), &tls), ERR_CONFIG);
    tls_test_files_spoil(&other, "-----BEGIN CERTIFICATE-----\nAAAA\n");
    options.key = files.key;
    options.cert = other.cert;
    co_test_err(tls_server_new(&options, co_test_log(), &tls), ERR_CONFIG);
    tls_test_files_close(&other);
}
END_TEST

/* A passphrase cannot be asked for, and must not be waited for. */
START_TEST(key_with_a_passphrase)
{
    static const char *const text =
        "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n"
        "DEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF\n\nAAAA\n"
        "-----END RSA PRIVATE KEY-----\n";
    struct tls_options options = {.cert = files.cert, .key = files.key};
    FILE *file = fopen(files.key, "w");
    struct tls *tls;

    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    fclose(file);
    co_test_err(tls_server_new(&options, co_test_log(), &tls), ERR_CONFIG);
}
END_TEST

/* Whether `trusting` trusts the server's certificate. */
static int is_trusted(struct tls *trusting, const char *host)
{
    struct tls_test_pair pair;
    int ok;

    tls_test_shake(&pair, 0, server, trusting, host);
    ok = pair.client_err == NULL;
    ck_assert_msg(ok == (pair.server_err == NULL), "the ends do not agree");
    err_free(pair.client_err);
    err_free(pair.server_err);
    tls_test_pair_free(&pair);
    return ok;
}

static int one_secret(void *arg, uint8_t out[TLS_SECRET_SIZE], usec_t *made_at)
{
    memset(out, *(const int *)arg, TLS_SECRET_SIZE);
    *made_at = co_now();
    return *(const int *)arg < 0 ? -1 : 0;
}

static void ticket_keys(int secret, uint8_t keys[80])
{
    struct tls_options options = {
        .cert = files.cert, .key = files.key, .secret = one_secret, .secret_arg = &secret};
    struct tls *tls;

    co_test_ok(tls_server_new(&options, co_test_log(), &tls));
    ck_assert_int_eq(SSL_CTX_get_tlsext_ticket_keys(tls->ctx, keys, 80), 1);
    tls_free(tls);
}

/* Processes of one server accept each other's tickets: the same secret gives the same keys. */
START_TEST(tickets_of_one_secret)
{
    uint8_t keys[3][80];

    ticket_keys(1, keys[0]);
    ticket_keys(1, keys[1]);
    ticket_keys(2, keys[2]);
    ck_assert_int_eq(memcmp(keys[0], keys[1], 80), 0);
    ck_assert_int_ne(memcmp(keys[0], keys[2], 80), 0);
    /* No part of them is a repetition of another. */
    ck_assert_int_ne(memcmp(keys[0], keys[0] + 32, 32), 0);
}
END_TEST

START_TEST(no_secret)
{
    int secret = -1;
    struct tls_options options = {
        .cert = files.cert, .key = files.key, .secret = one_secret, .secret_arg = &secret};
    struct tls *tls;

    co_test_err(tls_server_new(&options, co_test_log(), &tls), ERR_NOMEM);
}
END_TEST

START_TEST(certificate_is_replaced)
{
    struct tls_test_pair pair;
    struct tls *later;
    char buf[8];
    size_t got;

    tls_test_pair(&pair, 1, server, client);
    tls_test_files_renew(&files, "localhost");
    later = tls_test_client(&files);
    ck_assert_int_eq(tls_reload(server), 0);
    ck_assert_int_eq(is_trusted(client, "localhost"), 0);
    ck_assert_int_eq(is_trusted(later, "localhost"), 1);
    /* Established connections stay. */
    co_test_ok(io_write(&pair.server_conn->io, "on", 2, TEST_WAIT));
    co_test_ok(io_read(&pair.client_conn->io, buf, sizeof(buf), &got, TEST_WAIT));
    ck_assert_uint_eq(got, 2);
    tls_test_pair_free(&pair);
    tls_free(later);
}
END_TEST

START_TEST(changed_files_are_noticed)
{
    usec_t deadline = co_deadline(TEST_WAIT);
    struct tls *later;

    tls_test_files_spoil(&files, "nothing of use\n");
    ck_assert_int_eq(tls_reload(server), -1);
    ck_assert_int_eq(co_test_log_has("TLS keeps the current certificate"), 1);
    ck_assert_int_eq(is_trusted(client, "localhost"), 1);
    tls_test_files_renew(&files, "localhost");
    later = tls_test_client(&files);
    while (!is_trusted(later, "localhost")) {
        ck_assert_msg(co_left(deadline) > 0, "the new files were not noticed");
        (void)co_sleep(50 * USEC_PER_MS);
    }
    ck_assert_int_eq(co_test_log_has(".crt reloaded"), 1);
    tls_free(later);
}
END_TEST

/* ---- a flood ---- */

#define FLOOD 48

struct flood {
    struct tls_test_pair pair[FLOOD];
    int left;
};

struct flood_one {
    struct flood *flood;
    int i;
    int is_client;
};

static void flood_run(void *arg)
{
    struct flood_one *one = arg;
    struct tls_test_pair *pair = &one->flood->pair[one->i];

    if (one->is_client)
        pair->client_err = tls_connect(client, pair->client_conn, "localhost", TEST_WAIT);
    else
        pair->server_err = tls_accept(server, pair->server_conn, TEST_WAIT);
    one->flood->left--;
}

/* All knock at once: each gets in, and in between the others have their turns. */
START_TEST(handshakes_take_turns)
{
    static struct flood flood;
    static struct flood_one ones[2 * FLOOD];
    usec_t deadline = co_deadline(TEST_WAIT);
    int turns = 0;

    memset(&flood, 0, sizeof(flood));
    flood.left = 2 * FLOOD;
    co_stack_paint(1);
    for (int i = 0; i < 2 * FLOOD; i++) {
        if (i < FLOOD)
            co_test_pair(0, &flood.pair[i].client_conn, &flood.pair[i].server_conn);
        ones[i] = (struct flood_one){&flood, i % FLOOD, i < FLOOD};
        ck_assert_ptr_nonnull(co_spawn(flood_run, &ones[i]));
    }
    while (flood.left > 0 && co_left(deadline) > 0) {
        co_yield ();
        turns++;
    }
    co_stack_paint(0);
    ck_assert_int_eq(flood.left, 0);
    /* A client and a server have two steps at least that are reckoned alone. */
    ck_assert_int_ge(turns, 2 * FLOOD);
    ck_assert_uint_lt(co_stack_peak(), CO_STACK_USABLE - 12 * 1024);
    for (int i = 0; i < FLOOD; i++) {
        co_test_ok(flood.pair[i].client_err);
        co_test_ok(flood.pair[i].server_err);
        tls_test_pair_free(&flood.pair[i]);
    }
}
END_TEST

Suite *check_tls_suite(void)
{
    Suite *suite = suite_create("tls");
    TCase *tc = co_test_case(suite, "handshake");

    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, handshake_agrees, 0, CO_TEST_KINDS);
    tcase_add_test(tc, client_checks_the_name);
    tcase_add_test(tc, client_checks_the_issuer);
    tcase_add_test(tc, no_handshake);
    tcase_add_test(tc, handshake_can_be_interrupted);
    tcase_add_test(tc, files_that_are_no_certificate);
    tcase_add_test(tc, key_with_a_passphrase);
    tcase_add_test(tc, tickets_of_one_secret);
    tcase_add_test(tc, no_secret);
    tcase_add_test(tc, certificate_is_replaced);
    tcase_add_test(tc, changed_files_are_noticed);
    tcase_add_test(tc, handshakes_take_turns);
    return suite;
}
