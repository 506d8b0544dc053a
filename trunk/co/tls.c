/*
 * TLS contexts: certificate, key and settings.
 *
 * A server's certificate files are checked before each handshake, at most once a second, and
 * reloaded when they have changed; connections keep the context that they started with. The ticket
 * keys are stored here and outlast a certificate, but only for half a day: with such a key, an
 * attacker could decrypt TLS 1.2 connections that were resumed with its tickets.
 */
#include "base/str.h"
#include "co/tls_private.h"

#include <assert.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define TLS_LOOK_INTERVAL   USEC_PER_SEC
#define TLS_TICKET_KEYS_MAX 256

/* AES-128-GCM first: by far the cheapest with AES instructions. */
static const char tls_ciphers_13[] =
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
static const char tls_ciphers_12[] = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
                                     "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
                                     "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
static const char tls_groups[] = "X25519:P-256:P-384";

/* ---- callbacks of OpenSSL ---- */

/* Without this, OpenSSL would ask for a passphrase on the terminal. */
static int tls_no_passphrase(char *buf, int size, int writing, void *arg)
{
    (void)buf;
    (void)size;
    (void)writing;
    (void)arg;
    return -1;
}

/* RFC 7301, 3.2: refuses a client that offers protocols, but not ours. */
static int tls_on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                       const unsigned char *offered, unsigned offered_len, void *arg)
{
    const struct tls *tls = arg;
    unsigned char *chosen = NULL;

    (void)ssl;
    if (tls->alpn_len == 0)
        return SSL_TLSEXT_ERR_NOACK;
    if (SSL_select_next_proto(&chosen, out_len, tls->alpn, tls->alpn_len, offered, offered_len) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

/* Acknowledges any requested server name: there is one certificate for all. */
static int tls_on_servername(SSL *ssl, int *alert, void *arg)
{
    (void)alert;
    (void)arg;
    return SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name) != NULL ? SSL_TLSEXT_ERR_OK
                                                                      : SSL_TLSEXT_ERR_NOACK;
}

/* ---- contexts ---- */

static SSL_CTX *tls_context_new(struct tls *tls)
{
    SSL_CTX *ctx = SSL_CTX_new(tls->is_client ? TLS_client_method() : TLS_server_method());

    if (ctx == NULL)
        return NULL;
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                 SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
    if (tls->has_ktls)
        SSL_CTX_set_options(ctx, SSL_OP_ENABLE_KTLS);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_read_ahead(ctx, 1);
    /* Tickets hold the session state: none is stored here. */
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_default_passwd_cb(ctx, tls_no_passphrase);
    if (!SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) ||
        !SSL_CTX_set_ciphersuites(ctx, tls_ciphers_13) ||
        !SSL_CTX_set_cipher_list(ctx, tls_ciphers_12) ||
        !SSL_CTX_set1_groups_list(ctx, tls_groups)) {
        SSL_CTX_free(ctx);
        return NULL;
    }
    return ctx;
}

static struct err *tls_load_client(struct tls *tls, SSL_CTX *ctx)
{
    const char *ca = tls->options.ca;

    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    if (ca != NULL ? !SSL_CTX_load_verify_locations(ctx, ca, NULL)
                   : !SSL_CTX_set_default_verify_paths(ctx))
        return tls_reason_error(ERR_CONFIG, "certificates", ca != NULL ? ca : "of the system");
    /* Returns 0 for success. */
    if (tls->alpn_len > 0 && SSL_CTX_set_alpn_protos(ctx, tls->alpn, tls->alpn_len) != 0)
        return err_new(ERR_NOMEM, "TLS");
    return NULL;
}

/* Derives the ticket keys from the secret; each certificate gets its own set. */
static int tls_keys_of_secret(struct tls *tls, uint8_t *keys, size_t len)
{
    uint8_t secret[TLS_SECRET_SIZE];
    uint8_t block[EVP_MAX_MD_SIZE];
    char label[512];
    unsigned block_len = 0;
    usec_t made_at = 0;
    int ok = tls->options.secret(tls->options.secret_arg, secret, &made_at) == 0;

    for (size_t at = 0; ok && at < len; at += block_len) {
        (void)str_format(label, sizeof(label), "tickets %zu %d %s", at, (int)tls->alpn_len,
                         tls->options.cert);
        ok = HMAC(EVP_sha256(), secret, sizeof(secret), (const unsigned char *)label, strlen(label),
                  block, &block_len) != NULL;
        if (ok)
            memcpy(keys + at, block, len - at < block_len ? len - at : block_len);
    }
    OPENSSL_cleanse(secret, sizeof(secret));
    OPENSSL_cleanse(block, sizeof(block));
    tls->tickets_at = made_at;
    return ok;
}

