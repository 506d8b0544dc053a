/*
 * The effective configuration as JSON: blocks are objects, switches booleans, plain numbers
 * numbers, and everything else is text as in a file.
 */
#include "app/control/api_config.h"

#include "app/config/config_walk.h"
#include "app/http/http_exchange.h"
#include "co/co.h"

#include <stdlib.h>
#include <string.h>

struct writing {
    json_t *config, *vhosts;
    json_t *vhost; /* the one whose values come now; NULL: the server's come */
    const char *vhost_name;
};

static json_t *value_json(const struct config_walk_item *item)
{
    char *end;
    double number;

    if (item->kind == CONFIG_WALK_SWITCH)
        return json_boolean(strcmp(item->text, "on") == 0);
    if (item->kind == CONFIG_WALK_TEXT)
        return api_json_text(item->text);
    number = strtod(item->text, &end);
    if (*end != '\0')
        return api_json_text(item->text);
    return strchr(item->text, '.') != NULL ? json_real(number)
                                           : json_integer(strtoll(item->text, NULL, 10));
}

/* The object for a block, made at its first value. NULL if out of memory. */
static json_t *block_get(json_t *in, const char *name)
{
    json_t *block = json_object_get(in, name);

    if (name[0] == '\0')
        return in;
    if (block == NULL && json_object_set_new(in, name, json_object()) == 0)
        block = json_object_get(in, name);
    return block;
}

/* Lets others run between two vhosts: there may be a thousand. */
static MAY_YIELD int vhost_begin(struct writing *writing, const char *name)
{
    json_t *vhost = json_pack("{s:o}", "name", api_json_text(name));

    writing->vhost_name = name;
    writing->vhost = vhost;
    co_yield ();
    return api_json_put(writing->vhosts, vhost);
}

static MAY_YIELD int write_item(void *arg, const struct config_walk_item *item)
{
    struct writing *writing = arg;
    json_t *at;

    if (item->vhost != NULL && item->vhost != writing->vhost_name &&
        vhost_begin(writing, item->vhost) != 0)
        return -1;
    at = block_get(writing->vhost != NULL ? writing->vhost : writing->config, item->parent);
    at = block_get(at, item->block);
    return api_json_set(at, item->name, value_json(item));
}

int api_config(const struct api_query *query, json_t *out)
{
    struct writing writing = {.config = json_object(), .vhosts = json_array()};
    int rc = config_walk(query->x->config, write_item, &writing);

    if (rc == 0)
        rc = json_object_set(writing.config, "vhosts", writing.vhosts);
    if (rc == 0)
        rc = json_object_set(out, "config", writing.config);
    json_decref(writing.config);
    json_decref(writing.vhosts);
    return rc;
}

int api_config_raw(const struct config *config, json_t *out)
{
    const struct config_http_api *api = &config->http_api;
    const struct config_api_raw *raw = &api->raw_api;

    return api_json_set(out, "http_api",
                        json_pack("{s:b,s:o,s:b,s:{s:b,s:b,s:b,s:b}}", "enabled", api->enabled,
                                  "listen",
                                  api_json_text(api->listen.count > 0 ? api->listen.item[0] : ""),
                                  "crossdomain", api->crossdomain, "raw_api", "enabled",
                                  raw->enabled, "allow_reload", raw->allow_reload, "allow_query",
                                  raw->allow_query, "allow_update", raw->allow_update));
}
