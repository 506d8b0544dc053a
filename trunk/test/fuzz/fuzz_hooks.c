/*
 * What a callback server answers: any status, location and body make one of three decisions, whose
 * texts are bounded and can be sent to a client as they stand.
 */
#include "app/control/hooks_answer.h"
#include "base/str.h"
#include "base/utf8.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The text up to the next end of line, which is skipped. */
static void take_line(const uint8_t **data, size_t *size, char *out, size_t cap)
{
    const uint8_t *end = *size > 0 ? memchr(*data, '\n', *size) : NULL;
    size_t len = end != NULL ? (size_t)(end - *data) : *size;

    (void)str_copy_n(out, cap, (const char *)*data, len);
    len += end != NULL;
    *data += len;
    *size -= len;
}

static void check(const struct hooks_answer *answer)
{
    size_t len = strnlen(answer->message, sizeof(answer->message));
    const uint8_t *p = (const uint8_t *)answer->message;
    uint32_t code;

    assert(len < sizeof(answer->message));
    assert(strnlen(answer->location, sizeof(answer->location)) < sizeof(answer->location));
    assert((answer->decision == HOOKS_NO) == (len > 0));
    assert((answer->decision == HOOKS_REDIRECT) == (answer->location[0] != '\0'));
    for (size_t used; len > 0; p += used, len -= used) {
        used = utf8_next(p, len, &code);
        assert(used > 0 && !utf8_is_hidden(code));
    }
    for (const char *c = answer->location; *c != '\0'; c++)
        assert(*c > ' ' && *c < 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char status[16];
    char location[2048];
    struct hooks_answer answer;
    char *body;

    take_line(&data, &size, status, sizeof(status));
    take_line(&data, &size, location, sizeof(location));
    /* Exactly as large as it is said to be. */
    body = malloc(size > 0 ? size : 1);
    if (body == NULL)
        return 0;
    if (size > 0)
        memcpy(body, data, size);
    hooks_answer_parse((int)strtol(status, NULL, 10), location[0] != '\0' ? location : NULL, body,
                       size, &answer);
    check(&answer);
    /* Without white space and 200, a yes has its zero. */
    assert(answer.decision != HOOKS_YES || memchr(body, '0', size) != NULL);
    free(body);
    return 0;
}
