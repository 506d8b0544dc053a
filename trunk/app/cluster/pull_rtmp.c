/*
 * A try over RTMP: connect, play, and receive. RTMP has no end of stream that every server signals:
 * most just fall silent, which the media timeout (pull_pace.c) detects.
 */
#include "app/cluster/pull_private.h"

#include "app/cluster/rtmp_upstream.h"
#include "app/core/server.h"
#include "co/co.h"

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

struct err *pull_rtmp(struct pull *pull, const struct pull_target *target)
{
    struct rtmp_upstream_options options = {.config = pull->config,
                                            .intent = RTMP_INTENT_PLAY,
                                            .via = pull->via_chain,
                                            .shown = &pull->conn};
    struct rtmp_upstream up = {NULL, NULL, 0};
    const struct rtmp_target *to = &target->to->rtmp;
    struct err *err = rtmp_upstream_open(&up, to, &options, pull_connect_timeout(pull));

    if (err != NULL)
        return err;
    err = rtmp_loop(pull, up.talk);
    while (!pull->is_live && !pull->is_stopping && rtmp_upstream_is_sent_on(&up, err)) {
        err_free(err);
        err = rtmp_upstream_follow(&up, to, &options, pull_connect_timeout(pull));
        if (err != NULL)
            return err;
        err = rtmp_loop(pull, up.talk);
    }
    pull_linger(pull);
    pull_unlist(pull);
    rtmp_upstream_close(&up, &pull->conn);
    return err;
}
