/*
 * SRS's address and JSON for coworkers. Names come from publishers and viewers, so they are
 * escaped; the answer may come from anyone who has taken the coworker's place, so only what can be
 * an address is accepted.
 */
#include "app/cluster/coworkers_json.h"

#include "app/config/origin.h"
#include "base/json_depth.h"
#include "base/str.h"

#include <assert.h>
#include <ctype.h>
#include <jansson.h>
#include <string.h>

#define ANSWER_DEPTH_MAX 8

/* Appends &name=value, with every character escaped that has a meaning in a query. 0 or -1. */
static int put_value(char *out, size_t cap, const char *name, const char *value, size_t value_len)
{
    size_t len = strlen(out);

    if (str_format(out + len, cap - len, "&%s=", name) != 0)
        return -1;
    len += strlen(out + len);
    for (size_t i = 0; i < value_len; i++) {
        unsigned char c = (unsigned char)value[i];
        int is_plain = isalnum(c) || (c != '\0' && strchr("-._~/:", c) != NULL);

        if (str_format(out + len, cap - len, is_plain ? "%c" : "%%%02X", c) != 0)
            return -1;
        len += is_plain ? 1 : 3;
    }
    return 0;
}

int coworkers_json_url(const char *coworker, const char *key, char *out, size_t cap)
{
    const char *app = strchr(key, '/');
    const char *stream = strrchr(key, '/');

    assert(coworker != NULL && out != NULL);
    if (app == NULL || app == stream ||
        str_format(out, cap, "http://%s/api/v1/clusters?ip=", coworker) != 0)
        return -1;
    return put_value(out, cap, "vhost", key, (size_t)(app - key)) != 0 ||
                   put_value(out, cap, "app", app + 1, (size_t)(stream - app - 1)) != 0 ||
                   put_value(out, cap, "stream", stream + 1, strlen(stream + 1)) != 0 ||
                   put_value(out, cap, "coworker", coworker, strlen(coworker)) != 0
               ? -1
               : 0;
}

static struct err *read_origin(const json_t *origin, char address[COWORKERS_ADDRESS_MAX])
{
    const char *ip = json_string_value(json_object_get(origin, "ip"));
    json_int_t port = json_integer_value(json_object_get(origin, "port"));
    int is_v6 = ip != NULL && strchr(ip, ':') != NULL && ip[0] != '[';

    if (json_is_null(origin))
        return NULL;
    if (ip == NULL || port < 1 || port > 65535 || strlen(ip) > 255 ||
        str_format(address, COWORKERS_ADDRESS_MAX, is_v6 ? "[%s]:%d" : "%s:%d", ip, (int)port) !=
            0 ||
        origin_check(address) != 0) {
        address[0] = '\0';
        return err_new(ERR_PROTO, "the origin in the response is not an address");
    }
    return NULL;
}

struct err *coworkers_json_answer(const char *text, size_t len, char address[COWORKERS_ADDRESS_MAX])
{
    struct err *err;
    json_error_t error;
    const json_t *code, *data;
    json_t *root;

    address[0] = '\0';
    if (len > COWORKERS_ANSWER_MAX || !json_depth_fits(text, len, ANSWER_DEPTH_MAX))
        return err_new(ERR_LIMIT, "response too long or too deep");
    root = json_loadb(text, len, 0, &error);
    if (root == NULL)
        return err_new(ERR_PROTO, "response is not JSON: %.80s", error.text);
    code = json_object_get(root, "code");
    data = json_object_get(root, "data");
    if (!json_is_integer(code) || (json_integer_value(code) == 0 && !json_is_object(data)))
        err = err_new(ERR_PROTO, "response has no code or no data");
    else if (json_integer_value(code) != 0)
        err = err_new(ERR_DENIED, "response code %lld", (long long)json_integer_value(code));
    else
        err = read_origin(json_object_get(data, "origin"), address);
    json_decref(root);
    return err;
}
