/*
 * A server's certificate and private key. The files are read here and not by OpenSSL, because their
 * descriptors may come from another process, and so that no buffer keeps a copy of the key.
 */
#include "co/tls_private.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TLS_FILE_MAX ((size_t)1024 * 1024)
/* OpenSSL's own memory for keys: those of certificates, and a few hundred bytes for each handshake.
 */
#define TLS_KEYS_SIZE ((size_t)1024 * 1024)
#define TLS_KEYS_MIN  32

/* While a key is loaded: OpenSSL's parsers free what they have read without wiping it. */
static int is_wiping;

/* The bytes of a file; the owner cleanses and frees them. */
struct tls_text {
    uint8_t *data;
    size_t len;
};

/* ---- memory ---- */

static void *memory_new(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return malloc(size);
}

static void memory_free(void *bytes, const char *file, int line)
{
    (void)file;
    (void)line;
    if (is_wiping && bytes != NULL)
        OPENSSL_cleanse(bytes, malloc_usable_size(bytes));
    free(bytes);
}

static void *memory_resize(void *bytes, size_t size, const char *file, int line)
{
    void *more;

    if (!is_wiping || bytes == NULL)
        return realloc(bytes, size);
    more = memory_new(size, file, line);
    if (more == NULL)
        return NULL;
    memcpy(more, bytes, malloc_usable_size(bytes) < size ? malloc_usable_size(bytes) : size);
    memory_free(bytes, file, line);
    return more;
}

void tls_protect_keys(void)
{
    /* Both refuse when OpenSSL has memory already, and change nothing then. */
    if (CRYPTO_set_mem_functions(memory_new, memory_resize, memory_free) == 1)
        (void)CRYPTO_secure_malloc_init(TLS_KEYS_SIZE, TLS_KEYS_MIN);
}

/* ---- files ---- */

static int identity_open(const struct opener *opener, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

    if (fd < 0 && errno == EACCES && opener->open != NULL)
        fd = opener->open(opener->arg, path);
    return fd;
}

static void text_free(struct tls_text *text)
{
    if (text->data != NULL)
        OPENSSL_cleanse(text->data, text->len);
    free(text->data);
    text->data = NULL;
}

/* 0, or -1 with errno. */
static int text_read(const struct opener *opener, const char *path, struct tls_text *text)
{
    int fd = identity_open(opener, path);
    struct stat st;
    ssize_t n = -1;

    memset(text, 0, sizeof(*text));
    if (fd < 0)
        return -1;
    if (fstat(fd, &st) == 0 && (errno = EFBIG, st.st_size <= (off_t)TLS_FILE_MAX)) {
        text->len = (size_t)st.st_size;
        text->data = malloc(text->len + 1);
    }
    if (text->data != NULL)
        n = pread(fd, text->data, text->len, 0);
    close(fd);
    if (n >= 0 && (size_t)n == text->len)
        return 0;
    text_free(text);
    return -1;
}

static int chain_set(SSL_CTX *ctx, BIO *bio)
{
    X509 *one = PEM_read_bio_X509_AUX(bio, NULL, NULL, NULL);
    int ok = one != NULL && SSL_CTX_use_certificate(ctx, one) == 1 &&
             SSL_CTX_clear_chain_certs(ctx) == 1;

    X509_free(one);
    while (ok && (one = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
        ok = SSL_CTX_add0_chain_cert(ctx, one) == 1;
        if (!ok)
            X509_free(one);
    }
    /* The end of the file is an error to OpenSSL. */
    if (ok && ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE)
        ERR_clear_error();
    return ok && ERR_peek_error() == 0;
}

static int key_set(SSL_CTX *ctx, BIO *bio)
{
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, SSL_CTX_get_default_passwd_cb(ctx), NULL);
    int ok =
        key != NULL && SSL_CTX_use_PrivateKey(ctx, key) == 1 && SSL_CTX_check_private_key(ctx) == 1;

    EVP_PKEY_free(key);
    return ok;
}

struct identity_part {
    const char *what, *path;
    int (*set)(SSL_CTX *ctx, BIO *bio);
};

static struct err *identity_part(SSL_CTX *ctx, const struct opener *opener,
                                 const struct identity_part *part)
{
    struct tls_text text;
    BIO *bio;
    int ok;

    if (text_read(opener, part->path, &text) != 0)
        return err_new(ERR_CONFIG, "%s %s: %s", part->what, part->path, strerror(errno));
    bio = BIO_new_mem_buf(text.data, (int)text.len);
    ok = bio != NULL && part->set(ctx, bio);
    BIO_free(bio);
    text_free(&text);
    return ok ? NULL : tls_reason_error(ERR_CONFIG, part->what, part->path);
}

struct err *tls_identity_load(SSL_CTX *ctx, const struct tls_options *options)
{
    const struct identity_part certificate = {"certificate", options->cert, chain_set};
    const struct identity_part key = {"private key", options->key, key_set};
    struct err *err = identity_part(ctx, &options->opener, &certificate);

    is_wiping = 1;
    if (err == NULL)
        err = identity_part(ctx, &options->opener, &key);
    is_wiping = 0;
    return err;
}
