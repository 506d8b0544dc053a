#ifndef APP_CONTROL_EXPORTER_PRIVATE_H
#define APP_CONTROL_EXPORTER_PRIVATE_H

/*
 * Shared by the files of the exporter only: exporter.c (requests), exporter_render.c (the whole
 * text), exporter_streams.c (the streams in it), exporter_text.c (its lines), exporter_collect.c
 * (counters of streams, brought up to date).
 */
#include "app/core/metrics_stream.h"
#include "base/buf.h"
#include "base/yield.h"

struct server;

/* ---- exporter_text.c: lines of the text format, version 0.0.4 ---- */

/* The text so far, and how long the event loop has been held for it. */
struct exporter_text {
    struct buf out;
    usec_t slice_at; /* when this turn of the event loop began */
    usec_t held;     /* in earlier turns */
    int failed;      /* out of memory, or too long: the text is useless */
};

void exporter_text_init(struct exporter_text *text, size_t max);
/* Lets other coroutines run if the text has held the loop for EXPORTER_SLICE. */
MAY_YIELD void exporter_text_rest(struct exporter_text *text);

/* exporter_collect.c: brings the counters of this process's streams up to date; the time counts as
 * the text's. */
MAY_YIELD void exporter_collect_all(struct server *server, struct exporter_text *text);

void exporter_text_put(struct exporter_text *text, const char *s, size_t len);
void exporter_text_puts(struct exporter_text *text, const char *s);
/* A label: name="value", with the characters escaped that must be; bytes that are not UTF-8 are
 * replaced. */
void exporter_text_label(struct exporter_text *text, const char *name, const char *value);

/* # HELP and # TYPE. */
void exporter_text_head(struct exporter_text *text, enum metrics_id id);
/* One sample of a metric; labels: all of them without braces, "" for none. */
void exporter_text_sample(struct exporter_text *text, enum metrics_id id, const char *labels,
                          int64_t value);
/* All samples of a histogram. */
void exporter_text_histogram(struct exporter_text *text, enum metrics_id id, const char *labels,
                             const uint64_t bucket[METRICS_BOUNDS_MAX], uint64_t sum);

/* ---- exporter_streams.c ---- */

/* A stream in the text. Its entry is held. */
struct exporter_stream {
    struct metrics_stream *entry;
    size_t labels_at; /* in struct exporter_streams' labels */
};

/* All streams with entries, and the others' entry as the last one. */
struct exporter_streams {
    struct metrics *metrics;
    struct exporter_stream *item;
    size_t count, max;
    struct exporter_text labels;
};

/* 0, or -1 without memory; exporter_streams_close() releases it in either case. */
int exporter_streams_open(struct exporter_streams *streams, struct metrics *metrics);
void exporter_streams_close(struct exporter_streams *streams);

/* The sum of a counter over all of them, and of the streams that are present. */
uint64_t exporter_streams_sum(const struct exporter_streams *streams, enum metrics_id id);
uint64_t exporter_streams_present(const struct exporter_streams *streams);
/* All samples of a metric of streams. */
MAY_YIELD void exporter_streams_render(const struct exporter_streams *streams, enum metrics_id id,
                                       struct exporter_text *text);

/* ---- exporter_render.c ---- */

/* The whole text. text->failed: there is none. */
MAY_YIELD void exporter_render(struct server *server, struct exporter_text *text);

#endif
