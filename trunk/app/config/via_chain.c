/*
 * The servers that a request for a stream has passed, to detect edges that pull from each other in
 * a loop. A mark is an HMAC-SHA256 (RFC 2104) of the stream's name, cut to 96 bits, with a key that
 * its server created at its start.
 */
#include "app/config/via_chain.h"

#include "base/str.h"

#include <assert.h>
#include <ctype.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#define MARK_BYTES 12
#define SIGN_BYTES 32

/* A mark is one word of letters, digits, '-' and '.'; other characters become '_'. */
static void via_chain_word(char out[VIA_CHAIN_MARK_SIZE], const char *text, size_t len)
{
    if (len >= VIA_CHAIN_MARK_SIZE)
        len = VIA_CHAIN_MARK_SIZE - 1;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];

        out[i] = (char)(isalnum(c) || c == '-' || c == '.' ? c : '_');
    }
    out[len] = '\0';
}

/* The mark's index, or -1. */
static int via_chain_find(const struct via_chain *chain, const char *id)
{
    for (int i = 0; i < chain->count; i++)
        if (strcmp(chain->mark[i], id) == 0)
            return i;
    return -1;
}

int via_chain_has(const struct via_chain *chain, const char *mark)
{
    return via_chain_find(chain, mark) >= 0;
}

static void via_chain_remove(struct via_chain *chain, int at)
{
    size_t rest = (size_t)(chain->count - at - 1);

    memmove(chain->mark[at], chain->mark[at + 1], sizeof(chain->mark[0]) * rest);
    memmove(&chain->is_unverified[at], &chain->is_unverified[at + 1], rest);
    chain->count--;
}

/* The oldest unverified mark, or the oldest of all. */
static int via_chain_oldest(const struct via_chain *chain)
{
    for (int i = 0; i < chain->count; i++)
        if (chain->is_unverified[i])
            return i;
    return 0;
}

static int via_chain_add(struct via_chain *chain, const char *id, int is_unverified)
{
    int at = via_chain_find(chain, id);

    if (at >= 0 && !is_unverified)
        chain->is_unverified[at] = 0;
    if (*id == '\0' || at >= 0)
        return 0;
    if (chain->count == VIA_CHAIN_MARKS_MAX) {
        at = via_chain_oldest(chain);
        if (is_unverified && !chain->is_unverified[at])
            return 0;
        via_chain_remove(chain, at);
    }
    chain->is_unverified[chain->count] = is_unverified != 0;
    (void)str_copy(chain->mark[chain->count++], VIA_CHAIN_MARK_SIZE, id);
    return 1;
}

void via_chain_distrust(struct via_chain *chain)
{
    memset(chain->is_unverified, 1, (size_t)chain->count);
}

int via_chain_unverified(const struct via_chain *chain)
{
    int count = 0;

    for (int i = 0; i < chain->count; i++)
        count += chain->is_unverified[i];
    return count;
}

void via_chain_keep_verified(struct via_chain *chain)
{
    for (int i = chain->count - 1; i >= 0; i--)
        if (chain->is_unverified[i])
            via_chain_remove(chain, i);
}

int via_chain_parse(struct via_chain *chain, const char *text)
{
    const char *p = text;
    char mark[VIA_CHAIN_MARK_SIZE];

    assert(chain != NULL && text != NULL);
    memset(chain, 0, sizeof(*chain));
    while (isdigit((unsigned char)*p) && chain->hops <= VIA_CHAIN_HOPS_MAX)
        chain->hops = chain->hops * 10 + (*p++ - '0');
    if (chain->hops == 0 || (*p != '\0' && *p != ' ')) {
        /* A number that is too long means too many hops, whatever follows. */
        if (!isdigit((unsigned char)*p))
            chain->hops = 0;
        return chain->hops > 0 ? 0 : -1;
    }
    while (*p != '\0') {
        size_t blank = strspn(p, " ");
        size_t len = strcspn(p + blank, " ");

        int is_unverified = p[blank] == '~';

        /* The signature is not a mark. */
        if (p[blank] != '@') {
            via_chain_word(mark, p + blank + is_unverified, len - (size_t)is_unverified);
            (void)via_chain_add(chain, mark, is_unverified);
        }
        p += blank + len;
    }
    return 0;
}

