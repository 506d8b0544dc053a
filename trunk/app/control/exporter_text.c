/*
 * Lines of Prometheus' text format, version 0.0.4. Thousands of streams have many lines, so numbers
 * are written without printf, and the labels of a stream are escaped once for all its lines. Times
 * are integers of microseconds and shown in seconds with up to six decimals: sums stay exact.
 */
#include "app/control/exporter_private.h"
#include "base/utf8.h"
#include "co/co.h"

#include <string.h>

/* How long the text may hold the event loop at a time. */
#define EXPORTER_SLICE ((usec_t)500)
#define NUMBER_MAX     32

void exporter_text_init(struct exporter_text *text, size_t max)
{
    memset(text, 0, sizeof(*text));
    buf_init(&text->out, max);
    text->slice_at = co_clock_refresh();
}

void exporter_text_rest(struct exporter_text *text)
{
    usec_t now = clock_now();

    if (now - text->slice_at < EXPORTER_SLICE)
        return;
    text->held += now - text->slice_at;
    co_yield ();
    text->slice_at = clock_now();
}

void exporter_text_put(struct exporter_text *text, const char *s, size_t len)
{
    text->failed |= buf_append(&text->out, s, len) != 0;
}

void exporter_text_puts(struct exporter_text *text, const char *s)
{
    exporter_text_put(text, s, strlen(s));
}

/* Writes digits before `end`; returns where they begin. */
static char *digits(char *end, uint64_t number)
{
    do
        *--end = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    return end;
}

static void put_number(struct exporter_text *text, int64_t number)
{
    char out[NUMBER_MAX];
    char *end = out + sizeof(out);
    char *at = digits(end, number < 0 ? 0 - (uint64_t)number : (uint64_t)number);

    if (number < 0)
        *--at = '-';
    exporter_text_put(text, at, (size_t)(end - at));
}

/* Microseconds as seconds, without zeros at the end. */
static void put_seconds(struct exporter_text *text, uint64_t us)
{
    char out[NUMBER_MAX];
    char *end = out + sizeof(out);
    char *at = digits(end, us % 1000000 + 1000000);
    char *begin;

    *at = '.';
    begin = digits(at, us / 1000000);
    while (end[-1] == '0')
        end--;
    if (end[-1] == '.')
        end--;
    exporter_text_put(text, begin, (size_t)(end - begin));
}

static void put_value(struct exporter_text *text, enum metrics_id id, int64_t value)
{
    if (metrics_table_row(id)->unit == METRICS_TIME)
        put_seconds(text, value > 0 ? (uint64_t)value : 0);
    else
        put_number(text, value);
}

/* How many bytes from here on are ASCII that needs no escape. */
static size_t plain_len(const char *value, size_t left)
{
    size_t len = 0;

    while (len < left && value[len] >= 0x20 && value[len] < 0x7f && value[len] != '"' &&
           value[len] != '\\')
        len++;
    return len;
}

void exporter_text_label(struct exporter_text *text, const char *name, const char *value)
{
    size_t left = strlen(value);
    size_t plain = plain_len(value, left);

    exporter_text_puts(text, name);
    exporter_text_put(text, "=\"", 2);
    exporter_text_put(text, value, plain);
    value += plain;
    left -= plain;
    while (left > 0) {
        uint32_t code;
        size_t len = utf8_next((const uint8_t *)value, left, &code);

        if (len == 0)
            exporter_text_put(text, "?", 1);
        else if (*value == '"' || *value == '\\')
            exporter_text_put(text, *value == '"' ? "\\\"" : "\\\\", 2);
        else if (*value == '\n')
            exporter_text_put(text, "\\n", 2);
        else
            exporter_text_put(text, value, len);
        len = len > 0 ? len : 1;
        value += len;
        left -= len;
    }
    exporter_text_put(text, "\"", 1);
}

void exporter_text_head(struct exporter_text *text, enum metrics_id id)
{
    static const char *const types[] = {"gauge", "counter", "histogram"};
    const struct metrics_row *row = metrics_table_row(id);

    exporter_text_puts(text, "# HELP ");
    exporter_text_puts(text, row->name);
    exporter_text_put(text, " ", 1);
    exporter_text_puts(text, row->help);
    exporter_text_puts(text, "\n# TYPE ");
    exporter_text_puts(text, row->name);
    exporter_text_put(text, " ", 1);
    exporter_text_puts(text, types[row->type]);
    exporter_text_put(text, "\n", 1);
}

/* The name with a suffix, and the labels. */
static void put_series(struct exporter_text *text, enum metrics_id id, const char *suffix,
                       const char *labels)
{
    exporter_text_puts(text, metrics_table_row(id)->name);
    exporter_text_puts(text, suffix);
    if (*labels != '\0') {
        exporter_text_put(text, "{", 1);
        exporter_text_puts(text, labels);
        exporter_text_put(text, "}", 1);
    }
    exporter_text_put(text, " ", 1);
}

static uint8_t *put_bytes(uint8_t *p, const void *bytes, size_t len)
{
    memcpy(p, bytes, len);
    return p + len;
}

/* Most lines are samples of streams: one reservation for each. */
static void put_stream_series(struct exporter_text *text, const char *name, const char *labels)
{
    size_t name_len = strlen(name);
    size_t labels_len = strlen(labels);
    size_t len = name_len + labels_len + 3;
    uint8_t *p = buf_reserve(&text->out, len);

    if (p == NULL) {
        text->failed = 1;
        return;
    }
    p = put_bytes(p, name, name_len);
    *p++ = '{';
    p = put_bytes(p, labels, labels_len);
    put_bytes(p, "} ", 2);
    buf_commit(&text->out, len);
}

void exporter_text_sample(struct exporter_text *text, enum metrics_id id, const char *labels,
                          int64_t value)
{
    if (*labels != '\0')
        put_stream_series(text, metrics_table_row(id)->name, labels);
    else
        put_series(text, id, "", labels);
    put_value(text, id, value);
    exporter_text_put(text, "\n", 1);
}

static void put_bucket(struct exporter_text *text, enum metrics_id id, const char *labels,
                       usec_t bound, uint64_t count)
{
    exporter_text_puts(text, metrics_table_row(id)->name);
    exporter_text_puts(text, "_bucket{");
    exporter_text_puts(text, labels);
    exporter_text_puts(text, *labels != '\0' ? ",le=\"" : "le=\"");
    if (bound != 0)
        put_seconds(text, (uint64_t)bound);
    else
        exporter_text_puts(text, "+Inf");
    exporter_text_puts(text, "\"} ");
    put_number(text, (int64_t)count);
    exporter_text_put(text, "\n", 1);
}

void exporter_text_histogram(struct exporter_text *text, enum metrics_id id, const char *labels,
                             const uint64_t bucket[METRICS_BOUNDS_MAX], uint64_t sum)
{
    const usec_t *bounds = metrics_table_row(id)->bounds;
    uint64_t count = 0;
    int i = 0;

    do {
        count += bucket[i];
        put_bucket(text, id, labels, bounds[i], count);
    } while (bounds[i++] != 0);
    put_series(text, id, "_sum", labels);
    put_seconds(text, sum);
    exporter_text_put(text, "\n", 1);
    put_series(text, id, "_count", labels);
    put_number(text, (int64_t)count);
    exporter_text_put(text, "\n", 1);
}
