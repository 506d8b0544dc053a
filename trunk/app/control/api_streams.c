/*
 * Streams and vhosts as JSON. Any client can ask for any name, so streams that have only waiting
 * viewers are not part of public answers.
 */
#include "app/control/api_streams.h"

#include "app/control/api_page.h"
#include "app/control/api_record.h"
#include "app/stream/rungs.h"
#include "app/stream/session_list.h"
#include "app/stream/stream.h"
#include "base/str.h"
#include "co/co.h"
#include "media/avc.h"
#include "media/frame.h"
#include "media/hevc.h"

#include <stdlib.h>
#include <string.h>

/* "3", "3.1" */
static void level_print(char out[16], int major, int minor)
{
    if (minor != 0)
        (void)str_format(out, 16, "%d.%d", major, minor);
    else
        (void)str_format(out, 16, "%d", major);
}

static json_t *video_json(const struct source_stat *stat)
{
    const char *profile = "";
    char level[16] = "";

    if (stat->video == CODEC_NONE)
        return json_null();
    if (stat->video == CODEC_H264 && stat->avc_profile > 0) {
        profile = avc_profile_name(stat->avc_profile, stat->avc_compat);
        level_print(level, stat->avc_level / 10, stat->avc_level % 10);
    } else if (stat->video == CODEC_HEVC && stat->hevc_profile > 0) {
        profile = hevc_profile_name(stat->hevc_profile);
        level_print(level, stat->hevc_level / 30, stat->hevc_level % 30 / 3);
    }
    return json_pack("{s:s,s:s,s:s,s:I,s:I}", "codec", frame_codec_name(stat->video), "profile",
                     profile, "level", level, "width", (json_int_t)stat->width, "height",
                     (json_int_t)stat->height);
}

static json_t *audio_json(const struct source_stat *stat)
{
    const char *profile = stat->audio_profile;

    if (stat->audio == CODEC_NONE)
        return json_null();
    /* SRS has this name for what has no profiles of its own. */
    if (profile == NULL)
        profile = stat->audio == CODEC_MP3 ? "Other" : "";
    return json_pack("{s:s,s:I,s:i,s:s}", "codec", frame_codec_name(stat->audio), "sample_rate",
                     (json_int_t)stat->sample_rate, "channel", stat->channels, "profile", profile);
}

/* Clients have seen no publisher's cid of a stream that was never published. */
static json_t *publish_json(const struct api_query *query, const struct source_stat *stat,
                            const struct session_entry *publisher)
{
    json_t *publish = json_pack("{s:b}", "active", publisher != NULL);
    const char *id = publisher != NULL && !query->is_public ? publisher->id : "";

    if (stat->publishes > 0)
        (void)json_object_set_new(publish, "cid", json_string(id));
    return publish;
}

static json_t *tc_url_json(const struct stream *stream)
{
    char made[API_TEXT_MAX];

    if (stream->tc_url != NULL)
        return api_json_tc_url(stream->tc_url);
    (void)str_format(made, sizeof(made), "rtmp://%s/%s", stream->vhost, stream->app);
    return api_json_text(made);
}

/* What a stream has received and sent. If another worker publishes it, that worker reports the
 * input. */
struct traffic {
    struct source_stat stat;
    uint64_t bytes[2];
    int64_t kbps[2];
    int is_pulled;
    int64_t clients;
};

static void traffic_read(struct traffic *traffic, const struct stream *stream)
{
    struct source_stat *stat = &traffic->stat;

    source_stat(stream->source, stat);
    traffic->is_pulled = stream_is_worker_pull(stream);
    traffic->bytes[0] = traffic->is_pulled ? 0 : stat->bytes_in;
    traffic->bytes[1] = stat->bytes_out;
    rate_kbps(&stream->rate, clock_now(), (uint64_t[2]){stat->bytes_in, stat->bytes_out},
              traffic->kbps);
    if (traffic->is_pulled)
        traffic->kbps[0] = 0;
    traffic->clients = (int64_t)stat->viewers - stream->internal_viewers +
                       (!traffic->is_pulled && stream->publisher != NULL);
}

static json_t *ladder_json(const struct stream *stream, const struct ladder *ladder)
{
    return json_pack("{s:o,s:o,s:s}", "name", api_json_text(ladder->name), "quality",
                     api_json_text(ladder->rung[ladder->at].quality), "keyframes",
                     rung_keys_match_name(rungs_match(stream)));
}

