/*
 * Signed addresses: HMAC-SHA256 (RFC 2104) over four lines of text, so that any language can create
 * one in one line of code. The signed names are those of the stream that is finally served, after
 * all decoding and matching: no spelling of an address avoids the check.
 *
 * All keys and both forms (bound to an IP address or not) are always tried and compared in constant
 * time: the duration reveals nothing about a guess.
 */
#include "proto/token.h"

#include "base/str.h"
#include "proto/url.h"

#include <assert.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#define MAC_SIZE 32

static int is_name(const char *name)
{
    if (name[0] == '\0')
        return 0;
    for (; *name != '\0'; name++)
        if ((unsigned char)*name < 0x20 || *name == 0x7f)
            return 0;
    return 1;
}

int token_text(const struct token_claim *claim, char *out, size_t cap)
{
    char *slash;

    assert(claim != NULL && out != NULL && cap > 0);
    out[0] = '\0';
    if (!is_name(claim->app) || !is_name(claim->stream) || claim->expires < 0 ||
        (claim->vhost[0] != '\0' && !is_name(claim->vhost)) ||
        (claim->ip[0] != '\0' && !is_name(claim->ip)))
        return -1;
    if (str_format(out, cap, "%s\n%s/%s/%s\n%" PRId64 "\n%s",
                   claim->is_publish ? "publish" : "play", claim->vhost, claim->app, claim->stream,
                   claim->expires, claim->ip) != 0)
        return -1;
    slash = strchr(out, '/');
    for (char *p = out; p < slash; p++)
        if (*p >= 'A' && *p <= 'Z')
            *p = (char)(*p - 'A' + 'a');
    return 0;
}

static int token_mac(const char *key, const struct token_claim *claim, uint8_t mac[MAC_SIZE])
{
    char text[TOKEN_TEXT_MAX];
    unsigned len = 0;

    if (token_text(claim, text, sizeof(text)) != 0 ||
        HMAC(EVP_sha256(), key, (int)strlen(key), (const uint8_t *)text, strlen(text), mac, &len) ==
            NULL)
        return -1;
    assert(len == MAC_SIZE);
    return 0;
}

int token_sign(const char *key, const struct token_claim *claim, char hex[TOKEN_HEX_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    uint8_t mac[MAC_SIZE];

    assert(key != NULL && hex != NULL);
    hex[0] = '\0';
    if (token_mac(key, claim, mac) != 0)
        return -1;
    for (size_t i = 0; i < MAC_SIZE; i++) {
        hex[2 * i] = digits[mac[i] >> 4];
        hex[2 * i + 1] = digits[mac[i] & 15];
    }
    hex[TOKEN_HEX_SIZE - 1] = '\0';
    return 0;
}

static int hex_parse(const char *hex, uint8_t mac[MAC_SIZE])
{
    if (strlen(hex) != TOKEN_HEX_SIZE - 1)
        return -1;
    for (size_t i = 0; i < MAC_SIZE; i++) {
        int high = str_hex_digit(hex[2 * i]);
        int low = str_hex_digit(hex[2 * i + 1]);

        if (high < 0 || low < 0)
            return -1;
        mac[i] = (uint8_t)(high << 4 | low);
    }
    return 0;
}

/* 1 when one of the keys made this signature for the claim. */
static int is_signed(const char *const *keys, int key_count, const struct token_claim *claim,
                     const uint8_t given[MAC_SIZE])
{
    int is_good = 0;

    for (int i = 0; i < key_count; i++) {
        uint8_t mac[MAC_SIZE];

        if (token_mac(keys[i], claim, mac) == 0)
            is_good |= CRYPTO_memcmp(mac, given, MAC_SIZE) == 0;
    }
    return is_good;
}

enum token_verdict token_check(const char *const *keys, int key_count,
                               const struct token_claim *claim, const char *query, int64_t now)
{
    struct token_claim claimed;
    char expires[24];
    char sign[TOKEN_HEX_SIZE + 1];
    uint8_t given[MAC_SIZE];
    int is_good;

    assert((keys != NULL || key_count == 0) && claim != NULL && query != NULL);
    if (url_query_get(query, "expires", expires, sizeof(expires)) != 0 ||
        url_query_get(query, "sign", sign, sizeof(sign)) != 0)
        return TOKEN_MISSING;
    claimed = *claim;
    if (str_to_i64(expires, 0, INT64_MAX, &claimed.expires) != 0 || hex_parse(sign, given) != 0)
        return TOKEN_WRONG;
    is_good = is_signed(keys, key_count, &claimed, given);
    claimed.ip = "";
    is_good |= is_signed(keys, key_count, &claimed, given);
    if (!is_good)
        return TOKEN_WRONG;
    return claimed.expires > now ? TOKEN_GOOD : TOKEN_EXPIRED;
}

/* "vhost=…" and "domain=…" identify the stream, not its publisher. */
static int is_address_part(const char *pair, size_t len)
{
    return (len >= 6 && memcmp(pair, "vhost=", 6) == 0) ||
           (len >= 7 && memcmp(pair, "domain=", 7) == 0);
}

int token_fingerprint(const char *query, uint8_t fingerprint[TOKEN_FINGERPRINT_SIZE])
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    int count = 0;
    int is_bad;

    assert(query != NULL && fingerprint != NULL);
    is_bad = ctx == NULL || EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) != 1;
    while (*query != '\0' && !is_bad) {
        size_t len;

        query += strspn(query, "?&");
        len = strcspn(query, "&");
        if (len > 0 && !is_address_part(query, len)) {
            is_bad = EVP_DigestUpdate(ctx, query, len) != 1 || EVP_DigestUpdate(ctx, "&", 1) != 1;
            count++;
        }
        query += len;
    }
    is_bad = is_bad || count == 0 || EVP_DigestFinal_ex(ctx, fingerprint, NULL) != 1;
    EVP_MD_CTX_free(ctx);
    return is_bad ? -1 : 0;
}

int token_fingerprint_equal(const uint8_t *a, const uint8_t *b)
{
    return CRYPTO_memcmp(a, b, TOKEN_FINGERPRINT_SIZE) == 0;
}
