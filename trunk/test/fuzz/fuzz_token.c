/*
 * Signed addresses: no query that was not signed is ever good, whatever it holds; one that was is,
 * with anything behind it.
 */
#include "proto/token.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const keys[] = {"the key of the day", "the key before"};

/* The input after a good signature changes nothing; alone it is never a good one. */
static void check_query(const char *text)
{
    struct token_claim claim = {0, "", "live", "s", 1000, "192.0.2.1"};
    size_t cap = strlen(text) + 128;
    char *query = malloc(cap);
    char hex[TOKEN_HEX_SIZE];
    uint8_t fingerprint[TOKEN_FINGERPRINT_SIZE];

    assert(query != NULL);
    assert(token_check(keys, 2, &claim, text, 1) != TOKEN_GOOD);
    assert(token_sign(keys[1], &claim, hex) == 0);
    snprintf(query, cap, "expires=1000&sign=%s&%s", hex, text);
    assert(token_check(keys, 2, &claim, query, 999) == TOKEN_GOOD);
    assert(token_check(keys, 2, &claim, query, 1000) == TOKEN_EXPIRED);
    assert(token_check(keys, 1, &claim, query, 999) == TOKEN_WRONG);
    assert(token_fingerprint(query, fingerprint) == 0);
    free(query);
}

/* Names from the input: what is signed has exactly three line feeds. */
static void check_names(const char *text)
{
    struct token_claim claim = {1, text, "live", "s", 1000, ""};
    char out[TOKEN_TEXT_MAX];
    int lines = 0;

    if (strchr(text, '/') != NULL) /* no vhost has one */
        claim.vhost = "";
    claim.stream = text;
    if (token_text(&claim, out, sizeof(out)) != 0)
        return;
    for (const char *p = out; *p != '\0'; p++)
        lines += *p == '\n';
    assert(lines == 3 && strncmp(out, "publish\n", 8) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);

    if (text == NULL)
        return 0;
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    check_query(text);
    check_names(text);
    free(text);
    return 0;
}
