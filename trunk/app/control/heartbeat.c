/*
 * Sends heartbeats. The receiver is another program on another machine: each try has a deadline,
 * only the status of its answer counts, and a receiver that stays unreachable causes one log line a
 * minute. The first heartbeat is sent when the listeners are open.
 */
#include "app/control/heartbeat.h"

#include "app/cluster/upstream_tls.h"
#include "app/control/api_gather.h"
#include "app/control/api_json.h"
#include "app/control/api_system.h"
#include "app/core/metrics.h"
#include "co/http_client.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

/* For one heartbeat, from the connection to the answer. */
#define HEARTBEAT_TIMEOUT (5 * USEC_PER_SEC)
/* Between two log lines about failures. */
#define HEARTBEAT_LOG_PAUSE (60 * USEC_PER_SEC)

struct heartbeat {
    struct server *server;
    struct co *co;          /* NULL: heartbeats were off so far, or this process sends none */
    struct co_cond changed; /* the configuration */
    usec_t logged_at;       /* the last line about a failure; 0: the last heartbeat arrived */
    unsigned failures;      /* since then */
};

/* ---- what is sent ---- */

static int is_usable(const struct ifaddrs *one)
{
    return one->ifa_addr != NULL && one->ifa_addr->sa_family == AF_INET &&
           (one->ifa_flags & IFF_UP) != 0 && (one->ifa_flags & IFF_LOOPBACK) == 0;
}

/* The address of the first network interface, as SRS reports it; loopback if there is no other. */
static void own_ip(char out[INET_ADDRSTRLEN])
{
    struct ifaddrs *list = NULL;
    const struct ifaddrs *one;

    memcpy(out, "127.0.0.1", sizeof("127.0.0.1"));
    if (getifaddrs(&list) != 0)
        return;
    for (one = list; one != NULL && !is_usable(one); one = one->ifa_next)
        ;
    if (one != NULL) {
        struct sockaddr_in address;

        memcpy(&address, one->ifa_addr, sizeof(address));
        (void)inet_ntop(AF_INET, &address.sin_addr, out, INET_ADDRSTRLEN);
    }
    freeifaddrs(list);
}

static int put_addresses(json_t *out, const char *name, int is_enabled,
                         const struct config_strings *listen)
{
    json_t *list;

    if (!is_enabled)
        return 0;
    list = json_array();
    for (int i = 0; i < listen->count; i++)
        if (json_array_append_new(list, json_string(listen->item[i])) != 0) {
            json_decref(list);
            return -1;
        }
    return json_object_set_new(out, name, list);
}

static int put_ports(json_t *out, const struct config *config)
{
    return put_addresses(out, "rtmp", 1, &config->listen) != 0 ||
                   put_addresses(out, "http", config->http_server.enabled,
                                 &config->http_server.listen) != 0 ||
                   put_addresses(out, "api", config->http_api.enabled, &config->http_api.listen) !=
                       0
               ? -1
               : 0;
}

/* What /api/v1/summaries answers. NULL if out of memory. */
static json_t *summaries_make(struct server *server, usec_t timeout)
{
    struct api_query query = {.server = server, .id = "", .count = 1};
    const struct api_gather_call call = {"summaries", &query, api_system_summaries};
    json_t *summaries = json_object();

    if (api_gather_answer(&call, summaries, timeout) == 0)
        return summaries;
    json_decref(summaries);
    return NULL;
}

/* Adds the server's names, as in the API's answers. 0, or -1 if out of memory. */
static int put_names(const struct server *server, json_t *out)
{
    json_t *head = json_object();
    int failed = api_json_head(server, head) != 0 || json_object_del(head, "code") != 0 ||
                 json_object_update(out, head) != 0;

    json_decref(head);
    return failed ? -1 : 0;
}

/* The body, for free(); NULL if out of memory. */
static char *body_make(struct server *server, const struct config *config, usec_t timeout)
{
    const struct config_heartbeat *wanted = &config->heartbeat;
    char ip[INET_ADDRSTRLEN];
    char *text = NULL;
    json_t *out;

    own_ip(ip);
    out = json_pack("{s:s,s:s}", "device_id", wanted->device_id, "ip",
                    *wanted->ip != '\0' ? wanted->ip : ip);
    if (out != NULL && put_names(server, out) == 0 &&
        (!wanted->summaries ||
         json_object_set_new(out, "summaries", summaries_make(server, timeout)) == 0) &&
        (!wanted->ports || put_ports(out, config) == 0))
        text = json_dumps(out, JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(10));
    json_decref(out);
    return text;
}

/* ---- sending ---- */

