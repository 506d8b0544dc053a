/*
 * Counters of streams. Nothing is counted for metrics while frames come in and bytes go out: once a
 * second the counters that each source has anyway are compared with those of a second ago, and the
 * difference is added to the stream's entry in the shared table. So another worker shows them up to
 * a second late, and a worker that is killed takes at most a second of its counters with it.
 *
 * At each tick a tenth of the streams is looked at, and a few viewers are measured.
 */
#include "app/control/exporter.h"
#include "app/control/exporter_private.h"
#include "app/core/metrics.h"
#include "app/stream/session_list.h"
#include "app/stream/stream.h"
#include "co/co.h"
#include "live/viewer_measure.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Ticks in which all streams are looked at once. */
#define COLLECT_TICKS 10
/* Viewers that are measured at each tick. */
#define COLLECT_VIEWERS 8
/* Streams between two looks at the clock, in a scrape. */
#define COLLECT_SLICE 200

struct collect {
    struct server *server;
    struct metrics *own; /* made here, without workers; or NULL */
    struct collect_stream *first, *next;
    size_t count;
    uint8_t may_retry; /* at this tick, a stream without an entry of its own may ask again */
};

/* The state in each stream. */
struct collect_stream {
    struct collect_stream *before, *after;
    struct stream *stream;
    struct metrics_stream *entry; /* NULL: not published so far */
    uint64_t last[METRICS_STREAM_COUNT];
    uint32_t viewers[METRICS_FORMATS]; /* as they were told */
    uint8_t is_present, is_published;  /* the same */
    uint8_t is_other;                  /* the entry is the one of all others */
};

/* ---- one stream ---- */

#define AT(id) ((id)-METRICS_STREAM_FIRST)

static void counters_read(const struct stream *stream, const struct source_stat *stat,
                          uint64_t out[METRICS_STREAM_COUNT])
{
    uint64_t internal = session_list_internal_bytes(stream);

    out[AT(METRICS_STREAM_PUBLISHES)] = stat->publishes;
    out[AT(METRICS_STREAM_RECEIVE_BYTES)] = stat->bytes_in;
    out[AT(METRICS_STREAM_SEND_BYTES)] =
        stat->bytes_out > internal ? stat->bytes_out - internal : 0;
    out[AT(METRICS_STREAM_FRAMES)] = stat->frames_in;
    out[AT(METRICS_STREAM_DROPPED)] = stat->frames_dropped;
    out[AT(METRICS_STREAM_GAPS)] = stat->gaps;
    out[AT(METRICS_STREAM_GAP_TIME)] = (uint64_t)stat->gap_time;
    out[AT(METRICS_STREAM_JUMPS)] = stat->jumps;
    out[AT(METRICS_STREAM_REPAIRS)] = stat->repairs;
}

/* has_viewers: players, not only other workers. */
static void counters_update(struct collect_stream *own, const struct source_stat *stat,
                            int is_pulled, int has_viewers)
{
    uint64_t now[METRICS_STREAM_COUNT];

    counters_read(own->stream, stat, now);
    for (int i = 0; i < METRICS_STREAM_COUNT; i++) {
        /* What players of this worker received; gaps are counted wherever the publisher is. */
        int is_gap = i == AT(METRICS_STREAM_GAPS) || i == AT(METRICS_STREAM_GAP_TIME);
        int is_output = i == AT(METRICS_STREAM_SEND_BYTES) || i == AT(METRICS_STREAM_JUMPS) ||
                        (is_gap && has_viewers);

        /* Bytes sent to other workers are subtracted. They include framing, so the result may fall.
         */
        if (now[i] <= own->last[i])
            continue;
        /* The worker with the publisher counts the input. */
        if (is_output || (!is_pulled && !is_gap))
            metrics_stream_add(own->entry, METRICS_STREAM_FIRST + i, now[i] - own->last[i]);
        own->last[i] = now[i];
    }
}

struct format_count {
    struct metrics *metrics;
    uint32_t viewers[METRICS_FORMATS];
    uint32_t internal; /* viewers that are other workers, not counted yet */
};