/* Sets the ticket keys: the existing ones, unless they are too old. */
static struct err *tls_renew_tickets(struct tls *tls, SSL_CTX *ctx)
{
    uint8_t keys[TLS_TICKET_KEYS_MAX];
    long len = SSL_CTX_get_tlsext_ticket_keys(ctx, NULL, 0);
    int ok = len > 0 && len <= (long)sizeof(keys);

    if (ok && tls->ctx != NULL && co_now() - tls->tickets_at < TLS_TICKETS_MAX_AGE) {
        ok = SSL_CTX_get_tlsext_ticket_keys(tls->ctx, keys, len);
    } else if (ok && tls->options.secret != NULL) {
        ok = tls_keys_of_secret(tls, keys, (size_t)len);
    } else if (ok) {
        ok = RAND_bytes(keys, (int)len) == 1;
        tls->tickets_at = co_now();
    }
    ok = ok && SSL_CTX_set_tlsext_ticket_keys(ctx, keys, len);
    OPENSSL_cleanse(keys, sizeof(keys));
    return ok ? NULL : err_new(ERR_NOMEM, "session tickets");
}

static struct err *tls_load_server(struct tls *tls, SSL_CTX *ctx)
{
    const struct tls_options *options = &tls->options;
    static const unsigned char id[] = "millrace";
    struct err *err;

    err = tls_identity_load(ctx, options);
    if (err != NULL)
        return err;
    SSL_CTX_set_alpn_select_cb(ctx, tls_on_alpn, tls);
    SSL_CTX_set_tlsext_servername_callback(ctx, tls_on_servername);
    if (!SSL_CTX_set_session_id_context(ctx, id, sizeof(id) - 1))
        return err_new(ERR_NOMEM, "TLS");
    return tls_renew_tickets(tls, ctx);
}

/* Loads a context from the current files, for new connections. */
static struct err *tls_load(struct tls *tls)
{
    SSL_CTX *ctx = tls_context_new(tls);
    struct err *err;

    ERR_clear_error();
    if (ctx == NULL)
        return err_new(ERR_NOMEM, "TLS");
    err = tls->is_client ? tls_load_client(tls, ctx) : tls_load_server(tls, ctx);
    if (err != NULL) {
        SSL_CTX_free(ctx);
        return err;
    }
    SSL_CTX_free(tls->ctx); /* connections keep references */
    tls->ctx = ctx;
    return NULL;
}

/* Whether the kernel supports TLS: if it does, the error is that there is no connection yet. */
static int tls_kernel_knows(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int knows = fd >= 0 && (setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tls", sizeof("tls")) == 0 ||
                            errno == ENOTCONN);

    if (fd >= 0)
        close(fd);
    return knows;
}

/* ---- changed files ---- */

/* Also of a file in a folder that this process may not enter: 0, or -1. */
static int tls_stat(const struct opener *opener, const char *path, struct stat *st)
{
    int fd = -1;
    int rc;

    if (stat(path, st) == 0)
        return 0;
    if (errno == EACCES && opener->open != NULL)
        fd = opener->open(opener->arg, path);
    if (fd < 0)
        return -1;
    rc = fstat(fd, st);
    close(fd);
    return rc;
}

static void tls_stamp(const struct opener *opener, const char *path, struct tls_stamp *stamp)
{
    struct stat st;

    memset(stamp, 0, sizeof(*stamp));
    if (path == NULL || tls_stat(opener, path, &st) != 0)
        return;
    stamp->dev = st.st_dev;
    stamp->ino = st.st_ino;
    stamp->size = st.st_size;
    stamp->mtime = st.st_mtim;
}

static void tls_stamps(const struct tls *tls, struct tls_stamp stamp[2])
{
    tls_stamp(&tls->options.opener, tls->options.cert, &stamp[0]);
    tls_stamp(&tls->options.opener, tls->options.key, &stamp[1]);
}

static int tls_stamp_is(const struct tls_stamp *a, const struct tls_stamp *b)
{
    return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
           a->mtime.tv_sec == b->mtime.tv_sec && a->mtime.tv_nsec == b->mtime.tv_nsec;
}

int tls_reload(struct tls *tls)
{
    struct err *err;

    /* Before reading: a change while the files are read is then detected. */
    tls_stamps(tls, tls->stamp);
    tls->checked = co_now();
    err = tls_load(tls);
    if (err != NULL) {
        log_err(tls->log, LOG_ERROR, err, "TLS keeps the current certificate: %s", err_text(err));
        err_free(err);
        return -1;
    }
    if (!tls->is_client)
        log_info(tls->log, "TLS certificate %s reloaded", tls->options.cert);
    return 0;
}

