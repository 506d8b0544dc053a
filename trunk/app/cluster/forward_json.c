/*
 * The question and the answer of forward's backend as JSON, by jansson. The backend belongs to the
 * operator, yet its answer is checked like all network input: its length, the number of addresses,
 * and the form of each. An answer is accepted as a whole or not at all, so that a mistake in one
 * address is not hidden by others that work.
 */
#include "app/cluster/forward_json.h"

#include "base/json_depth.h"
#include "base/str.h"
#include "proto/url.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define FORWARD_DEPTH_MAX 8 /* maximum nesting of the answer */

/* ---- the question ---- */

/* Names come from publishers: bytes that are not UTF-8 become question marks, as in the API. */
static int put_text(json_t *object, const char *name, const char *text)
{
    json_t *string = json_string(text);
    char plain[2048];

    if (string == NULL) {
        (void)str_copy(plain, sizeof(plain), text);
        for (char *p = plain; *p != '\0'; p++)
            if ((unsigned char)*p >= 0x80)
                *p = '?';
        string = json_string(plain);
    }
    return json_object_set_new(object, name, string);
}

char *forward_json_question(const struct forward_question *q)
{
    json_t *object = json_object();
    char *text = NULL;
    int rc = put_text(object, "action", "on_forward");

    rc |= put_text(object, "server_id", q->server_id);
    rc |= put_text(object, "service_id", q->service_id);
    rc |= put_text(object, "client_id", q->client_id);
    rc |= put_text(object, "ip", q->ip);
    rc |= put_text(object, "vhost", q->vhost);
    rc |= put_text(object, "app", q->app);
    rc |= put_text(object, "tcUrl", q->tc_url);
    rc |= put_text(object, "stream", q->stream);
    rc |= put_text(object, "param", q->param);
    if (rc == 0)
        text = json_dumps(object, JSON_COMPACT);
    json_decref(object);
    return text;
}

/* ---- the answer ---- */

static int is_printable(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] <= ' ' || text[i] == 0x7f)
            return 0;
    return 1;
}

/* Whether the text is a usable destination for this stream. */
static int is_usable(const char *text, const struct origin_stream *stream)
{
    struct rtmp_target *target = malloc(sizeof(*target)); /* too large for a coroutine's stack */
    const char *why;
    int is_good = target != NULL && origin_destination_check(text, &why) == 0 &&
                  origin_destination(text, stream, target) == 0;

    free(target);
    return is_good;
}

static struct err *read_url(const json_t *item, const struct origin_stream *stream,
                            char out[ORIGIN_URL_MAX])
{
    const char *text = json_string_value(item);

    if (text == NULL)
        return err_new(ERR_PROTO, "a URL is not a string");
    if (json_string_length(item) >= ORIGIN_URL_MAX)
        return err_new(ERR_LIMIT, "a URL is longer than %d bytes", ORIGIN_URL_MAX - 1);
    if (!is_printable(text, json_string_length(item)))
        return err_new(ERR_PROTO, "a URL contains a space or a control character");
    (void)str_copy(out, ORIGIN_URL_MAX, text);
    if (!is_usable(text, stream))
        return err_new(ERR_PROTO, "\"%.100s\" is not rtmp://host[:port]/app/stream", text);
    return NULL;
}

static struct err *read_urls(const json_t *list, const struct origin_stream *stream,
                             struct forward_urls *out)
{
    size_t count = json_array_size(list);

    if (!json_is_array(list))
        return err_new(ERR_PROTO, "response has no data.urls");
    if (count > FORWARD_URLS_MAX)
        return err_new(ERR_LIMIT, "%zu URLs, more than %d", count, FORWARD_URLS_MAX);
    for (size_t i = 0; i < count; i++) {
        struct err *err = read_url(json_array_get(list, i), stream, out->url[i]);

        if (err != NULL)
            return err;
    }
    out->count = (int)count;
    return NULL;
}

struct err *forward_json_answer(const char *text, size_t len, const struct origin_stream *stream,
                                struct forward_urls *out)
{
    struct err *err;
    json_error_t error;
    const json_t *code;
    json_t *root;

    out->count = 0;
    if (len > FORWARD_ANSWER_MAX || !json_depth_fits(text, len, FORWARD_DEPTH_MAX))
        return err_new(ERR_LIMIT, "response too long, or nested too deep");
    root = json_loadb(text, len, 0, &error);
    if (root == NULL)
        return err_new(ERR_PROTO, "response is not JSON: %.80s", error.text);
    code = json_object_get(root, "code");
    if (!json_is_integer(code))
        err = err_new(ERR_PROTO, "response has no code");
    else if (json_integer_value(code) != 0)
        err = err_new(ERR_DENIED, "response code %lld", (long long)json_integer_value(code));
    else
        err = read_urls(json_object_get(json_object_get(root, "data"), "urls"), stream, out);
    json_decref(root);
    return err;
}
