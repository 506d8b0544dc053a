/*
 * One table has the fields of each event in the order of SRS; a field is one row of another. So a
 * new event is a row, and the order of the fields stands in one place.
 */
#include "app/control/hooks_event.h"

#include "app/config/address_mask.h"
#include "base/buf.h"
#include "base/str.h"
#include "proto/url.h"

#include <assert.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum field {
    FIELD_END,
    FIELD_STREAM,
    FIELD_TC_URL,
    FIELD_PAGE_URL,
    FIELD_PARAM,
    FIELD_STREAM_URL,
    FIELD_STREAM_ID,
    FIELD_TYPE,
    FIELD_DURATION,
    FIELD_SEND,
    FIELD_RECV,
    FIELD_CWD,
    FIELD_FILE,
    FIELD_FILE_BYTES,
    FIELD_SECONDS,
    FIELD_URL,
    FIELD_M3U8,
    FIELD_M3U8_URL,
    FIELD_SEQ_NO
};

#define FIELDS_MAX 16

static const struct {
    const char *name;
    enum field fields[FIELDS_MAX]; /* after those that all events have */
} events[CONFIG_HOOK_COUNT] = {
    [CONFIG_ON_CONNECT] = {"on_connect",
                           {FIELD_STREAM, FIELD_PARAM, FIELD_TC_URL, FIELD_PAGE_URL, FIELD_TYPE}},
    [CONFIG_ON_CLOSE] = {"on_close", {FIELD_SEND, FIELD_RECV, FIELD_TYPE, FIELD_DURATION}},
    [CONFIG_ON_PUBLISH] = {"on_publish",
                           {FIELD_TC_URL, FIELD_STREAM, FIELD_PARAM, FIELD_STREAM_URL,
                            FIELD_STREAM_ID, FIELD_TYPE}},
    [CONFIG_ON_UNPUBLISH] = {"on_unpublish",
                             {FIELD_TC_URL, FIELD_STREAM, FIELD_PARAM, FIELD_STREAM_URL,
                              FIELD_STREAM_ID, FIELD_TYPE, FIELD_DURATION, FIELD_SEND, FIELD_RECV}},
    [CONFIG_ON_PLAY] = {"on_play",
                        {FIELD_STREAM, FIELD_TC_URL, FIELD_PARAM, FIELD_PAGE_URL, FIELD_STREAM_URL,
                         FIELD_STREAM_ID, FIELD_TYPE}},
    [CONFIG_ON_STOP] = {"on_stop",
                        {FIELD_TC_URL, FIELD_STREAM, FIELD_PARAM, FIELD_STREAM_URL, FIELD_STREAM_ID,
                         FIELD_TYPE, FIELD_DURATION, FIELD_SEND, FIELD_RECV}},
    [CONFIG_ON_DVR] = {"on_dvr",
                       {FIELD_TC_URL, FIELD_STREAM, FIELD_PARAM, FIELD_CWD, FIELD_FILE,
                        FIELD_STREAM_URL, FIELD_STREAM_ID, FIELD_TYPE, FIELD_DURATION,
                        FIELD_FILE_BYTES}},
    [CONFIG_ON_HLS] = {"on_hls",
                       {FIELD_TC_URL, FIELD_STREAM, FIELD_PARAM, FIELD_SECONDS, FIELD_CWD,
                        FIELD_FILE, FIELD_URL, FIELD_M3U8, FIELD_M3U8_URL, FIELD_SEQ_NO,
                        FIELD_STREAM_URL, FIELD_STREAM_ID, FIELD_TYPE, FIELD_FILE_BYTES}},
    [CONFIG_ON_DEMAND] = {"on_demand",
                          {FIELD_STREAM, FIELD_TC_URL, FIELD_PARAM, FIELD_PAGE_URL,
                           FIELD_STREAM_URL, FIELD_STREAM_ID, FIELD_TYPE}},
    [CONFIG_ON_IDLE] = {"on_idle",
                        {FIELD_STREAM, FIELD_STREAM_URL, FIELD_STREAM_ID, FIELD_DURATION}},
};

const char *hooks_event_name(enum config_hook hook)
{
    return events[hook].name;
}

/* The text as JSON; bytes that are not UTF-8 become question marks. NULL if out of memory. */
static json_t *text_json(const char *text)
{
    json_t *string = json_string(text);
    char *plain;

    if (string != NULL)
        return string;
    plain = strdup(text);
    if (plain == NULL)
        return NULL;
    for (char *p = plain; *p != '\0'; p++)
        if ((unsigned char)*p >= 0x80)
            *p = '?';
    string = json_string(plain);
    free(plain);
    return string;
}

static int put_text(json_t *object, const char *name, const char *text)
{
    return json_object_set_new(object, name, text_json(text));
}

