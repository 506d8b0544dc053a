/*
 * More liberal than SRS, which refuses a 0 with white space or quotes around it, and as strict in
 * all else: a callback server that is broken, or that is a different server, must not open the
 * stream to everyone. Its message goes to clients, so control characters are removed from it.
 */
#include "app/control/hooks_answer.h"

#include "base/json_depth.h"
#include "base/str.h"
#include "base/utf8.h"

#include <jansson.h>
#include <string.h>

#define ANSWER_DEPTH_MAX 8

void hooks_answer_none(const char *why, struct hooks_answer *out)
{
    memset(out, 0, sizeof(*out));
    out->decision = HOOKS_NO;
    (void)str_copy(out->message, sizeof(out->message), why);
}

static int is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Copies whole characters, without those that are not visible. */
static void copy_message(const json_t *text, char out[HOOKS_MESSAGE_MAX])
{
    const char *from = json_string_value(text);
    size_t len = json_string_length(text);
    size_t at = 0;
    size_t used;
    uint32_t code;

    for (; len > 0; from += used, len -= used) {
        used = utf8_next((const uint8_t *)from, len, &code);
        if (used == 0 || at + used >= HOOKS_MESSAGE_MAX)
            break;
        if (utf8_is_hidden(code))
            continue;
        memcpy(out + at, from, used);
        at += used;
    }
    out[at] = '\0';
}

/* Takes a location that a header or an onStatus can carry. 0 or -1. */
static int take_location(const char *location, struct hooks_answer *out)
{
    if (location == NULL || location[0] == '\0')
        return -1;
    for (const char *p = location; *p != '\0'; p++)
        if (*p <= ' ' || *p >= 0x7f)
            return -1;
    if (str_copy(out->location, sizeof(out->location), location) != 0) {
        out->location[0] = '\0';
        return -1;
    }
    out->decision = HOOKS_REDIRECT;
    return 0;
}

/* An object's code decides where the status allows it (is_open); its msg is the message. */
static void take_object(const json_t *object, int is_open, struct hooks_answer *out)
{
    const json_t *code = json_object_get(object, "code");
    const json_t *message = json_object_get(object, "msg");
    json_int_t value = json_integer_value(code);

    if (json_is_string(message))
        copy_message(message, out->message);
    if (!is_open || !json_is_integer(code))
        return;
    if (value == 0)
        out->decision = HOOKS_YES;
    else if (value == 302)
        (void)take_location(json_string_value(json_object_get(object, "location")), out);
    else if (out->message[0] == '\0')
        (void)str_format(out->message, sizeof(out->message),
                         "the callback server answered with code %" JSON_INTEGER_FORMAT, value);
}

static void take_body(const char *body, size_t len, int is_open, struct hooks_answer *out)
{
    json_error_t error;
    json_t *object;

    if (is_open && ((len == 1 && body[0] == '0') || (len == 3 && memcmp(body, "\"0\"", 3) == 0))) {
        out->decision = HOOKS_YES;
        return;
    }
    if (len == 0 || len > HOOKS_ANSWER_MAX || body[0] != '{' ||
        !json_depth_fits(body, len, ANSWER_DEPTH_MAX))
        return;
    object = json_loadb(body, len, JSON_REJECT_DUPLICATES, &error);
    if (object != NULL)
        take_object(object, is_open, out);
    json_decref(object);
}

void hooks_answer_parse(int status, const char *location, const char *body, size_t len,
                        struct hooks_answer *out)
{
    hooks_answer_none("", out);
    while (len > 0 && is_blank(body[0])) {
        body++;
        len--;
    }
    while (len > 0 && is_blank(body[len - 1]))
        len--;
    take_body(body, len, status == 200 || status == 201, out);
    if (status == 302)
        (void)take_location(location, out);
    if (out->decision != HOOKS_NO)
        out->message[0] = '\0';
    else if (out->message[0] == '\0' && status == 200)
        (void)str_copy(out->message, sizeof(out->message), "refused by the callback server");
    else if (out->message[0] == '\0')
        (void)str_format(out->message, sizeof(out->message),
                         "the callback server answered with status %d", status);
}
