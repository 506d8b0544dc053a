/*
 * Another worker of this server that has been taken over: it answers the pull of a stream that it
 * has claimed, with a part of the input (sim_origin.h), and asks at this worker's own listener for
 * what is published here. The input's first two bytes choose who does what.
 */
#include "sim_origin.h"
#include "sim_server.h"

#include "app/control/http_api_listener.h"
#include "app/http/http_listener.h"
#include "app/workers/worker_http.h"
#include "app/workers/worker_share.h"
#include "live/registry.h"

#include <stdio.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define STEPS_MAX 2048
#define AFTER     (4 * USEC_PER_SEC)
#define KEY       "__defaultVhost__/live/s"

static const char conf[] =
    "listen 1935; workers 2; max_connections 30;\n"
    "http_server { enabled on; listen 8080; }\n"
    "http_api { enabled on; listen 1985; }\n"
    "vhost __defaultVhost__ {\n"
    " http_remux { enabled on; republish_wait 1000; standby_timeout 3000; }\n"
    "}\n";

static struct server *server;
static struct worker_share *share;

static void answers(usec_t time, int *steps)
{
    for (int i = 0; i < 20; i++) {
        while (sim_origin_step() && (*steps)++ < STEPS_MAX)
            continue;
        sim_run(time / 20);
    }
}

/* The other worker has the stream, and a viewer here wants it. */
static void pull(unsigned how)
{
    static const char *const heads[] = {"GET /live/s.flv HTTP/1.1\r\nHost: h\r\n\r\n",
                                        "GET /live/s.ts HTTP/1.1\r\nHost: h\r\n\r\n"};
    struct registry_claim claim = {
        .key = KEY, .worker = 1, .now = co_now(), .is_early = (how & 4) != 0};
    struct sim_socket *s;
    uint64_t number = 0;
    int steps = 0;

    (void)registry_claim(share->registry, &claim, &number);
    s = sim_server_accept(server, &http_listener, "192.0.2.8");
    sim_send(s, heads[how & 1], strlen(heads[how & 1]));
    sim_settle();
    if (how & 4)
        registry_open(share->registry, KEY, number, co_now());
    answers(AFTER, &steps);
    if (how & 8)
        registry_release(share->registry, KEY, number);
    answers(AFTER / 4, &steps);
    sim_release(s);
    sim_settle();
    registry_release(share->registry, KEY, number);
    sim_settle();
}

/* The API is asked here, and the input is what the other worker answers. */
static void question(unsigned how)
{
    static const char *const paths[] = {"streams/",         "streams/?start=1&count=2",
                                        "clients/?count=3", "summaries",
                                        "vhosts/",          "rusages",
                                        "clients/x",        "qoe"};
    struct sim_socket *s = sim_server_accept(server, &http_api_listener, "127.0.0.1");
    char head[128];
    int steps = 0;
    int n = snprintf(head, sizeof(head), "GET /api/v1/%s HTTP/1.1\r\nHost: h\r\n\r\n",
                     paths[how >> 5 & 7]);

    share->slot[1].state = WORKER_READY;
    sim_send(s, head, (size_t)n);
    answers(AFTER, &steps);
    sim_release(s);
    sim_settle();
    share->slot[1].state = WORKER_GONE;
}

static void push(void *arg)
{
    struct sim_publisher *p = arg;

    if (p->source != NULL)
        sim_publish_frames(p, 2);
}

/* Publications have numbers that no input could guess. */
static void ask(struct sim_socket *s)
{
    struct registry_holder holder;
    char head[64];
    int n;

    if (registry_find(share->registry, KEY, &holder) != 0)
        return;
    n = snprintf(head, sizeof(head), "GET " WORKER_HTTP_PATH "%llu",
                 (unsigned long long)holder.number);
    sim_send(s, head, (size_t)n);
}

/* The stream is published here, and the other worker asks for it. */
static void serve(unsigned how, const uint8_t *data, size_t size)
{
    struct sim_publisher publisher = {0};
    struct sim_socket *s;

    if (sim_publish(server, "live", "s", &publisher) == 0) {
        sim_publish_headers(&publisher);
        sim_publish_frames(&publisher, 3);
    }
    s = sim_server_accept(server, &worker_http_listener, "");
    if (!(how & 4))
        ask(s);
    sim_peer_run(s, data, size, push, &publisher);
    sim_unpublish(&publisher);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (server == NULL)
        server = sim_server_start_worker(conf, &share);
    if (size < 2 || size > 65536)
        return 0;
    sim_again();
    size = sim_memory_arm(data, size);
    size = sim_reload_arm(data, size);
    if (size < 2)
        return 0;
    sim_origin_begin(data + 1, size - 1);
    if (data[0] & 16)
        question(data[0]);
    else if (data[0] & 2)
        serve(data[0], data + 1, size - 1);
    else
        pull(data[0]);
    sim_origin_end();
    sim_server_rest(server);
    return 0;
}
