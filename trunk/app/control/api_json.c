/*
 * The API's JSON, written with jansson. Names come from publishers, and bytes that are not UTF-8
 * would make invalid JSON, so such bytes are shown as question marks.
 *
 * Streams that have no publisher are not listed: any client can request any name.
 */
#include "app/control/api_json.h"

#include "app/stream/session_list.h"
#include "app/stream/stream.h"
#include "base/str.h"
#include "base/version.h"
#include "media/avc.h"
#include "media/frame.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAME_MAX_LEN 1024

/* Appends `item` to an array and takes it over; 0 or -1. */
static int put_item(json_t *array, json_t *item)
{
    return item != NULL ? json_array_append_new(array, item) : -1;
}

static json_t *text(const char *s)
{
    json_t *string = json_string(s);
    char plain[NAME_MAX_LEN];

    if (string != NULL)
        return string;
    (void)str_copy(plain, sizeof(plain), s);
    for (char *p = plain; *p != '\0'; p++)
        if ((unsigned char)*p >= 0x80)
            *p = '?';
    return json_string(plain);
}

/* FNV-1a, 64 bits: not for secrets, but the ids of one server will not collide. */
static uint64_t id_hash(const struct server *server, const char *name)
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
    (void)str_format(out, API_ID_SIZE, "vid-%016" PRIx64, id_hash(server, name));
}

int api_json_head(const struct server *server, json_t *out)
{
    char service[40];
    char pid[24];

    (void)str_format(pid, sizeof(pid), "%d", (int)server->pid);
    (void)str_format(service, sizeof(service), "%s-%" PRIx64, pid, (uint64_t)server->started_at);
    if (json_object_set_new(out, "code", json_integer(0)) != 0 ||
        json_object_set_new(out, "server", text(server->server_id)) != 0 ||
        json_object_set_new(out, "service", json_string(service)) != 0)
        return -1;
    return json_object_set_new(out, "pid", json_string(pid));
}

int api_json_versions(const struct api_query *query, json_t *out)
{
    int64_t part[3] = {0, 0, 0};
    const char *p = MILLRACE_VERSION;
    json_t *data;

    (void)query;
    for (int i = 0; i < 3 && *p != '\0'; i++) {
        for (; *p >= '0' && *p <= '9'; p++)
            part[i] = part[i] * 10 + (*p - '0');
        p += *p == '.';
    }
    data = json_pack("{s:I,s:I,s:I,s:s,s:s}", "major", part[0], "minor", part[1], "revision",
                     part[2], "version", MILLRACE_VERSION, "name", MILLRACE_NAME);
    return json_object_set_new(out, "data", data);
}

static void add_ring_bytes(struct source *source, void *arg)
{
    struct source_stat stat;

    source_stat(source, &stat);
    *(json_int_t *)arg += (json_int_t)stat.ring_bytes;
}

/* used: of this process and, if there are several, of all together; streams: in the rings of all
 * formats. */
static json_t *memory_json(const struct server *server)
{
    const struct memory *memory = &server->memory;
    json_int_t rings = 0;

    hub_each(server->hub, add_ring_bytes, &rings);
    return json_pack("{s:I,s:I,s:I,s:b}", "limit", (json_int_t)memory->limit, "used",
                     (json_int_t)(memory->used + memory->others), "streams", rings, "refuses",
                     memory->level != MEMORY_EASY);
}

int api_json_summaries(const struct api_query *query, json_t *out)
{
    const struct server *server = query->server;
    usec_t up = clock_now() - server->started_at;
    struct session_totals totals;
    json_t *data;

    session_list_totals(server, &totals);
    data = json_pack(
        "{s:b,s:I,s:{s:s,s:i,s:I,s:I},s:{s:I,s:I,s:I,s:I},s:{s:I,s:I,s:I}}", "ok", 1, "now_ms",
        (json_int_t)(clock_wall() / USEC_PER_MS), "self", "version", MILLRACE_VERSION, "pid",
        (int)server->pid, "srs_uptime", (json_int_t)(up / USEC_PER_SEC), "uptime_ms",
        (json_int_t)(up / USEC_PER_MS), "system", "cpus", (json_int_t)sysconf(_SC_NPROCESSORS_CONF),
        "cpus_online", (json_int_t)sysconf(_SC_NPROCESSORS_ONLN), "srs_recv_bytes",
        (json_int_t)totals.bytes_in, "srs_send_bytes", (json_int_t)totals.bytes_out, "srs",
        "conn_srs", (json_int_t)server->connections, "streams", (json_int_t)hub_count(server->hub),
        "clients", (json_int_t)server->client_count);

    if (json_object_set_new(data, "memory", memory_json(server)) != 0) {
        json_decref(data);
        return -1;
    }
    return json_object_set_new(out, "data", data);
}

