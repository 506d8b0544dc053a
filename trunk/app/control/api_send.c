/*
 * JSONP is how SRS's console reads the API: a script of this address calls a function of the page
 * with the answer. A script cannot send another method than GET, so a parameter names the method.
 * Pages of other sites can embed such a script as well, which is why JSONP is off unless the
 * operator turns it on, and even then api_access.c tells whose page it is.
 */
#include "app/control/api_send.h"

#include "app/control/api_page.h"
#include "app/core/server.h"
#include "base/buf.h"
#include "base/str.h"
#include "co/co.h"
#include "proto/url.h"

#include <string.h>

#define SEND_MAX ((size_t)64 * 1024 * 1024)

static int is_callback(const char *name)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789_.-";

    return name[0] != '\0' && name[strspn(name, allowed)] == '\0';
}

void api_send_request(const struct http_exchange *x, struct api_request *out)
{
    static const char *const methods[] = {"GET", "PUT", "POST", "DELETE"};
    char method[16];

    memset(out, 0, sizeof(*out));
    out->method = x->request->method;
    if (!x->server->config->http_api.jsonp || strcmp(out->method, "GET") != 0 ||
        url_query_get(x->request->query, "callback", out->callback, sizeof(out->callback)) != 0 ||
        !is_callback(out->callback)) {
        out->callback[0] = '\0';
        return;
    }
    if (url_query_get(x->request->query, "method", method, sizeof(method)) != 0)
        return;
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
        if (strcmp(method, methods[i]) == 0)
            out->method = methods[i];
}

/* ---- the text ---- */

struct text {
    struct buf out;
    size_t flags;
    int is_bad;
};

static int text_append(const char *data, size_t len, void *arg)
{
    struct text *text = arg;

    return buf_append(&text->out, data, len);
}

static void text_json(struct text *text, const json_t *value)
{
    text->is_bad |= json_dump_callback(value, text_append, text, text->flags) != 0;
}

static void text_put(struct text *text, const char *s)
{
    text->is_bad |= text_append(s, strlen(s), text) != 0;
}

/* An array, with a pause after each part of it. */
static MAY_YIELD void text_array(struct text *text, const json_t *array)
{
    text_put(text, "[");
    for (size_t i = 0; i < json_array_size(array) && !text->is_bad; i++) {
        text_put(text, i > 0 ? "," : "");
        text_json(text, json_array_get(array, i));
        if (i % API_PAGE_PART == API_PAGE_PART - 1)
            co_yield ();
    }
    text_put(text, "]");
}

static MAY_YIELD void text_object(struct text *text, json_t *object)
{
    const char *separator = "{";
    const char *name;
    json_t *value;

    json_object_foreach(object, name, value)
    {
        text_put(text, separator);
        text_put(text, "\"");
        text_put(text, name);
        text_put(text, "\":");
        if (json_is_array(value))
            text_array(text, value);
        else
            text_json(text, value);
        separator = ",";
    }
    text_put(text, "}");
}

struct err *api_send(struct http_exchange *x, const struct api_request *request, json_t *body,
                     usec_t timeout)
{
    int is_script = request->callback[0] != '\0';
    struct text text = {.flags = JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(10)};
    struct err *err;

    /* Old JavaScript takes two characters of Unicode for ends of lines. */
    if (is_script)
        text.flags |= JSON_ENSURE_ASCII;
    buf_init(&text.out, SEND_MAX);
    if (is_script) {
        text_put(&text, request->callback);
        text_put(&text, "(");
    }
    text_object(&text, body);
    if (is_script)
        text_put(&text, ")");
    if (text.is_bad)
        err = http_answer_error(x, 503, NULL, timeout, "no memory for this answer");
    else
        err =
            http_answer(x, 200, is_script ? "text/javascript" : "application/json",
                        "Cache-Control: no-store\r\n", buf_data(&text.out), text.out.len, timeout);
    buf_fini(&text.out);
    return err;
}
