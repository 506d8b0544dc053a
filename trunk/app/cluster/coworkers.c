/*
 * Looks a stream up at the other origins of an SRS cluster. They are few, and on the same network,
 * so they are asked one after the other; each gets an equal part of the remaining time, so that one
 * that does not answer leaves time for the others.
 */
#include "app/cluster/coworkers.h"

#include "app/cluster/coworkers_json.h"
#include "app/core/log_limit.h"
#include "base/buf.h"
#include "base/str.h"
#include "co/co.h"
#include "co/http_client.h"

#include <stdlib.h>
#include <string.h>

#define URL_MAX 4096

int coworkers_are_used(const struct config_vhost *vhost)
{
    return vhost->cluster.mode == CLUSTER_LOCAL && vhost->cluster.origin_cluster &&
           vhost->cluster.coworkers.count > 0;
}

static struct err *read_answer(struct http_client *client, char address[COWORKERS_ADDRESS_MAX],
                               usec_t deadline)
{
    struct err *err = NULL;
    struct buf body;

    if (http_client_status(client) != 200)
        return err_new(ERR_PROTO, "response status %d", http_client_status(client));
    buf_init(&body, COWORKERS_ANSWER_MAX);
    while (err == NULL) {
        const uint8_t *data;
        size_t len;

        err = http_client_read(client, &data, &len, co_left(deadline));
        if (err == NULL && buf_append(&body, data, len) != 0)
            err = err_new(ERR_LIMIT, "response too long");
    }
    if (err_code(err) == ERR_CLOSED) {
        err_free(err);
        err = coworkers_json_answer((const char *)buf_data(&body), body.len, address);
    }
    buf_fini(&body);
    return err;
}

/* address: "" if this coworker does not have the stream. */
static struct err *ask(const char *coworker, const char *key, char address[COWORKERS_ADDRESS_MAX],
                       usec_t timeout)
{
    usec_t deadline = co_deadline(timeout);
    struct http_client_options options = {.connect_timeout = timeout};
    struct http_client *client = NULL;
    char *url = malloc(URL_MAX); /* too large for a coroutine's stack */
    struct err *err = NULL;

    address[0] = '\0';
    if (url == NULL)
        return err_new(ERR_NOMEM, "no memory");
    if (coworkers_json_url(coworker, key, url, URL_MAX) != 0)
        err = err_new(ERR_LIMIT, "stream name is too long");
    if (err == NULL)
        err = http_client_open(&client, url, &options, timeout);
    free(url);
    if (err == NULL)
        err = read_answer(client, address, deadline);
    http_client_close(client);
    return err;
}

int coworkers_find(struct server *server, const struct config_vhost *vhost, const char *key,
                   struct directory_place *place, usec_t timeout)
{
    const struct config_strings *coworkers = &vhost->cluster.coworkers;
    usec_t deadline = co_deadline(timeout);
    char address[COWORKERS_ADDRESS_MAX] = "";

    for (int i = 0; i < coworkers->count && address[0] == '\0' && !co_is_interrupted(); i++) {
        usec_t left = co_left(deadline) / (coworkers->count - i);
        struct err *err = left > 0 ? ask(coworkers->item[i], key, address, left) : NULL;

        if (err != NULL)
            log_peer_err(server, LOG_WARN, "coworker error", coworkers->item[i], err,
                         "coworker %s: look-up of %s failed: %s", coworkers->item[i], key,
                         err_text(err));
        err_free(err);
    }
    if (address[0] == '\0')
        return -1;
    memset(place, 0, sizeof(*place));
    return str_copy(place->rtmp, sizeof(place->rtmp), address);
}

static int coworkers_have(struct server *server, const struct config_vhost *vhost, const char *key,
                          usec_t timeout)
{
    struct directory_place place;

    return coworkers_are_used(vhost) &&
           coworkers_find(server, vhost, key, &place,
                          timeout < COWORKERS_TIMEOUT ? timeout : COWORKERS_TIMEOUT) == 0;
}

const struct observer coworkers_observer = {.name = "coworkers", .is_remote = coworkers_have};