void tls_refresh(struct tls *tls)
{
    struct tls_stamp stamp[2];
    usec_t now = co_now();

    if (tls->is_client || now - tls->checked < TLS_LOOK_INTERVAL)
        return;
    tls->checked = now;
    tls_stamps(tls, stamp);
    if (!tls_stamp_is(&stamp[0], &tls->stamp[0]) || !tls_stamp_is(&stamp[1], &tls->stamp[1])) {
        (void)tls_reload(tls);
    } else if (now - tls->tickets_at >= TLS_TICKETS_MAX_AGE) {
        struct err *err = tls_renew_tickets(tls, tls->ctx);

        err_free(err); /* then the old keys are used for another second */
    }
}

/* ---- life ---- */

static char *tls_text(const char *text, int *ok)
{
    char *copy = text != NULL ? strdup(text) : NULL;

    if (text != NULL && copy == NULL)
        *ok = 0;
    return copy;
}

/* "h2,http/1.1" in wire format: each name after its length. */
static void tls_alpn_set(struct tls *tls, const char *names, size_t len)
{
    size_t start = 0;

    memcpy(tls->alpn + 1, names, len);
    for (size_t at = 0; at <= len; at++) {
        if (at < len && names[at] != ',')
            continue;
        assert(at > start);
        tls->alpn[start] = (uint8_t)(at - start);
        start = at + 1;
    }
    tls->alpn_len = (unsigned)len + 1;
}

static struct err *tls_new(const struct tls_options *options, const struct log *log, int is_client,
                           struct tls **out)
{
    struct tls *tls = calloc(1, sizeof(*tls));
    size_t alpn_len = options->alpn != NULL ? strlen(options->alpn) : 0;
    int ok = 1;
    struct err *err;

    *out = NULL;
    if (tls == NULL)
        return err_new(ERR_NOMEM, "TLS");
    assert(alpn_len < sizeof(tls->alpn));
    tls->log = log;
    tls->is_client = is_client;
    tls->options.cert = tls_text(options->cert, &ok);
    tls->options.key = tls_text(options->key, &ok);
    tls->options.ca = tls_text(options->ca, &ok);
    tls->options.secret = options->secret;
    tls->options.secret_arg = options->secret_arg;
    tls->options.opener = options->opener;
    tls->has_ktls = options->ktls && tls_kernel_knows();
    if (options->ktls && !tls->has_ktls)
        log_info(log, "kernel TLS unavailable (module tls not loaded); using OpenSSL");
    if (alpn_len > 0) {
        tls_alpn_set(tls, options->alpn, alpn_len);
    }
    tls->bio = tls_bio_new();
    tls->scratch = malloc(TLS_SCRATCH_SIZE);
    tls->gather = malloc(TLS_RECORD);
    tls->turn.room = 1;
    tls->slot.room = TLS_SLOTS;
    err = co_cond_init(&tls->turn.cond);
    if (err == NULL)
        err = co_cond_init(&tls->slot.cond);
    if (err == NULL && (!ok || tls->bio == NULL || tls->scratch == NULL || tls->gather == NULL))
        err = err_new(ERR_NOMEM, "TLS");
    if (err == NULL && !is_client)
        tls_stamps(tls, tls->stamp);
    if (err == NULL)
        err = tls_load(tls);
    if (err != NULL) {
        tls_free(tls);
        return err;
    }
    *out = tls;
    return NULL;
}

struct err *tls_server_new(const struct tls_options *options, const struct log *log,
                           struct tls **out)
{
    assert(options->cert != NULL && options->key != NULL);
    return tls_new(options, log, 0, out);
}

struct err *tls_client_new(const struct tls_options *options, const struct log *log,
                           struct tls **out)
{
    return tls_new(options, log, 1, out);
}

static void tls_destroy(struct tls *tls)
{
    assert(tls->users == 0);
    assert(tls->handshakes == 0 && tls->turn.waiting == 0 && tls->slot.waiting == 0);
    co_cond_fini(&tls->turn.cond);
    co_cond_fini(&tls->slot.cond);
    SSL_CTX_free(tls->ctx);
    BIO_meth_free(tls->bio);
    free(tls->scratch);
    free(tls->gather);
    free((char *)(uintptr_t)tls->options.cert);
    free((char *)(uintptr_t)tls->options.key);
    free((char *)(uintptr_t)tls->options.ca);
    free(tls);
}

void tls_enter(struct tls *tls)
{
    tls->users++;
}

void tls_leave(struct tls *tls)
{
    assert(tls->users > 0);
    if (--tls->users == 0 && tls->is_let)
        tls_destroy(tls);
}

void tls_free(struct tls *tls)
{
    if (tls == NULL)
        return;
    tls->is_let = 1;
    if (tls->users == 0)
        tls_destroy(tls);
}
