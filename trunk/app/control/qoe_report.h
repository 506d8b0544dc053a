#ifndef APP_CONTROL_QOE_REPORT_H
#define APP_CONTROL_QOE_REPORT_H

/*
 * A report of a player page: what a viewer saw of one stream since the previous report. A JSON
 * object of integers and an address, hostile until checked. Pure.
 *
 *   {"url":"/live/livestream.flv","watched_ms":10000,"stalls":1,"stalled_ms":350,"frames":250,
 *    "dropped":2,"errors":0,"latency_ms":900,"true_latency_ms":950,"startup_ms":412}
 */
#include "app/core/metrics_stream.h"

#define QOE_REPORT_MAX 2048 /* bytes */
#define QOE_URL_MAX    1024

struct qoe_report {
    char path[QOE_URL_MAX];                /* of the stream's address; its query follows */
    const char *query;                     /* "": none */
    uint64_t count[METRICS_QOE_COUNT];     /* to be added to the stream's; times in us */
    usec_t startup, latency, true_latency; /* -1: not reported */
};

/* NULL, or the reason for which the report is refused (constant). Members that are not known are
 * ignored, missing ones count as 0. */
const char *qoe_report_parse(const uint8_t *text, size_t len, struct qoe_report *report);

#endif
