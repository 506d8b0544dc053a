/*
 * Requests that wait for a part. The tick that takes frames from the ring wakes all of them, at
 * most ten times a second, and each looks whether the stream has what it waits for.
 */
#include "app/hls/hls_reload.h"

#include "app/hls/hls_private.h"
#include "base/str.h"
#include "proto/url.h"

#include <inttypes.h>

/* Target durations (section 6.2.5.2). */
#define WAIT_TARGETS 3
/* Segments after the newest one (the same). */
#define NUMBERS_AHEAD 2
#define RENEW_STEP    USEC_PER_SEC

/* A number; -1: there is none. 0, or -1: it is malformed. */
static int number_read(const char *query, const char *name, int64_t *out)
{
    char text[24];

    *out = -1;
    if (url_query_get(query, name, text, sizeof(text)) != 0)
        return 0;
    return str_to_i64(text, 0, INT64_MAX, out);
}

int hls_reload_read(const char *query, struct hls_reload *out)
{
    char text[8];

    out->skips_oldest = url_query_get(query, "_HLS_skip", text, sizeof(text)) == 0;
    if (number_read(query, "_HLS_msn", &out->number) != 0 ||
        number_read(query, "_HLS_part", &out->part) != 0)
        return -1;
    return out->part >= 0 && out->number < 0 ? -1 : 0;
}

int hls_reload_write(const struct hls_reload *reload, char *out, size_t cap)
{
    char part[48] = "";

    if (reload->part >= 0)
        (void)str_format(part, sizeof(part), "&_HLS_part=%" PRId64, reload->part);
    if (reload->number < 0)
        return str_format(out, cap, "%s", reload->skips_oldest ? "_HLS_skip=YES" : "");
    return str_format(out, cap, "_HLS_msn=%" PRId64 "%s%s", reload->number, part,
                      reload->skips_oldest ? "&_HLS_skip=YES" : "");
}

static int is_ready(const struct hls_stream *own, const struct hls_reload *reload)
{
    return reload->number < 0 || own->window.part_target == 0 || own->ended_at != 0 ||
           hls_window_has(&own->window, (uint64_t)reload->number, reload->part);
}

enum hls_reload_answer hls_reload_wait(struct hls *hls, const char *key,
                                       const struct hls_reload *reload, struct net_conn *conn,
                                       void (*renew)(void *arg), void *arg)
{
    const struct hls_stream *own = hls_find(hls, key);
    usec_t deadline, renew_at = co_deadline(RENEW_STEP);

    if (own == NULL)
        return HLS_RELOAD_GONE;
    if (is_ready(own, reload))
        return HLS_RELOAD_READY;
    if ((uint64_t)reload->number + 1 > own->window.next + NUMBERS_AHEAD)
        return HLS_RELOAD_TOO_FAR;
    deadline = co_deadline((usec_t)own->window.target * WAIT_TARGETS * USEC_PER_SEC);
    for (;;) {
        if (hls->server->state == SERVER_STOPPING ||
            co_cond_wait(&hls->grown, co_left(renew_at)) == CO_INTERRUPTED ||
            (net_wait(conn, 0, 0) & NET_HUP) != 0)
            return HLS_RELOAD_GONE;
        own = hls_find(hls, key);
        if (own == NULL)
            return HLS_RELOAD_GONE;
        if (is_ready(own, reload))
            return HLS_RELOAD_READY;
        if (co_left(deadline) == 0)
            return HLS_RELOAD_LATE;
        if (co_left(renew_at) > 0)
            continue;
        renew_at = co_deadline(RENEW_STEP);
        if (renew != NULL)
            renew(arg);
    }
}
