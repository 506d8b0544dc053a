/*
 * The streams of one answer. The table is locked only for as long as it takes to note the entries;
 * each is then held, so that it stays while the text is written in several turns of the event loop.
 * A counter may grow between two lines of the same text.
 */
#include "app/control/exporter_private.h"
#include "app/core/metrics.h"
#include "base/str.h"
#include "co/co.h"

#include <stdlib.h>
#include <string.h>

#define LABELS_MAX ((size_t)64 * 1024 * 1024)
/* Lines between two looks at the clock. */
#define REST_LINES 32

/* ---- the list ---- */

static void note_labels(struct exporter_streams *streams, const char *vhost, const char *app,
                        const char *name)
{
    exporter_text_label(&streams->labels, "vhost", vhost);
    exporter_text_put(&streams->labels, ",", 1);
    exporter_text_label(&streams->labels, "app", app);
    exporter_text_put(&streams->labels, ",", 1);
    exporter_text_label(&streams->labels, "stream", name);
    exporter_text_put(&streams->labels, "", 1);
}

/* A key is "vhost/app/stream", where app may have slashes. */
static void note_key(struct exporter_streams *streams, const char *key)
{
    const char *first = strchr(key, '/');
    const char *last = strrchr(key, '/');
    char vhost[256], app[256];

    if (first == NULL || first == last ||
        str_copy_n(vhost, sizeof(vhost), key, (size_t)(first - key)) != 0 ||
        str_copy_n(app, sizeof(app), first + 1, (size_t)(last - first - 1)) != 0)
        note_labels(streams, "", "", key);
    else
        note_labels(streams, vhost, app, last + 1);
}

static struct exporter_stream *item_add(struct exporter_streams *streams,
                                        struct metrics_stream *entry)
{
    struct exporter_stream *item;

    if (streams->count == streams->max) {
        size_t max = streams->max > 0 ? 2 * streams->max : 64;

        item = reallocarray(streams->item, max, sizeof(*item));
        if (item == NULL) {
            streams->labels.failed = 1;
            return NULL;
        }
        streams->item = item;
        streams->max = max;
    }
    item = &streams->item[streams->count++];
    item->entry = entry;
    item->labels_at = streams->labels.out.len;
    return item;
}

static void note_entry(void *arg, const char *key, struct metrics_stream *entry)
{
    struct exporter_streams *streams = arg;

    if (item_add(streams, entry) == NULL)
        return;
    metrics_stream_part(streams->metrics, entry)->uses++;
    note_key(streams, key);
}

int exporter_streams_open(struct exporter_streams *streams, struct metrics *metrics)
{
    memset(streams, 0, sizeof(*streams));
    streams->metrics = metrics;
    exporter_text_init(&streams->labels, LABELS_MAX);
    metrics_stream_each(metrics, co_now(), note_entry, streams);
    if (item_add(streams, metrics_stream_other(metrics)) != NULL)
        note_labels(streams, "", "", "other");
    return streams->labels.failed ? -1 : 0;
}

void exporter_streams_close(struct exporter_streams *streams)
{
    struct metrics_stream *other = metrics_stream_other(streams->metrics);

    for (size_t i = 0; i < streams->count; i++)
        if (streams->item[i].entry != other)
            metrics_stream_release(streams->metrics, streams->item[i].entry);
    buf_fini(&streams->labels.out);
    free(streams->item);
}

/* ---- sums ---- */

static uint64_t count_of(const struct metrics_stream *entry, enum metrics_id id)
{
    return entry->count[id - METRICS_STREAM_FIRST];
}

uint64_t exporter_streams_sum(const struct exporter_streams *streams, enum metrics_id id)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < streams->count; i++)
        sum += count_of(streams->item[i].entry, id);
    return sum;
}

uint64_t exporter_streams_present(const struct exporter_streams *streams)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < streams->count; i++)
        for (int slot = 0; slot < metrics_count(streams->metrics); slot++)
            sum += streams->item[i].entry->part[slot].is_present;
    return sum;
}

/* ---- lines ---- */

static void render_viewers(const struct exporter_streams *streams, struct metrics_stream *entry,
                           const char *labels, struct exporter_text *text)
{
    char with_format[64 + 4 * 768];
    char name[METRICS_FORMAT_MAX];

    for (int format = 0; format < METRICS_FORMATS; format++) {
        int64_t viewers = 0;

        if ((entry->formats & UINT32_C(1) << format) == 0)
            continue;
        for (int slot = 0; slot < metrics_count(streams->metrics); slot++)
            viewers += entry->part[slot].viewers[format];
        metrics_stream_format_name(streams->metrics, format, name);
        if (str_format(with_format, sizeof(with_format), "%s,format=\"%s\"", labels, name) == 0)
            exporter_text_sample(text, METRICS_STREAM_VIEWERS, with_format, viewers);
    }
}

static void render_histogram(const struct metrics_stream *entry, enum metrics_id id,
                             const char *labels, struct exporter_text *text)
{
    const struct metrics_histogram *from = id == METRICS_QOE_STARTUP   ? &entry->qoe.startup
                                           : id == METRICS_QOE_LATENCY ? &entry->qoe.latency
                                                                       : &entry->qoe.true_latency;
    uint64_t bucket[METRICS_BOUNDS_MAX];

    for (int i = 0; i < METRICS_BOUNDS_MAX; i++)
        bucket[i] = from->bucket[i];
    exporter_text_histogram(text, id, labels, bucket, from->sum);
}

/* A stream without a report of a player page has no lines about them. */
static void render_qoe(const struct metrics_stream *entry, enum metrics_id id, const char *labels,
                       struct exporter_text *text)
{
    if (entry->qoe.count[0] == 0) /* METRICS_QOE_REPORTS */
        return;
    if (metrics_table_row(id)->type == METRICS_HISTOGRAM)
        render_histogram(entry, id, labels, text);
    else
        exporter_text_sample(text, id, labels, (int64_t)entry->qoe.count[id - METRICS_QOE_FIRST]);
}

static void render_one(const struct exporter_streams *streams, enum metrics_id id,
                       const struct exporter_stream *item, struct exporter_text *text)
{
    const char *labels = (const char *)buf_data(&streams->labels.out) + item->labels_at;
    int64_t published = 0;

    if (metrics_table_row(id)->place == METRICS_AT_QOE) {
        render_qoe(item->entry, id, labels, text);
    } else if (id == METRICS_STREAM_VIEWERS) {
        render_viewers(streams, item->entry, labels, text);
    } else if (id == METRICS_STREAM_PUBLISHED) {
        for (int slot = 0; slot < metrics_count(streams->metrics); slot++)
            published += item->entry->part[slot].is_published;
        exporter_text_sample(text, id, labels, published);
    } else {
        exporter_text_sample(text, id, labels, (int64_t)count_of(item->entry, id));
    }
}

void exporter_streams_render(const struct exporter_streams *streams, enum metrics_id id,
                             struct exporter_text *text)
{
    for (size_t i = 0; i < streams->count; i++) {
        render_one(streams, id, &streams->item[i], text);
        if (i % REST_LINES == REST_LINES - 1)
            exporter_text_rest(text);
    }
}
