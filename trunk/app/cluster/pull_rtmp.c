/*
 * A try over RTMP: connect, play, and receive. RTMP has no end of stream that every server signals:
 * most just fall silent, which the media timeout (pull_pace.c) detects.
 */
#include "app/cluster/pull_private.h"

#include "app/cluster/rtmp_upstream.h"
#include "app/core/server.h"
#include "co/co.h"

#include <stdlib.h>
#include <string.h>

static MAY_YIELD struct err *rtmp_loop(struct pull *pull, struct rtmp_talk *talk)
{
    struct err *err = NULL;

    pull_waits(pull);
    while (err == NULL) {
        struct rtmp_message message;
        enum rtmp_event event;
        usec_t left = pull_left(pull);

        if (left == 0)
            return pull_stalled(pull);
        err = rtmp_talk_read(talk, &event, &message, left);
        if (err != NULL && err_code(err) == ERR_TIMEOUT) {
            err_free(err);
            return pull_stalled(pull);
        }
        if (err == NULL && event == RTMP_EVENT_UNPUBLISH)
            err = err_new(ERR_CLOSED, "the stream ended");
        else if (err == NULL && event == RTMP_EVENT_MEDIA)
            err = pull_take(pull, (enum frame_type)message.type, message.timestamp, message.data,
                            message.len);
    }
    return err;
}

/* Puts the start into the parameters of the stream's name. 0, or -1 if it does not fit. */
static int rtmp_query(const struct pull *pull, struct rtmp_target *to)
{
    char *query = strchr(to->name, '?');
    size_t at = query != NULL ? (size_t)(query - to->name) : strlen(to->name);

    return pull_past_query(pull, "?", to->name + at, sizeof(to->name) - at);
}

struct err *pull_rtmp(struct pull *pull, const struct pull_target *target)
{
    struct rtmp_upstream_options options = {.config = pull->config,
                                            .intent = RTMP_INTENT_PLAY,
                                            .via = pull->via_chain,
                                            .shown = &pull->conn};
    struct rtmp_upstream up = {NULL, NULL, 0};
    struct rtmp_target *to = malloc(sizeof(*to));
    struct err *err;

    if (to == NULL)
        return err_new(ERR_NOMEM, "no memory for a pull");
    *to = target->to->rtmp;
    if (rtmp_query(pull, to) != 0)
        to->name[strlen(target->to->rtmp.name)] = '\0';
    err = rtmp_upstream_open(&up, to, &options, pull_connect_timeout(pull));
    if (err != NULL) {
        free(to);
        return err;
    }
    err = rtmp_loop(pull, up.talk);
    while (!pull->is_live && !pull->is_stopping && rtmp_upstream_is_sent_on(&up, err)) {
        err_free(err);
        err = rtmp_upstream_follow(&up, to, &options, pull_connect_timeout(pull));
        if (err == NULL)
            err = rtmp_loop(pull, up.talk);
    }
    free(to);
    pull_linger(pull);
    pull_unlist(pull);
    rtmp_upstream_close(&up, &pull->conn);
    return err;
}
