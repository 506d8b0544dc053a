/*
 * Both the expected and the received text "user:password" are hashed, and the hashes compared: of
 * equal length, and in constant time. So a password may contain anything, a colon too.
 */
#include "app/http/api_login.h"

#include "app/config/config.h"
#include "base/str.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <string.h>

/* Characters of user name and password together; longer ones are wrong. */
#define LOGIN_MAX 1024

/* The text after "Basic ": 0, or -1 when it is malformed or too long. */
static int login_decode(const char *authorization, char out[LOGIN_MAX], size_t *len)
{
    static const char scheme[] = "Basic ";
    unsigned char text[LOGIN_MAX];
    const char *code;
    size_t size;
    int got;

    for (size_t i = 0; scheme[i] != '\0'; i++)
        if (authorization[i] == '\0' || (authorization[i] | 0x20) != (scheme[i] | 0x20))
            return -1;
    code = authorization + strlen(scheme);
    code += strspn(code, " ");
    size = strcspn(code, " ");
    if (size == 0 || size % 4 != 0 || size / 4 * 3 > sizeof(text) || code[size] != '\0')
        return -1;
    got = EVP_DecodeBlock(text, (const unsigned char *)code, (int)size);
    if (got < 0)
        return -1;
    *len = (size_t)got - (code[size - 1] == '=') - (code[size - 2] == '=');
    memcpy(out, text, *len);
    return 0;
}

int api_login_is_right(const struct config_api_auth *auth, const char *authorization)
{
    const char *password = auth->password.count > 0 ? auth->password.item[0] : "";
    unsigned char want[SHA256_DIGEST_LENGTH], got[SHA256_DIGEST_LENGTH];
    char expected[LOGIN_MAX];
    char sent[LOGIN_MAX];
    size_t len;

    if (authorization == NULL || password[0] == '\0' || auth->username[0] == '\0' ||
        str_format(expected, sizeof(expected), "%s:%s", auth->username, password) != 0 ||
        login_decode(authorization, sent, &len) != 0)
        return 0;
    SHA256((const unsigned char *)expected, strlen(expected), want);
    SHA256((const unsigned char *)sent, len, got);
    OPENSSL_cleanse(expected, sizeof(expected));
    return CRYPTO_memcmp(want, got, sizeof(want)) == 0;
}