/* ---- streams ---- */

static json_t *kbps_json(const int64_t kbps[2])
{
    return json_pack("{s:I,s:I}", "recv_30s", (json_int_t)kbps[0], "send_30s", (json_int_t)kbps[1]);
}

static json_t *video_json(const struct source_stat *stat)
{
    int is_avc = stat->video == CODEC_H264;
    char level[16] = "";

    if (stat->video == CODEC_NONE)
        return json_null();
    if (is_avc && stat->avc_level > 0)
        (void)str_format(level, sizeof(level), "%d.%d", stat->avc_level / 10, stat->avc_level % 10);
    return json_pack("{s:s,s:s,s:s,s:I,s:I}", "codec", frame_codec_name(stat->video), "profile",
                     is_avc && stat->avc_profile > 0 ? avc_profile_name(stat->avc_profile) : "",
                     "level", level, "width", is_avc ? (json_int_t)stat->width : (json_int_t)0,
                     "height", is_avc ? (json_int_t)stat->height : (json_int_t)0);
}

static json_t *audio_json(const struct source_stat *stat)
{
    int is_known = stat->audio == CODEC_AAC; /* other codecs: in each frame, or not at all */

    if (stat->audio == CODEC_NONE)
        return json_null();
    return json_pack("{s:s,s:I,s:i,s:s}", "codec", frame_codec_name(stat->audio), "sample_rate",
                     is_known ? (json_int_t)stat->sample_rate : (json_int_t)0, "channel",
                     is_known ? stat->channels : 0, "profile",
                     is_known && stat->audio_profile != NULL ? stat->audio_profile : "");
}

/* "rtmp://vhost/app" and "/app/stream". */
static void stream_addresses(const struct stream *stream, char *tc_url, char *url, size_t cap)
{
    (void)str_format(tc_url, cap, "rtmp://%s/%s", stream->vhost, stream->app);
    (void)str_format(url, cap, "/%s/%s", stream->app, stream->name);
}

static json_t *stream_json(const struct server *server, const struct stream *stream)
{
    /* If another worker publishes the stream, that worker reports the input. */
    int is_worker_pull = stream_is_worker_pull(stream);
    const struct session_entry *publisher = is_worker_pull ? NULL : stream->publisher;
    char id[API_ID_SIZE];
    char vhost[API_ID_SIZE];
    char tc_url[NAME_MAX_LEN];
    char url[NAME_MAX_LEN];
    struct source_stat stat;
    int64_t kbps[2];
    uint64_t bytes[2];

    source_stat(stream->source, &stat);
    if (is_worker_pull)
        stat.frames_in = stat.bytes_in = 0;
    bytes[0] = stat.bytes_in;
    bytes[1] = stat.bytes_out;
    rate_kbps(&stream->rate, clock_now(), bytes, kbps);
    if (is_worker_pull)
        kbps[0] = 0;
    api_json_id(server, source_key(stream->source), id);
    api_json_id(server, stream->vhost, vhost);
    stream_addresses(stream, tc_url, url, sizeof(url));
    return json_pack("{s:s,s:o,s:s,s:o,s:o,s:o,s:I,s:I,s:I,s:I,s:I,s:o,s:{s:b,s:s},s:o,s:o}", "id",
                     id, "name", text(stream->name), "vhost", vhost, "app", text(stream->app),
                     "tcUrl", text(tc_url), "url", text(url), "live_ms",
                     (json_int_t)(clock_wall() / USEC_PER_MS), "clients",
                     (json_int_t)stat.viewers - stream->internal_viewers + (publisher != NULL),
                     "frames", (json_int_t)stat.frames_in, "send_bytes", (json_int_t)stat.bytes_out,
                     "recv_bytes", (json_int_t)stat.bytes_in, "kbps", kbps_json(kbps), "publish",
                     "active", publisher != NULL, "cid", publisher != NULL ? publisher->id : "",
                     "video", video_json(&stat), "audio", audio_json(&stat));
}