static void count_format(const struct mux *mux, size_t viewers, void *arg)
{
    struct format_count *count = arg;
    uint32_t number = (uint32_t)viewers;

    if (mux_is_original(mux) && count->internal > 0) {
        uint32_t internal = count->internal < number ? count->internal : number;

        count->internal -= internal;
        number -= internal;
    }
    if (number > 0)
        count->viewers[metrics_stream_format(count->metrics, mux->name)] += number;
}

/* Sets this process's part of the entry; by deltas, because the others' entry has many streams. */
static void part_update(struct metrics *metrics, struct collect_stream *own, int is_present,
                        int is_published, const uint32_t viewers[METRICS_FORMATS])
{
    struct metrics_stream_part *part = metrics_stream_part(metrics, own->entry);
    uint32_t seen = 0;

    part->is_present += (uint32_t)(is_present - own->is_present);
    part->is_published += (uint32_t)(is_published - own->is_published);
    own->is_present = (uint8_t)is_present;
    own->is_published = (uint8_t)is_published;
    for (int i = 0; i < METRICS_FORMATS; i++) {
        if (viewers[i] > 0)
            seen |= UINT32_C(1) << i;
        if (viewers[i] == own->viewers[i])
            continue;
        part->viewers[i] += viewers[i] - own->viewers[i];
        own->viewers[i] = viewers[i];
    }
    if ((own->entry->formats | seen) != own->entry->formats)
        atomic_fetch_or(&own->entry->formats, seen);
}

/* A stream gets its entry when it is published: any client can ask for any name. */
static int entry_get(struct metrics *metrics, struct collect_stream *own)
{
    if (own->entry != NULL)
        return 0;
    if (source_state(own->stream->source) == SOURCE_IDLE)
        return -1;
    own->entry = metrics_stream_enter(metrics, source_key(own->stream->source), co_now());
    own->is_other = own->entry == NULL;
    if (own->entry == NULL)
        own->entry = metrics_stream_other(metrics);
    return own->entry != NULL ? 0 : -1;
}

/* Another stream may have left its entry meanwhile. What was counted so far stays with the others.
 */
static void entry_retry(struct server *server, struct collect_stream *own)
{
    static const uint32_t nothing[METRICS_FORMATS] = {0};
    struct collect *collect = observer_own(server, &exporter_observer);
    struct metrics_stream *entry;

    if (!own->is_other || !collect->may_retry)
        return;
    collect->may_retry = 0;
    entry = metrics_stream_enter(server->metrics, source_key(own->stream->source), co_now());
    if (entry == NULL)
        return;
    part_update(server->metrics, own, 0, 0, nothing);
    own->entry = entry;
    own->is_other = 0;
}

static void stream_update(struct server *server, struct collect_stream *own)
{
    const struct stream *stream = own->stream;
    enum source_state state = source_state(stream->source);
    struct format_count count = {server->metrics, {0}, stream->internal_viewers};
    int is_pulled = stream_is_worker_pull(stream);
    int has_viewers = 0;
    struct source_stat stat;

    if (entry_get(server->metrics, own) != 0)
        return;
    entry_retry(server, own);
    source_stat(stream->source, &stat);
    viewer_measure_formats(stream->source, count_format, &count);
    for (int i = 0; i < METRICS_FORMATS; i++)
        has_viewers |= count.viewers[i] > 0 || own->viewers[i] > 0;
    counters_update(own, &stat, is_pulled, has_viewers);
    part_update(server->metrics, own, state != SOURCE_IDLE && !is_pulled,
                state == SOURCE_LIVE && !is_pulled, count.viewers);
}

/* ---- the list ---- */

static int is_wanted(const struct server *server)
{
    return server->metrics != NULL &&
           (server->config->exporter.enabled || server->config->http_api.qoe);
}

static struct collect *collect_of(const struct server *server)
{
    return observer_own(server, &exporter_observer);
}

static void collect_attach(struct stream *stream, void *state)
{
    struct collect *collect = collect_of(stream->server);
    struct collect_stream *own = state;

    own->stream = stream;
    if (collect == NULL)
        return;
    own->before = NULL;
    own->after = collect->first;
    if (own->after != NULL)
        own->after->before = own;
    collect->first = own;
    collect->count++;
}

