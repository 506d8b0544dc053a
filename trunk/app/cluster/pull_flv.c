/*
 * A try over HTTP-FLV, plain, with TLS or over a UNIX socket. Another Millrace server recognizes
 * the via header: it sends the stream as published, and keeps the response open until there is a
 * stream.
 */
#include "app/cluster/pull_private.h"

#include "app/core/server.h"
#include "app/http/http_exchange.h"
#include "app/stream/fanout.h"
#include "app/stream/stream.h"
#include "base/str.h"
#include "co/co.h"
#include "co/http_client.h"
#include "media/flv.h"

#include <stdlib.h>
#include <string.h>

#define PULL_REASON_WAIT USEC_PER_SEC
/* Bounds of the batching interval that is requested from another worker. */
#define PULL_PACE_MIN (15 * USEC_PER_MS)
#define PULL_PACE_MAX (90 * USEC_PER_MS)

static struct err *flv_take(struct pull *pull, struct flv_in *in, const uint8_t *data, size_t len)
{
    while (len > 0) {
        struct flv_tag tag;
        size_t used = 0;
        enum scan scan = flv_in_feed(in, data, len, &used, &tag);
        struct err *err;

        if (scan == SCAN_BAD)
            return err_new(ERR_PROTO, "response is not FLV");
        data += used;
        len -= used;
        if (scan == SCAN_MORE)
            break;
        pull->flags = flv_in_flags(in);
        err = pull_take(pull, tag.type, tag.timestamp, tag.data, tag.len);
        if (err != NULL)
            return err;
    }
    return NULL;
}

/*
 * Tells the other worker how much to batch, when that has changed: nothing while viewers get every
 * frame at once, and large batches where viewers get batches. Each batch costs both workers a turn,
 * and while the other worker collects one, its publisher need not be read.
 */
static void flv_pace(struct pull *pull)
{
    usec_t pace = fanout_pace(source_data(pull->source)) / FANOUT_PACE_PART;
    uint8_t pace_ms;
    struct iovec iov = {&pace_ms, 1};

    if (pace > PULL_PACE_MAX)
        pace = PULL_PACE_MAX;
    pace_ms = (uint8_t)(pace < PULL_PACE_MIN ? 0 : pace / USEC_PER_MS);
    if (pace_ms != pull->pace && net_try_writev(pull->conn, &iov, 1) == 1)
        pull->pace = pace_ms;
}

static MAY_YIELD struct err *flv_loop(struct pull *pull, struct http_client *client,
                                      struct flv_in *in)
{
    struct err *err = NULL;

    pull_waits(pull);
    while (err == NULL) {
        const uint8_t *data = NULL;
        size_t len = 0;
        usec_t left = pull_left(pull);

        if (left == 0)
            return pull_stalled(pull);
        err = http_client_read(client, &data, &len, left);
        if (err != NULL && err_code(err) == ERR_TIMEOUT) {
            err_free(err);
            return pull_stalled(pull);
        }
        if (err == NULL)
            err = flv_take(pull, in, data, len);
        if (err == NULL && pull->options.is_worker && pull->is_live)
            flv_pace(pull);
    }
    return err;
}

/* An answer without a stream, as an error with the text of its body. */
static MAY_YIELD struct err *flv_refused(struct http_client *client)
{
    int status = http_client_status(client);
    const char *via = http_client_header(client, VIA_CHAIN_HEADER);
    enum err_code code = status == 404 ? ERR_NOT_FOUND : ERR_DENIED;
    char text[160];

    if (status == 508 && via != NULL && strcmp(via, HTTP_VIA_LOOP) == 0)
        code = ERR_LOOP;
    http_client_text(client, text, sizeof(text), PULL_REASON_WAIT);
    return err_new(code, "%d %s", status, text);
}

static MAY_YIELD struct err *flv_run(struct pull *pull, struct http_client *client)
{
    struct flv_in *in;
    struct err *err;

    if (http_client_status(client) != 200)
        return flv_refused(client);
    in = flv_in_new((size_t)pull->config->max_message);
    if (in == NULL)
        return err_new(ERR_NOMEM, "no memory for a pull");
    err = flv_loop(pull, client, in);
    flv_in_free(in);
    return err;
}

static void flv_sent(void *arg)
{
    pull_waits(arg);
}

struct err *pull_flv(struct pull *pull, const struct pull_target *target)
{
    char headers[VIA_CHAIN_TEXT_MAX + 32];
    struct http_client_options options = {.host = target->to->vhost[0] != '\0' ? target->to->vhost
                                                                               : NULL,
                                          .unix_path = target->unix_path,
                                          .headers = headers,
                                          .tls = pull->options.tls,
                                          .connect_timeout = pull_connect_timeout(pull),
                                          .on_sent = flv_sent,
                                          .arg = pull,
                                          .shown = &pull->conn};
    struct url_http *url = malloc(sizeof(*url));
    struct http_client *client = NULL;
    struct err *err;

    if (url == NULL)
        return err_new(ERR_NOMEM, "no memory for a pull");
    *url = target->to->http;
    if (pull_past_query(pull, "", url->query, sizeof(url->query)) != 0)
        url->query[strlen(target->to->http.query)] = '\0';
    (void)str_format(headers, sizeof(headers), VIA_CHAIN_HEADER ": %s\r\n", pull->via_chain);
    /* A Millrace server answers once it has the stream: the pull waits for the stream here. */
    err = http_client_open_at(&client, url, &options, pull_limit(pull));
    free(url);
    if (err == NULL)
        err = flv_run(pull, client);
    pull_linger(pull);
    pull_unlist(pull);
    http_client_close(client);
    return err;
}