/* A walk over the hub's streams: lists those from start on, or finds the one with an id. */
struct walk {
    const struct api_query *query;
    json_t *list;
    size_t seen;
    int is_bad;
};

static const struct stream *walk_stream(struct source *source)
{
    return source_state(source) != SOURCE_IDLE ? source_data(source) : NULL;
}

static void walk_list(struct source *source, void *arg)
{
    struct walk *walk = arg;
    const struct stream *stream = walk_stream(source);

    if (stream == NULL || walk->seen++ < walk->query->start ||
        json_array_size(walk->list) >= walk->query->count)
        return;
    if (put_item(walk->list, stream_json(walk->query->server, stream)) != 0)
        walk->is_bad = 1;
}

static void walk_one(struct source *source, void *arg)
{
    struct walk *walk = arg;
    const struct stream *stream = walk_stream(source);
    char id[API_ID_SIZE];

    if (stream == NULL || walk->list != NULL)
        return;
    api_json_id(walk->query->server, source_key(source), id);
    if (strcmp(id, walk->query->id) != 0)
        return;
    walk->list = stream_json(walk->query->server, stream);
    walk->is_bad = walk->list == NULL;
}

/*
 * The first streams by id, for an answer that is merged from several workers: a stream that is
 * among the first of all workers is also among the first of its own worker.
 */
struct part_stream {
    uint64_t hash;
    const struct stream *stream;
};

struct part {
    const struct server *server;
    struct part_stream *item;
    size_t count, max;
};

static void part_add(struct source *source, void *arg)
{
    const struct stream *stream = walk_stream(source);
    struct part *part = arg;

    if (stream == NULL || part->count == part->max)
        return;
    part->item[part->count].hash = id_hash(part->server, source_key(source));
    part->item[part->count++].stream = stream;
}

static int part_compare(const void *a, const void *b)
{
    uint64_t x = ((const struct part_stream *)a)->hash;
    uint64_t y = ((const struct part_stream *)b)->hash;

    return x < y ? -1 : x > y;
}

static int part_list(const struct api_query *query, json_t *list)
{
    struct part part = {.server = query->server, .max = hub_count(query->server->hub)};
    int is_bad = 0;

    part.item = calloc(part.max + 1, sizeof(*part.item));
    if (part.item == NULL)
        return -1;
    hub_each(query->server->hub, part_add, &part);
    qsort(part.item, part.count, sizeof(*part.item), part_compare);
    for (size_t i = query->start; i < part.count && i - query->start < query->count; i++)
        is_bad |= put_item(list, stream_json(query->server, part.item[i].stream)) != 0;
    free(part.item);
    return is_bad ? -1 : 0;
}

int api_json_streams(const struct api_query *query, json_t *out)
{
    struct walk walk = {.query = query};

    if (query->id[0] != '\0') {
        hub_each(query->server->hub, walk_one, &walk);
        if (walk.list == NULL && !walk.is_bad)
            return 1;
        return json_object_set_new(out, "stream", walk.list);
    }
    walk.list = json_array();
    if (query->is_part)
        walk.is_bad = part_list(query, walk.list) != 0;
    else
        hub_each(query->server->hub, walk_list, &walk);
    if (!walk.is_bad)
        return json_object_set_new(out, "streams", walk.list);
    json_decref(walk.list);
    return -1;
}

/* ---- vhosts ---- */

struct vhost_sum {
    const char *name;
    int64_t streams, clients;
    uint64_t bytes[2];
    int64_t kbps[2];
};

static void vhost_add(struct source *source, void *arg)
{
    struct vhost_sum *sum = arg;
    const struct stream *stream = walk_stream(source);
    struct source_stat stat;
    int64_t kbps[2];
    uint64_t bytes[2];
    int is_worker_pull;

    if (stream == NULL || strcmp(stream->vhost, sum->name) != 0)
        return;
    is_worker_pull = stream_is_worker_pull(stream);
    source_stat(source, &stat);
    bytes[0] = stat.bytes_in;
    bytes[1] = stat.bytes_out;
    rate_kbps(&stream->rate, clock_now(), bytes, kbps);
    sum->streams += !is_worker_pull;
    sum->clients += (int64_t)stat.viewers - stream->internal_viewers;
    sum->clients += !is_worker_pull && stream->publisher != NULL;
    if (is_worker_pull)
        bytes[0] = 0, kbps[0] = 0;
    for (int i = 0; i < 2; i++) {
        sum->bytes[i] += bytes[i];
        sum->kbps[i] += kbps[i];
    }
}