void via_chain_write(const struct via_chain *chain, const char *own, char out[VIA_CHAIN_TEXT_MAX])
{
    struct via_chain next = *chain;
    size_t at;

    (void)via_chain_add(&next, own, 0);
    if (next.hops <= VIA_CHAIN_HOPS_MAX)
        next.hops++;
    (void)str_format(out, VIA_CHAIN_TEXT_MAX, "%d", next.hops);
    for (int i = 0; i < next.count; i++) {
        at = strlen(out);
        (void)str_format(out + at, VIA_CHAIN_TEXT_MAX - at, next.is_unverified[i] ? " ~%s" : " %s",
                         next.mark[i]);
    }
}

int via_chain_merge(struct via_chain *chain, const struct via_chain *other, int marks_max)
{
    int is_new = 0;

    for (int i = 0; i < other->count && i < marks_max; i++)
        is_new |= via_chain_add(chain, other->mark[i], other->is_unverified[i]);
    return is_new;
}

int via_chain_check(const struct via_chain *chain, const char *own, const char **why)
{
    *why = NULL;
    if (*own != '\0' && via_chain_has(chain, own))
        *why = "loop: this server received its own request for the stream";
    else if (chain->hops > VIA_CHAIN_HOPS_MAX)
        *why = "loop, or too many servers between the origin and the viewer";
    return *why == NULL ? 0 : -1;
}

/* ---- HMACs ---- */

/* The first bytes of an HMAC in hexadecimal; "" on failure. */
static void hmac_hex(const void *key, size_t key_len, const char *text, size_t len, size_t bytes,
                     char *out)
{
    uint8_t mac[EVP_MAX_MD_SIZE];
    unsigned mac_len = 0;

    out[0] = '\0';
    if (HMAC(EVP_sha256(), key, (int)key_len, (const uint8_t *)text, len, mac, &mac_len) == NULL)
        return;
    assert(bytes <= mac_len);
    for (size_t i = 0; i < bytes; i++)
        (void)str_format(out + 2 * i, 3, "%02x", mac[i]);
}

void via_chain_mark(const uint8_t key[VIA_CHAIN_KEY_SIZE], const char *app, const char *stream,
                    char out[VIA_CHAIN_MARK_SIZE])
{
    char text[1024];

    if (str_format(text, sizeof(text), "%s/%s", app, stream) != 0)
        text[sizeof(text) - 1] = '\0';
    hmac_hex(key, VIA_CHAIN_KEY_SIZE, text, strlen(text), MARK_BYTES, out);
}

/* The signature of the first len bytes at this time. */
static void sign_text(const char *secret, const char *text, size_t len, int64_t time,
                      char out[2 * SIGN_BYTES + 1])
{
    char signed_text[VIA_CHAIN_TEXT_MAX + 32];

    if (str_format(signed_text, sizeof(signed_text), "via\n%" PRId64 "\n%.*s", time, (int)len,
                   text) != 0)
        signed_text[0] = '\0';
    hmac_hex(secret, strlen(secret), signed_text, strlen(signed_text), SIGN_BYTES, out);
}

void via_chain_sign(char text[VIA_CHAIN_TEXT_MAX], const char *secret, int64_t now)
{
    char sign[2 * SIGN_BYTES + 1];
    size_t len = strlen(text);

    sign_text(secret, text, len, now, sign);
    (void)str_format(text + len, VIA_CHAIN_TEXT_MAX - len, " @%" PRId64 ":%s", now, sign);
}

int via_chain_is_signed(const char *text, const char *secret, int64_t now)
{
    const char *mark = strstr(text, " @");
    const char *colon = mark != NULL ? strchr(mark, ':') : NULL;
    char number[24], sign[2 * SIGN_BYTES + 1];
    int64_t time;

    if (secret[0] == '\0' || colon == NULL || strlen(text) >= VIA_CHAIN_TEXT_MAX ||
        str_copy_n(number, sizeof(number), mark + 2, (size_t)(colon - mark - 2)) != 0 ||
        str_to_i64(number, 0, INT64_MAX / 2, &time) != 0 || time < now - VIA_CHAIN_SKEW ||
        time > now + VIA_CHAIN_SKEW)
        return 0;
    sign_text(secret, text, (size_t)(mark - text), time, sign);
    return strlen(colon + 1) == 2 * SIGN_BYTES && strlen(sign) == 2 * SIGN_BYTES &&
           CRYPTO_memcmp(colon + 1, sign, 2 * SIGN_BYTES) == 0;
}