/* "/app/stream"; of another vhost than the default one "vhost/app/stream". */
static int put_stream_url(json_t *object, const struct hooks_client *client)
{
    int is_default = strcmp(client->vhost, URL_DEFAULT_VHOST) == 0;
    char url[800];

    if (str_format(url, sizeof(url), "%s/%s/%s", is_default ? "" : client->vhost, client->app,
                   client->stream) != 0)
        return -1;
    return put_text(object, "stream_url", url);
}

/* HTTP clients have none: as SRS does, "rtmp://vhost/app". */
static int put_tc_url(json_t *object, const struct hooks_client *client)
{
    char url[600];

    if (strcmp(client->type, "rtmp") == 0)
        return put_text(object, "tcUrl", client->tc_url);
    if (str_format(url, sizeof(url), "rtmp://%s/%s", client->vhost, client->app) != 0)
        return -1;
    return put_text(object, "tcUrl", url);
}

/* Two decimals, as SRS has them. */
static int put_seconds(json_t *object, int64_t ms)
{
    int64_t hundredths = (ms + 5) / 10;

    return json_object_set_new(object, "duration", json_real((double)hundredths / 100.0));
}

static int put_field(json_t *object, enum field field, const struct hooks_event *event)
{
    const struct hooks_client *client = &event->client;

    switch (field) {
    case FIELD_STREAM:
        return put_text(object, "stream", client->stream);
    case FIELD_TC_URL:
        return put_tc_url(object, client);
    case FIELD_PAGE_URL:
        return put_text(object, "pageUrl", client->page_url);
    case FIELD_PARAM:
        return put_text(object, "param", client->param);
    case FIELD_STREAM_URL:
        return put_stream_url(object, client);
    case FIELD_STREAM_ID:
        return put_text(object, "stream_id", event->stream_id);
    case FIELD_TYPE:
        return put_text(object, "type", client->type);
    case FIELD_DURATION:
        return json_object_set_new(object, "duration_ms",
                                   json_integer((json_int_t)event->duration_ms));
    case FIELD_SEND:
        return json_object_set_new(object, "send_bytes",
                                   json_integer((json_int_t)event->send_bytes));
    case FIELD_RECV:
        return json_object_set_new(object, "recv_bytes",
                                   json_integer((json_int_t)event->recv_bytes));
    case FIELD_CWD:
        return put_text(object, "cwd", event->cwd);
    case FIELD_FILE:
        return put_text(object, "file", event->file);
    case FIELD_FILE_BYTES:
        return json_object_set_new(object, "file_bytes",
                                   json_integer((json_int_t)event->file_bytes));
    case FIELD_SECONDS:
        return put_seconds(object, event->duration_ms);
    case FIELD_URL:
        return put_text(object, "url", event->url);
    case FIELD_M3U8:
        return put_text(object, "m3u8", event->m3u8);
    case FIELD_M3U8_URL:
        return put_text(object, "m3u8_url", event->m3u8_url);
    case FIELD_SEQ_NO:
        return json_object_set_new(object, "seq_no", json_integer((json_int_t)event->seq_no));
    case FIELD_END:
        break;
    }
    return 0;
}

char *hooks_event_body(const struct hooks_event *event)
{
    const enum field *field = events[event->hook].fields;
    json_t *object = json_object();
    char *text = NULL;
    int rc;

    assert(event->hook < CONFIG_HOOK_COUNT);
    rc = put_text(object, "server_id", event->server_id);
    rc |= put_text(object, "service_id", event->service_id);
    rc |= put_text(object, "action", events[event->hook].name);
    rc |= put_text(object, "client_id", event->client.id);
    rc |= put_text(object, "ip", event->client.ip);
    rc |= put_text(object, "vhost", event->client.vhost);
    rc |= put_text(object, "app", event->client.app);
    for (; *field != FIELD_END; field++)
        rc |= put_field(object, *field, event);
    if (rc == 0)
        text = json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(12));
    json_decref(object);
    return text;
}

const struct config_vhost *hooks_event_vhost(const struct config *config, const char *name)
{
    for (int i = 0; i < config->vhost_count; i++)
        if (str_ieq(config->vhost[i]->name, name))
            return config->vhost[i];
    return NULL;
}

const struct config_strings *hooks_event_urls(const struct config_vhost *vhost,
                                              enum config_hook hook)
{
    if (vhost == NULL || !vhost->http_hooks.enabled || vhost->http_hooks.on[hook].count == 0)
        return NULL;
    return &vhost->http_hooks.on[hook];
}

void hooks_event_show_url(const char *url, char out[HOOKS_URL_SHOWN_MAX])
{
    struct buf shown;

    buf_init(&shown, 4 * CONFIG_STRING_MAX);
    out[0] = '\0';
    if (address_mask(url, 0, &shown) == 0)
        (void)str_copy_n(out, HOOKS_URL_SHOWN_MAX, (const char *)buf_data(&shown), shown.len);
    buf_fini(&shown);
}