static json_t *vhost_json(const struct server *server, const struct config_vhost *vhost)
{
    struct vhost_sum sum = {.name = vhost->name};
    char id[API_ID_SIZE];

    api_json_id(server, vhost->name, id);
    hub_each(server->hub, vhost_add, &sum);
    return json_pack("{s:s,s:o,s:b,s:I,s:I,s:I,s:I,s:o,s:{s:b}}", "id", id, "name",
                     text(vhost->name), "enabled", vhost->enabled, "clients",
                     (json_int_t)sum.clients, "streams", (json_int_t)sum.streams, "send_bytes",
                     (json_int_t)sum.bytes[1], "recv_bytes", (json_int_t)sum.bytes[0], "kbps",
                     kbps_json(sum.kbps), "hls", "enabled", 0);
}

int api_json_vhosts(const struct api_query *query, json_t *out)
{
    const struct config *config = query->server->config;
    json_t *list;
    int is_bad = 0;

    for (int i = 0; i < config->vhost_count && query->id[0] != '\0'; i++) {
        char id[API_ID_SIZE];

        api_json_id(query->server, config->vhost[i]->name, id);
        if (strcmp(id, query->id) == 0)
            return json_object_set_new(out, "vhost", vhost_json(query->server, config->vhost[i]));
    }
    if (query->id[0] != '\0')
        return 1;
    list = json_array();
    for (int i = 0; i < config->vhost_count; i++)
        is_bad |= put_item(list, vhost_json(query->server, config->vhost[i])) != 0;
    if (!is_bad)
        return json_object_set_new(out, "vhosts", list);
    json_decref(list);
    return -1;
}

/* ---- clients ---- */

static json_t *client_json(const struct server *server, const struct session_entry *client)
{
    const struct stream *stream = source_data(client->source);
    usec_t age = clock_now() - client->since;
    int64_t kbps[2] = {rate_mean(client->conn->bytes_in, age),
                       rate_mean(client->conn->bytes_out, age)};
    char id[API_ID_SIZE];
    char vhost[API_ID_SIZE];
    char tc_url[NAME_MAX_LEN];
    char url[NAME_MAX_LEN];
    char type[SESSION_TYPE_SIZE];

    assert(stream != NULL);
    api_json_id(server, source_key(client->source), id);
    api_json_id(server, stream->vhost, vhost);
    stream_addresses(stream, tc_url, url, sizeof(url));
    session_list_type(client, type);
    return json_pack("{s:s,s:s,s:s,s:s,s:o,s:o,s:o,s:s,s:b,s:f,s:I,s:I,s:o}", "id", client->id,
                     "vhost", vhost, "stream", id, "ip", client->conn->ip, "tcUrl", text(tc_url),
                     "url", text(url), "name", text(stream->name), "type", type, "publish",
                     client->is_publisher, "alive", (double)age / (double)USEC_PER_SEC,
                     "send_bytes", (json_int_t)client->conn->bytes_out, "recv_bytes",
                     (json_int_t)client->conn->bytes_in, "kbps", kbps_json(kbps));
}

int api_json_clients(const struct api_query *query, json_t *out)
{
    const struct session_entry *client = query->server->sessions;
    json_t *list;
    size_t i;

    if (query->id[0] != '\0') {
        while (client != NULL && strcmp(client->id, query->id) != 0)
            client = client->next;
        if (client == NULL)
            return 1;
        return json_object_set_new(out, "client", client_json(query->server, client));
    }
    list = json_array();
    for (i = 0; client != NULL && i < query->start; i++)
        client = client->next;
    for (i = 0; client != NULL && i < query->count; i++, client = client->next)
        if (put_item(list, client_json(query->server, client)) != 0) {
            json_decref(list);
            return -1;
        }
    if (query->is_part &&
        json_object_set_new(out, "total", json_integer((json_int_t)query->server->client_count)) !=
            0) {
        json_decref(list);
        return -1;
    }
    return json_object_set_new(out, "clients", list);
}
