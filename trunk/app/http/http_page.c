/*
 * Values that the player page cannot know by itself: the port for the RTMP addresses that it shows,
 * how long a silent connection may still come back, whether the server wants reports, and its
 * clock, to which time stamps refer. Served whether or not the API is enabled; it reveals nothing
 * about streams, clients, or secrets.
 *
 * Behind a proxy or in a container, clients may reach another port than the listener's: the
 * operator configures it (public_rtmp_port).
 */
#include "app/http/http_page.h"

#include "app/core/server.h"
#include "base/str.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static int page_has_stamps(const struct config *config)
{
    for (int i = 0; i < config->vhost_count; i++)
        if (config->vhost[i]->enabled && config->vhost[i]->play.stamp)
            return 1;
    return 0;
}

/* The longest republish_wait and rewind of all vhosts, ms: the page does not know its vhost. */
static void page_longest(const struct config *config, int64_t *republish_wait, int64_t *rewind)
{
    *republish_wait = *rewind = 0;
    for (int i = 0; i < config->vhost_count; i++) {
        const struct config_http_remux *remux = &config->vhost[i]->http_remux;

        if (!config->vhost[i]->enabled || !remux->enabled)
            continue;
        if (remux->republish_wait / USEC_PER_MS > *republish_wait)
            *republish_wait = remux->republish_wait / USEC_PER_MS;
        if (remux->rewind_s * 1000 > *rewind)
            *rewind = remux->rewind_s * 1000;
    }
}

int http_page_print(const struct config *config, int listen_port, char out[HTTP_PAGE_MAX])
{
    int64_t port = config->public_rtmp_port != 0 ? config->public_rtmp_port : listen_port;
    int64_t republish_wait, rewind;
    char past[40] = "";
    char time[40] = "";

    page_longest(config, &republish_wait, &rewind);
    if (rewind > 0 && str_format(past, sizeof(past), ",\"rewind_ms\":%" PRId64, rewind) != 0)
        return -1;
    if (page_has_stamps(config) &&
        str_format(time, sizeof(time), ",\"time_ms\":%" PRId64, clock_wall() / USEC_PER_MS) != 0)
        return -1;
    return str_format(out, HTTP_PAGE_MAX,
                      "{\"rtmp_port\":%" PRId64 ",\"republish_wait_ms\":%" PRId64 "%s%s%s}\n", port,
                      republish_wait, past, time,
                      config->http_api.enabled && config->http_api.qoe ? ",\"qoe\":true" : "");
}

static struct err *page_serve(struct http_handler *self, struct http_exchange *x, usec_t timeout)
{
    char body[HTTP_PAGE_MAX];

    if (strcmp(x->request->path, HTTP_PAGE_PATH) != 0)
        return http_next(self, x, timeout);
    if (!http_is_read(x))
        return http_answer_method(x, timeout);
    if (http_page_print(x->server->config, x->server->rtmp_port, body) != 0)
        return http_answer_error(x, 503, NULL, timeout, "answer too long");
    return http_answer(x, 200, "application/json", "Cache-Control: no-store\r\n", body,
                       strlen(body), timeout);
}

struct http_handler *http_page_new(struct http_handler *next)
{
    struct http_handler *handler = calloc(1, sizeof(*handler));

    assert(next != NULL);
    if (handler == NULL)
        return NULL;
    handler->serve = page_serve;
    handler->next = next;
    return handler;
}