static void collect_detach(struct stream *stream, void *state)
{
    static const uint32_t nothing[METRICS_FORMATS] = {0};
    struct collect *collect = collect_of(stream->server);
    struct collect_stream *own = state;

    if (collect == NULL)
        return;
    if (own->entry != NULL && stream->server->metrics != NULL) {
        collect->may_retry = 0;
        stream_update(stream->server, own);
        part_update(stream->server->metrics, own, 0, 0, nothing);
        if (!own->is_other)
            metrics_stream_leave(stream->server->metrics, own->entry, co_now());
    }
    if (collect->next == own)
        collect->next = own->after;
    if (own->before != NULL)
        own->before->after = own->after;
    else
        collect->first = own->after;
    if (own->after != NULL)
        own->after->before = own->before;
    collect->count--;
}

/* Brings some streams up to date; 0 at the end of the list. */
static int collect_some(struct collect *collect, size_t count)
{
    while (count-- > 0 && collect->next != NULL) {
        struct collect_stream *own = collect->next;

        collect->next = own->after;
        stream_update(collect->server, own);
    }
    return collect->next != NULL;
}

void exporter_collect_all(struct server *server, struct exporter_text *text)
{
    struct collect *collect = collect_of(server);

    if (collect == NULL || !is_wanted(server))
        return;
    collect->next = collect->first;
    while (collect_some(collect, COLLECT_SLICE))
        exporter_text_rest(text);
}

/* ---- viewers ---- */

/* How much of its stream a viewer has not received: what is in the ring, and, at the stream's rate,
 * what the kernel holds. */
static void viewer_sample(struct server *server, const struct session_entry *client)
{
    const struct stream *stream = source_data(client->source);
    usec_t lag = client->viewer != NULL ? viewer_measure_lag(client->viewer) : -1;
    uint64_t bytes[2];
    struct source_stat stat;
    int64_t kbps[2];

    if (lag < 0 || stream == NULL || source_state(client->source) != SOURCE_LIVE)
        return;
    source_stat(client->source, &stat);
    bytes[0] = stat.bytes_in;
    bytes[1] = stat.bytes_out;
    rate_kbps(&stream->rate, clock_now(), bytes, kbps);
    if (kbps[0] > 0)
        lag += (usec_t)net_unacknowledged(client->conn) * 8 * USEC_PER_MS / kbps[0];
    metrics_observe(server->metrics, METRICS_VIEWER_LAG, NULL, lag);
}

/* ---- the row ---- */

static void collect_tick(struct server *server, void *own, usec_t now)
{
    struct collect *collect = own;

    (void)now;
    if (!is_wanted(server))
        return;
    if (collect->next == NULL)
        collect->next = collect->first;
    collect->may_retry = 1;
    (void)collect_some(collect, collect->count / COLLECT_TICKS + 1);
    /* Each viewer about once a second, if there are few. */
    for (size_t i = 0; i < COLLECT_VIEWERS && i <= server->client_count / COLLECT_TICKS; i++) {
        const struct session_entry *client = session_list_sample(server);

        if (client != NULL && !client->is_publisher)
            viewer_sample(server, client);
    }
}

static struct err *collect_open(struct server *server, void **own)
{
    struct collect *collect = calloc(1, sizeof(*collect));

    if (collect == NULL)
        return err_new(ERR_NOMEM, "exporter");
    collect->server = server;
    *own = collect;
    return NULL;
}

/* A worker has its part of the memory of all workers already. */
static struct err *collect_start(struct server *server, void *own)
{
    struct collect *collect = own;

    if (server->metrics != NULL)
        return NULL;
    collect->own = metrics_new(NULL, 1, (size_t)server->config->exporter.streams);
    if (collect->own == NULL)
        return err_new(ERR_NOMEM, "exporter: shared memory");
    server->metrics = collect->own;
    metrics_begin(server->metrics, 0);
    return NULL;
}

static void collect_close(struct server *server, void *own)
{
    struct collect *collect = own;

    if (collect->own != NULL)
        server->metrics = NULL;
    metrics_free(collect->own);
    free(collect);
}

const struct observer exporter_observer = {.name = "exporter",
                                           .state_size = sizeof(struct collect_stream),
                                           .open = collect_open,
                                           .start = collect_start,
                                           .tick = collect_tick,
                                           .close = collect_close,
                                           .attach = collect_attach,
                                           .detach = collect_detach};
