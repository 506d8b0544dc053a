/*
 * Answers are written with jansson. Names come from publishers, and bytes that are not UTF-8 would
 * make invalid JSON, so such bytes are shown as question marks. Parameters of addresses are never
 * shown: they may be the keys that allow publishing and playing.
 */
#include "app/control/api_json.h"

#include "app/config/address_mask.h"
#include "base/str.h"
#include "proto/url.h"

#include <inttypes.h>
#include <string.h>

int api_json_put(json_t *array, json_t *item)
{
    return item != NULL ? json_array_append_new(array, item) : -1;
}

int api_json_set(json_t *object, const char *name, json_t *value)
{
    return value != NULL ? json_object_set_new(object, name, value) : -1;
}

json_t *api_json_text(const char *s)
{
    json_t *string = json_string(s != NULL ? s : "");
    char plain[API_TEXT_MAX];

    if (string != NULL)
        return string;
    (void)str_copy(plain, sizeof(plain), s);
    for (char *p = plain; *p != '\0'; p++)
        if ((unsigned char)*p >= 0x80)
            *p = '?';
    return json_string(plain);
}

json_t *api_json_kbps(const int64_t kbps[2])
{
    return json_pack("{s:I,s:I}", "recv_30s", (json_int_t)kbps[0], "send_30s", (json_int_t)kbps[1]);
}

/* FNV-1a, 64 bits: not for secrets, but the ids of one server will not collide. */
uint64_t api_json_hash(const struct server *server, const char *name)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (const char *p = server->server_id; *p != '\0'; p++)
        hash = (hash ^ (unsigned char)*p) * UINT64_C(0x100000001b3);
    hash = (hash ^ '/') * UINT64_C(0x100000001b3);
    for (const char *p = name; *p != '\0'; p++)
        hash = (hash ^ (unsigned char)*p) * UINT64_C(0x100000001b3);
    return hash;
}

void api_json_id(const struct server *server, const char *name, char out[API_ID_SIZE])
{
    (void)str_format(out, API_ID_SIZE, "vid-%016" PRIx64, api_json_hash(server, name));
}

int api_json_head(const struct server *server, json_t *out)
{
    char service[40];
    char pid[24];

    (void)str_format(pid, sizeof(pid), "%d", (int)server->pid);
    (void)str_format(service, sizeof(service), "%s-%" PRIx64, pid, (uint64_t)server->started_at);
    if (json_object_set_new(out, "code", json_integer(0)) != 0 ||
        api_json_set(out, "server", api_json_text(server->server_id)) != 0 ||
        json_object_set_new(out, "service", json_string(service)) != 0)
        return -1;
    return json_object_set_new(out, "pid", json_string(pid));
}

json_t *api_json_tc_url(const char *tc_url)
{
    char front[API_TEXT_MAX];
    char vhost[256];
    struct buf shown;
    const char *query = strchr(tc_url, '?');
    json_t *text;
    int bad;

    (void)str_copy_n(front, sizeof(front), tc_url, strcspn(tc_url, "?"));
    buf_init(&shown, 2 * API_TEXT_MAX);
    bad = address_mask(front, 0, &shown) != 0;
    /* In old forms of addresses the stream follows the vhost, and that may be a key. */
    if (query != NULL && url_query_get(query + 1, "vhost", vhost, sizeof(vhost)) == 0 &&
        strchr(vhost, '/') == NULL)
        bad |= buf_printf(&shown, "?vhost=%s", vhost) != 0;
    bad |= buf_append(&shown, "", 1) != 0;
    text = bad ? NULL : api_json_text((const char *)buf_data(&shown));
    buf_fini(&shown);
    return text;
}

json_t *api_json_url(const char *vhost, const char *app, const char *stream)
{
    int is_default = strcmp(vhost, URL_DEFAULT_VHOST) == 0;
    char url[API_TEXT_MAX];

    (void)str_format(url, sizeof(url), "%s/%s/%s", is_default ? "" : vhost, app, stream);
    return api_json_text(url);
}