static json_t *stream_json(const struct api_query *query, const struct stream *stream)
{
    const struct server *server = query->server;
    const struct session_entry *publisher;
    struct traffic traffic;
    char id[API_ID_SIZE];
    char vhost[API_ID_SIZE];
    int64_t rewind = source_rewind_ms(stream->source);
    struct ladder ladder;
    json_t *out;

    traffic_read(&traffic, stream);
    publisher = traffic.is_pulled ? NULL : stream->publisher;
    api_json_id(server, source_key(stream->source), id);
    api_json_id(server, stream->vhost, vhost);
    out = json_pack(
        "{s:s,s:o,s:s,s:o,s:o,s:o,s:I,s:I,s:I,s:I,s:I,s:o,s:o,s:o,s:o,s:o}", "id", id, "name",
        api_json_text(stream->name), "vhost", vhost, "app", api_json_text(stream->app), "tcUrl",
        tc_url_json(stream), "url", api_json_url(stream->vhost, stream->app, stream->name),
        "live_ms", (json_int_t)(clock_wall() / USEC_PER_MS), "clients", (json_int_t)traffic.clients,
        "frames", (json_int_t)(traffic.is_pulled ? 0 : traffic.stat.video_frames_in), "send_bytes",
        (json_int_t)traffic.bytes[1], "recv_bytes", (json_int_t)traffic.bytes[0], "kbps",
        api_json_kbps(traffic.kbps), "publish", publish_json(query, &traffic.stat, publisher),
        "video", video_json(&traffic.stat), "audio", audio_json(&traffic.stat), "record",
        api_record_json(query, stream));
    if (out != NULL && rungs_ladder(stream, &ladder) == 0)
        (void)json_object_set_new(out, "ladder", ladder_json(stream, &ladder));
    if (out != NULL && rewind > 0)
        (void)json_object_set_new(out, "rewind_ms", json_integer(rewind));
    return out;
}

/* ---- lists ---- */

/* A walk over the hub's streams. */
struct walk {
    const struct api_query *query;
    struct api_page page;
    size_t at; /* of the part */
    json_t *part[API_PAGE_PART];
    json_t *ids;
    int is_bad;
};

/* The stream of a source; NULL: not listed. */
static const struct stream *listed(const struct api_query *query, struct source *source)
{
    const struct stream *stream = source_data(source);
    struct source_stat stat;

    if (source_state(source) != SOURCE_IDLE)
        return stream;
    source_stat(source, &stat);
    return !query->is_public && stat.viewers > stream->internal_viewers ? stream : NULL;
}

static void walk_keys(struct source *source, void *arg)
{
    struct walk *walk = arg;

    if (listed(walk->query, source) != NULL)
        api_page_add(&walk->page, api_json_hash(walk->query->server, source_key(source)));
}

static void walk_part(struct source *source, void *arg)
{
    struct walk *walk = arg;
    const struct stream *stream = listed(walk->query, source);
    int i = stream == NULL ? -1
                           : api_page_find(&walk->page, walk->at,
                                           api_json_hash(walk->query->server, source_key(source)));

    if (i < 0 || walk->part[i] != NULL)
        return;
    walk->part[i] = stream_json(walk->query, stream);
    walk->is_bad |= walk->part[i] == NULL;
}

/* Appends the next part of the page to the list. */
static void walk_take(struct walk *walk, json_t *list)
{
    memset(walk->part, 0, sizeof(walk->part));
    hub_each(walk->query->server->hub, walk_part, walk);
    for (int i = 0; i < API_PAGE_PART; i++)
        if (walk->part[i] != NULL)
            walk->is_bad |= api_json_put(list, walk->part[i]) != 0;
}

static uint64_t key_of(const char *id)
{
    return str_starts(id, "vid-") ? strtoull(id + strlen("vid-"), NULL, 16) : 0;
}

/* The range of ids that another worker asks for. */
static void walk_bound(struct walk *walk)
{
    const struct api_query *query = walk->query;

    if (query->is_part)
        api_page_bound(&walk->page, query->after[0] != '\0', key_of(query->after),
                       query->upto[0] != '\0' ? key_of(query->upto) : UINT64_MAX);
}

static void walk_ids(struct source *source, void *arg)
{
    struct walk *walk = arg;
    char id[API_ID_SIZE];

    if (listed(walk->query, source) == NULL)
        return;
    api_json_id(walk->query->server, source_key(source), id);
    walk->is_bad |= api_json_put(walk->ids, json_string(id)) != 0;
}

static MAY_YIELD int streams_list(struct walk *walk, json_t *list)
{
    const struct api_query *query = walk->query;

    if (api_page_init(&walk->page, hub_count(query->server->hub)) != 0)
        return -1;
    hub_each(query->server->hub, walk_keys, walk);
    walk_bound(walk);
    api_page_cut(&walk->page, query->start, query->count);
    for (walk->at = 0; walk->at < walk->page.count && !walk->is_bad; walk->at += API_PAGE_PART) {
        walk_take(walk, list);
        co_yield ();
    }
    api_page_fini(&walk->page);
    return walk->is_bad ? -1 : 0;
}

static void walk_one(struct source *source, void *arg)
{
    struct walk *walk = arg;
    const struct stream *stream = listed(walk->query, source);
    char id[API_ID_SIZE];

    if (stream == NULL || walk->part[0] != NULL)
        return;
    api_json_id(walk->query->server, source_key(source), id);
    if (strcmp(id, walk->query->id) != 0)
        return;
    walk->part[0] = stream_json(walk->query, stream);
    walk->is_bad = walk->part[0] == NULL;
}

