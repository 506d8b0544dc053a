/*
 * Parses reports. Every number has a maximum that an honest player cannot exceed between two
 * reports, so one report changes the figures of a stream only so much, whatever it claims.
 */
#include "app/control/qoe_report.h"

#include "base/str.h"

#include <jansson.h>
#include <string.h>

struct field {
    const char *name;
    enum metrics_id id; /* a counter, or one of the histograms */
    json_int_t max;
};

static const struct field fields[] = {
    {"watched_ms", METRICS_QOE_WATCHED, 120000},
    {"stalls", METRICS_QOE_STALLS, 1000},
    {"stalled_ms", METRICS_QOE_STALLED, 120000},
    {"frames", METRICS_QOE_FRAMES, 100000},
    {"dropped", METRICS_QOE_DROPPED, 100000},
    {"errors", METRICS_QOE_ERRORS, 1000},
    {"startup_ms", METRICS_QOE_STARTUP, 600000},
    {"latency_ms", METRICS_QOE_LATENCY, 600000},
    {"true_latency_ms", METRICS_QOE_TRUE_LATENCY, 600000},
};

static void report_set(struct qoe_report *report, const struct field *field, json_int_t value)
{
    int is_time = metrics_table_row(field->id)->unit == METRICS_TIME;
    usec_t scaled = (usec_t)value * (is_time ? USEC_PER_MS : 1);

    if (field->id == METRICS_QOE_STARTUP)
        report->startup = scaled;
    else if (field->id == METRICS_QOE_LATENCY)
        report->latency = scaled;
    else if (field->id == METRICS_QOE_TRUE_LATENCY)
        report->true_latency = scaled;
    else
        report->count[field->id - METRICS_QOE_FIRST] = (uint64_t)scaled;
}

static const char *report_read(const json_t *object, struct qoe_report *report)
{
    const json_t *url = json_object_get(object, "url");
    char *query;

    if (!json_is_string(url) || json_string_value(url)[0] != '/' ||
        strlen(json_string_value(url)) != json_string_length(url) ||
        str_copy(report->path, sizeof(report->path), json_string_value(url)) != 0)
        return "url must be the path of a stream";
    query = strchr(report->path, '?');
    report->query = query != NULL ? query + 1 : "";
    if (query != NULL)
        *query = '\0';
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        const json_t *value = json_object_get(object, fields[i].name);

        if (value == NULL)
            continue;
        if (!json_is_integer(value) || json_integer_value(value) < 0 ||
            json_integer_value(value) > fields[i].max)
            return "a number is malformed or too large";
        report_set(report, &fields[i], json_integer_value(value));
    }
    report->count[0] = 1;
    return NULL;
}

const char *qoe_report_parse(const uint8_t *text, size_t len, struct qoe_report *report)
{
    const char *why = "a report is a JSON object";
    json_t *object;

    memset(report, 0, sizeof(*report));
    report->startup = report->latency = report->true_latency = -1;
    if (len > QOE_REPORT_MAX)
        return "the report is too long";
    object = json_loadb((const char *)text, len, JSON_REJECT_DUPLICATES, NULL);
    if (json_is_object(object))
        why = report_read(object, report);
    json_decref(object);
    return why;
}
