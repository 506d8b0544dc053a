/*
 * A try over RTMP: connect, play, and take what comes. RTMP has no end of a stream that
 * every server tells: most just fall silent, which the limit on silence notices.
 */
#include "app/pull_private.h"

#include "app/server.h"
#include "base/str.h"
#include "base/version.h"
#include "co/co.h"
#include "proto/rtmp_talk.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* "name?param", as play wants it. */
static struct err *play_name(const struct url_rtmp *url, char *out, size_t cap)
{
    if (str_format(out, cap, "%s%s", url->stream, url->param) != 0)
        return err_new(ERR_LIMIT, "the stream's name is too long");
    return NULL;
}

static struct err *rtmp_ask(struct pull *pull, struct rtmp_talk *talk, const struct url_rtmp *url)
{
    usec_t deadline = co_deadline(pull_connect_timeout(pull));
    char name[1400];
    struct err *err = play_name(url, name, sizeof(name));

    if (err == NULL)
        err = rtmp_talk_handshake(talk, co_left(deadline));
    if (err == NULL)
        err = rtmp_talk_connect(talk, url, co_left(deadline));
    if (err == NULL)
        err = rtmp_talk_play(talk, name, co_left(deadline));
    return err;
}

static struct err *rtmp_loop(struct pull *pull, struct rtmp_talk *talk)
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

static struct err *rtmp_run(struct pull *pull, const struct url_rtmp *url)
{
    struct rtmp_talk_config config = {.chunk_size = (uint32_t)pull->config->chunk_size,
                                      .message_max = (size_t)pull->config->max_message,
                                      .server = MILLRACE_NAME,
                                      .version = MILLRACE_VERSION,
                                      .pid = (int)getpid(),
                                      .id = co_id(),
                                      .now = co_now,
                                      .relay = pull->relay};
    struct rtmp_talk *talk;
    struct err *err = net_connect(url->host, url->port, &pull->conn, pull_connect_timeout(pull));

    if (err != NULL)
        return err;
    net_tune(pull->conn, 0, 1);
    talk = rtmp_talk_new(&pull->conn->io, &config);
    err = talk != NULL ? rtmp_ask(pull, talk, url) : err_new(ERR_NOMEM, "no memory for a pull");
    if (err == NULL)
        err = rtmp_loop(pull, talk);
    rtmp_talk_free(talk);
    net_free(pull->conn);
    pull->conn = NULL;
    return err;
}

struct err *pull_rtmp(struct pull *pull, const struct pull_target *target)
{
    struct url_rtmp *url = malloc(sizeof(*url));
    struct err *err;

    if (url == NULL)
        return err_new(ERR_NOMEM, "no memory for a pull");
    if (url_rtmp_parse_full(url, target->url) != SCAN_DONE)
        err = err_new(ERR_PROTO, "no RTMP address");
    else
        err = rtmp_run(pull, url);
    free(url);
    return err;
}