static struct err *heartbeat_send(struct server *server, const struct config *config,
                                  usec_t timeout)
{
    const char *url = config->heartbeat.url;
    struct http_client_options options = {.method = "POST",
                                          .headers = "Content-Type: application/json\r\n"};
    usec_t deadline = co_deadline(timeout);
    struct http_client *client = NULL;
    struct err *err = NULL;
    char *body;

    if (strncmp(url, "https:", 6) == 0)
        options.tls = upstream_tls(server, "", &err);
    if (err != NULL)
        return err;
    body = body_make(server, config, timeout);
    if (body == NULL)
        return err_new(ERR_NOMEM, "no memory");
    options.body = body;
    options.body_len = strlen(body);
    options.connect_timeout = co_left(deadline);
    err = http_client_open(&client, url, &options, co_left(deadline));
    if (err == NULL && http_client_status(client) / 100 != 2)
        err = err_new(ERR_PROTO, "response status %d", http_client_status(client));
    http_client_close(client);
    free(body);
    return err;
}

/* Logs the first failure, then one line a minute, and the first success after failures. */
static void heartbeat_log(struct heartbeat *heartbeat, const char *url, const struct err *err)
{
    const struct log *log = heartbeat->server->log;

    if (err == NULL) {
        if (heartbeat->logged_at != 0)
            log_info(log, "heartbeat to %s works again", url);
        heartbeat->logged_at = 0;
        heartbeat->failures = 0;
        return;
    }
    heartbeat->failures++;
    if (heartbeat->logged_at != 0 && co_now() - heartbeat->logged_at < HEARTBEAT_LOG_PAUSE)
        return;
    heartbeat->logged_at = co_now();
    log_err(log, LOG_WARN, err, "heartbeat to %s failed, %u in a row: %s", url, heartbeat->failures,
            err_text(err));
}

static MAY_YIELD void heartbeat_once(struct heartbeat *heartbeat, const struct config *config)
{
    struct err *err = heartbeat_send(heartbeat->server, config, HEARTBEAT_TIMEOUT);

    if (err == NULL || err_code(err) != ERR_INTERRUPTED)
        heartbeat_log(heartbeat, config->heartbeat.url, err);
    err_free(err);
}

static MAY_YIELD void heartbeat_run(void *arg)
{
    struct heartbeat *heartbeat = arg;

    co_set_id("heartbeat");
    while (!co_is_interrupted()) {
        struct config *config = config_ref(heartbeat->server->config);
        const struct config_heartbeat *wanted = &config->heartbeat;
        usec_t pause = wanted->enabled ? wanted->interval : USEC_NEVER;

        if (wanted->enabled)
            heartbeat_once(heartbeat, config);
        /* A reload during the heartbeat is seen at once. */
        if (config == heartbeat->server->config)
            (void)co_cond_wait(&heartbeat->changed, pause);
        config_unref(config);
    }
}

/* ---- the row ---- */

static struct err *heartbeat_open(struct server *server, void **own)
{
    struct heartbeat *heartbeat = calloc(1, sizeof(*heartbeat));

    if (heartbeat == NULL)
        return err_new(ERR_NOMEM, "heartbeat");
    heartbeat->server = server;
    *own = heartbeat;
    return co_cond_init(&heartbeat->changed);
}

static struct err *heartbeat_ready(struct server *server, void *own)
{
    struct heartbeat *heartbeat = own;

    if (!server->config->heartbeat.enabled || metrics_slot(server->metrics) != 0)
        return NULL;
    heartbeat->co = co_spawn_joinable(heartbeat_run, heartbeat);
    return heartbeat->co != NULL ? NULL : err_new(ERR_NOMEM, "heartbeat: coroutine");
}

/* A reload: what has changed applies from now on. */
static void heartbeat_on_config(struct server *server, void *own, const struct config *before,
                                const struct config *config)
{
    struct heartbeat *heartbeat = own;

    (void)before;
    if (heartbeat->co != NULL)
        co_cond_signal(&heartbeat->changed);
    else if (config->heartbeat.enabled && server->state == SERVER_RUNNING)
        err_free(heartbeat_ready(server, own)); /* without memory: at the next reload */
}

/* A server that wants no new clients stops registering itself. */
static void heartbeat_leave(struct server *server, void *own)
{
    const struct heartbeat *heartbeat = own;

    (void)server;
    if (heartbeat->co != NULL)
        co_interrupt(heartbeat->co);
}

static MAY_YIELD void heartbeat_halt(struct server *server, void *own)
{
    struct heartbeat *heartbeat = own;

    (void)server;
    if (heartbeat->co == NULL)
        return;
    co_interrupt(heartbeat->co);
    co_join(heartbeat->co);
    heartbeat->co = NULL;
}

static MAY_YIELD void heartbeat_close(struct server *server, void *own)
{
    struct heartbeat *heartbeat = own;

    heartbeat_halt(server, heartbeat);
    co_cond_fini(&heartbeat->changed);
    free(heartbeat);
}

const struct observer heartbeat_observer = {.name = "heartbeat",
                                            .open = heartbeat_open,
                                            .ready = heartbeat_ready,
                                            .on_config = heartbeat_on_config,
                                            .leave = heartbeat_leave,
                                            .halt = heartbeat_halt,
                                            .close = heartbeat_close};