int api_streams(const struct api_query *query, json_t *out)
{
    struct walk *walk = calloc(1, sizeof(*walk));
    json_t *list = json_array();
    int rc = walk != NULL && list != NULL ? 0 : -1;

    if (rc == 0)
        walk->query = query;
    if (rc == 0 && query->id[0] != '\0') {
        hub_each(query->server->hub, walk_one, walk);
        rc = walk->is_bad ? -1 : walk->part[0] == NULL;
        if (rc == 0)
            rc = api_json_set(out, "stream", walk->part[0]);
    } else if (rc == 0 && query->is_part && query->count == 0) {
        walk->ids = list;
        hub_each(query->server->hub, walk_ids, walk);
        rc = walk->is_bad ? -1 : json_object_set(out, "keys", list);
    } else if (rc == 0) {
        rc = streams_list(walk, list);
        if (rc == 0)
            rc = json_object_set(out, "streams", list);
    }
    json_decref(list);
    free(walk);
    return rc;
}

/* ---- vhosts ---- */

struct vhost_sum {
    const char *name;
    int64_t streams, clients;
    uint64_t bytes[2];
    int64_t kbps[2];
};

struct vhost_sums {
    struct vhost_sum *item; /* by name */
    size_t count;
};

static int sum_compare(const void *a, const void *b)
{
    return strcmp(((const struct vhost_sum *)a)->name, ((const struct vhost_sum *)b)->name);
}

static struct vhost_sum *sum_find(const struct vhost_sums *sums, const char *name)
{
    struct vhost_sum key = {.name = name};

    return bsearch(&key, sums->item, sums->count, sizeof(key), sum_compare);
}

static void sum_add(struct source *source, void *arg)
{
    const struct stream *stream = source_data(source);
    struct vhost_sum *sum = sum_find(arg, stream->vhost);
    struct traffic traffic;

    if (sum == NULL)
        return;
    traffic_read(&traffic, stream);
    sum->streams += source_state(source) == SOURCE_LIVE && !traffic.is_pulled;
    sum->clients += traffic.clients;
    for (int i = 0; i < 2; i++) {
        sum->bytes[i] += traffic.bytes[i];
        sum->kbps[i] += traffic.kbps[i];
    }
}

/* fragment: seconds. */
static json_t *hls_json(const struct config_hls *hls)
{
    if (!hls->enabled)
        return json_pack("{s:b}", "enabled", 0);
    return json_pack("{s:b,s:f}", "enabled", 1, "fragment",
                     (double)hls->fragment / (double)USEC_PER_SEC);
}

static json_t *vhost_json(const struct server *server, const struct config_vhost *vhost,
                          const struct vhost_sum *sum)
{
    char id[API_ID_SIZE];

    api_json_id(server, vhost->name, id);
    return json_pack("{s:s,s:o,s:b,s:I,s:I,s:I,s:I,s:o,s:o}", "id", id, "name",
                     api_json_text(vhost->name), "enabled", vhost->enabled, "clients",
                     (json_int_t)sum->clients, "streams", (json_int_t)sum->streams, "send_bytes",
                     (json_int_t)sum->bytes[1], "recv_bytes", (json_int_t)sum->bytes[0], "kbps",
                     api_json_kbps(sum->kbps), "hls", hls_json(&vhost->hls));
}

static int vhosts_fill(const struct api_query *query, const struct vhost_sums *sums, json_t *list)
{
    const struct config *config = query->server->config;

    for (int i = 0; i < config->vhost_count; i++) {
        const struct config_vhost *vhost = config->vhost[i];
        char id[API_ID_SIZE];

        api_json_id(query->server, vhost->name, id);
        if (query->id[0] != '\0' && strcmp(id, query->id) != 0)
            continue;
        if (api_json_put(list, vhost_json(query->server, vhost, sum_find(sums, vhost->name))) != 0)
            return -1;
    }
    return 0;
}

int api_streams_vhosts(const struct api_query *query, json_t *out)
{
    const struct config *config = query->server->config;
    struct vhost_sums sums = {calloc((size_t)config->vhost_count + 1, sizeof(*sums.item)), 0};
    json_t *list = json_array();
    int rc = -1;

    if (sums.item == NULL || list == NULL)
        goto end;
    for (; sums.count < (size_t)config->vhost_count; sums.count++)
        sums.item[sums.count].name = config->vhost[sums.count]->name;
    qsort(sums.item, sums.count, sizeof(*sums.item), sum_compare);
    hub_each(query->server->hub, sum_add, &sums);
    rc = vhosts_fill(query, &sums, list);
    if (rc == 0 && query->id[0] == '\0')
        rc = json_object_set(out, "vhosts", list);
    else if (rc == 0 && json_array_size(list) > 0)
        rc = json_object_set(out, "vhost", json_array_get(list, 0));
    else if (rc == 0)
        rc = 1;
end:
    json_decref(list);
    free(sums.item);
    return rc;
}
