/*
 * authmod=adobe, as Adobe's servers and the ingest points of content networks ask for it:
 *   1. connect "app"                                  -> "code=403 need auth; authmod=adobe"
 *   2. connect "app?authmod=adobe&user=U"             ->
 * "?reason=needauth&user=U&salt=S&challenge=C&opaque=O"
 *   3. connect "app?authmod=adobe&user=U&challenge=OURS&response=R&opaque=O"
 * with R = base64(md5(base64(md5(U S password)) O OURS)), and C for an O that is missing. The
 * password itself is never sent. There is no public specification: this is the behaviour of
 * existing clients.
 */
#include "proto/rtmp_auth.h"

#include "base/str.h"
#include "proto/url.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#define MD5_SIZE   16
#define VALUE_MAX  256
#define BASE64_MAX 32 /* of MD5_SIZE bytes, terminator included */

/* base64(md5(a b c)). 0 or -1. */
static int digest(const char *a, const char *b, const char *c, char out[BASE64_MAX])
{
    uint8_t md[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    int is_done = ctx != NULL && EVP_DigestInit_ex(ctx, EVP_md5(), NULL) == 1 &&
                  EVP_DigestUpdate(ctx, a, strlen(a)) == 1 &&
                  EVP_DigestUpdate(ctx, b, strlen(b)) == 1 &&
                  EVP_DigestUpdate(ctx, c, strlen(c)) == 1 &&
                  EVP_DigestFinal_ex(ctx, md, &len) == 1 && len == MD5_SIZE;

    EVP_MD_CTX_free(ctx);
    if (!is_done)
        return -1;
    EVP_EncodeBlock((unsigned char *)out, md, MD5_SIZE);
    return 0;
}

/* "name=value" up to '&', undecoded: the values are base64, where '+' is not a space. */
static int find_value(const char *query, const char *name, char out[VALUE_MAX])
{
    size_t name_len = strlen(name);

    out[0] = '\0';
    for (const char *p = query; *p != '\0'; p += strspn(p, "&")) {
        size_t len = strcspn(p, "& ");

        if (len > name_len && p[name_len] == '=' && strncmp(p, name, name_len) == 0)
            return str_copy_n(out, VALUE_MAX, p + name_len + 1, len - name_len - 1);
        p += len;
        if (*p == ' ')
            break;
    }
    return 0;
}

static enum rtmp_auth answer_challenge(const struct rtmp_target *target, const char *query,
                                       const char *ours, char out[RTMP_AUTH_QUERY_MAX])
{
    char salt[VALUE_MAX];
    char challenge[VALUE_MAX];
    char opaque[VALUE_MAX];
    char secret[BASE64_MAX];
    char response[BASE64_MAX];
    int rc = find_value(query, "salt", salt);

    rc |= find_value(query, "challenge", challenge);
    rc |= find_value(query, "opaque", opaque);
    if (rc != 0 || digest(target->user, salt, target->password, secret) != 0)
        return RTMP_AUTH_NONE;
    rc = digest(secret, opaque[0] != '\0' ? opaque : challenge, ours, response);
    OPENSSL_cleanse(secret, sizeof(secret));
    if (rc != 0 ||
        str_format(out, RTMP_AUTH_QUERY_MAX, "authmod=adobe&user=%s&challenge=%s&response=%s%s%s",
                   target->user, ours, response, opaque[0] != '\0' ? "&opaque=" : "", opaque) != 0)
        return RTMP_AUTH_NONE;
    return RTMP_AUTH_AGAIN;
}

enum rtmp_auth rtmp_auth_answer(const struct rtmp_target *target, const char *description,
                                const char *challenge, char out[RTMP_AUTH_QUERY_MAX])
{
    const char *reason;

    assert(target != NULL && description != NULL && challenge != NULL);
    out[0] = '\0';
    if (strstr(description, "authmod=") == NULL && strstr(description, "reason=") == NULL)
        return RTMP_AUTH_NONE;
    if (strstr(description, "authmod=adobe") == NULL)
        return RTMP_AUTH_UNKNOWN;
    if (strstr(description, "reason=authfailed") != NULL ||
        strstr(description, "reason=nosuchuser") != NULL)
        return RTMP_AUTH_DENIED;
    reason = strstr(description, "?reason=needauth");
    if (reason != NULL)
        return answer_challenge(target, reason + 1, challenge, out);
    if (strstr(description, "code=403 need auth") == NULL ||
        str_format(out, RTMP_AUTH_QUERY_MAX, "authmod=adobe&user=%s", target->user) != 0)
        return RTMP_AUTH_NONE;
    return RTMP_AUTH_AGAIN;
}

/* Appends a query to a text that may already have one. 0 or -1. */
static int append(char *text, size_t cap, const char *query)
{
    size_t len = strlen(text);

    return str_format(text + len, cap - len, "%c%s", strchr(text, '?') != NULL ? '&' : '?', query);
}

int rtmp_auth_apply(struct rtmp_target *target, const char *query)
{
    size_t app_len = strlen(target->app);
    size_t tc_url_len = strlen(target->tc_url);

    if (append(target->app, sizeof(target->app), query) == 0 &&
        append(target->tc_url, sizeof(target->tc_url), query) == 0)
        return 0;
    target->app[app_len] = '\0';
    target->tc_url[tc_url_len] = '\0';
    return -1;
}
