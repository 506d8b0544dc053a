/*
 * The figures of player pages as JSON, for the console. They are in memory that all workers share,
 * so the worker that is asked answers for all.
 */
#include "app/control/qoe.h"
#include "app/core/metrics_stream.h"
#include "base/str.h"
#include "co/co.h"

#include <stdlib.h>
#include <string.h>

/* The streams of one page of the list. */
struct page {
    struct metrics *metrics;
    size_t skip, count, max;
    struct {
        struct metrics_stream *entry; /* held */
        char *key;
    } * item;
    int failed;
};

static void page_add(void *arg, const char *key, struct metrics_stream *entry)
{
    struct page *page = arg;

    if (entry->qoe.count[0] == 0 || page->count == page->max || page->failed)
        return;
    if (page->skip > 0) {
        page->skip--;
        return;
    }
    page->item[page->count].key = strdup(key);
    if (page->item[page->count].key == NULL) {
        page->failed = 1;
        return;
    }
    metrics_stream_part(page->metrics, entry)->uses++;
    page->item[page->count++].entry = entry;
}

static json_int_t count_of(const struct metrics_stream *stream, enum metrics_id id)
{
    json_int_t count = (json_int_t)stream->qoe.count[id - METRICS_QOE_FIRST];

    return metrics_table_row(id)->unit == METRICS_TIME ? count / USEC_PER_MS : count;
}

/* The bound of the bucket in which this part (in percent) of all values ends; the greatest bound
 * for the last one. */
static json_int_t percentile(const struct metrics_histogram *histogram, enum metrics_id id,
                             uint64_t count, uint64_t percent)
{
    const usec_t *bounds = metrics_table_row(id)->bounds;
    uint64_t seen = 0;
    int i = 0;

    for (; bounds[i] != 0; i++) {
        seen += histogram->bucket[i];
        if (seen * 100 >= count * percent)
            return bounds[i] / USEC_PER_MS;
    }
    return bounds[i - 1] / USEC_PER_MS;
}

static json_t *histogram_json(const struct metrics_histogram *histogram, enum metrics_id id)
{
    const usec_t *bounds = metrics_table_row(id)->bounds;
    json_t *list = json_array();
    uint64_t count = 0;
    int i = 0;

    do {
        json_t *bucket =
            json_pack("[o,I]", bounds[i] != 0 ? json_integer(bounds[i] / USEC_PER_MS) : json_null(),
                      (json_int_t)histogram->bucket[i]);

        if (json_array_append_new(list, bucket) != 0) {
            json_decref(list);
            return NULL;
        }
        count += histogram->bucket[i];
    } while (bounds[i++] != 0);
    return json_pack("{s:I,s:I,s:I,s:I,s:o}", "count", (json_int_t)count, "sum_ms",
                     (json_int_t)(histogram->sum / USEC_PER_MS), "p50_ms",
                     count > 0 ? percentile(histogram, id, count, 50) : (json_int_t)0, "p95_ms",
                     count > 0 ? percentile(histogram, id, count, 95) : (json_int_t)0, "buckets",
                     list);
}

static json_t *stream_json(const char *key, const struct metrics_stream *stream)
{
    const char *first = strchr(key, '/');
    const char *last = strrchr(key, '/');

    if (first == NULL || first == last)
        return NULL;
    return json_pack(
        "{s:s%,s:s%,s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:o,s:o,s:o}", "vhost", key,
        (size_t)(first - key), "app", first + 1, (size_t)(last - first - 1), "stream", last + 1,
        "reports", count_of(stream, METRICS_QOE_REPORTS), "watched_ms",
        count_of(stream, METRICS_QOE_WATCHED), "stalls", count_of(stream, METRICS_QOE_STALLS),
        "stalled_ms", count_of(stream, METRICS_QOE_STALLED), "frames",
        count_of(stream, METRICS_QOE_FRAMES), "dropped", count_of(stream, METRICS_QOE_DROPPED),
        "errors", count_of(stream, METRICS_QOE_ERRORS), "startup",
        histogram_json(&stream->qoe.startup, METRICS_QOE_STARTUP), "latency",
        histogram_json(&stream->qoe.latency, METRICS_QOE_LATENCY), "true_latency",
        histogram_json(&stream->qoe.true_latency, METRICS_QOE_TRUE_LATENCY));
}

static json_t *page_json(const struct page *page)
{
    json_t *list = json_array();

    for (size_t i = 0; i < page->count; i++) {
        json_t *stream = stream_json(page->item[i].key, page->item[i].entry);

        /* A name that is not UTF-8 has no place in JSON. */
        if (stream != NULL && json_array_append_new(list, stream) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

int qoe_json(const struct api_query *query, json_t *out)
{
    const struct server *server = query->server;
    struct page page = {.metrics = server->metrics, .skip = query->start, .max = query->count};
    json_t *list = NULL;
    int rc;

    page.item = calloc(page.max + 1, sizeof(*page.item));
    if (page.item == NULL)
        return -1;
    if (server->metrics != NULL)
        metrics_stream_each(server->metrics, co_now(), page_add, &page);
    if (!page.failed)
        list = page_json(&page);
    for (size_t i = 0; i < page.count; i++) {
        metrics_stream_release(server->metrics, page.item[i].entry);
        free(page.item[i].key);
    }
    free(page.item);
    rc = json_object_set_new(out, "enabled", json_boolean(server->config->http_api.qoe));
    return rc != 0 ? rc : json_object_set_new(out, "qoe", list);
}
