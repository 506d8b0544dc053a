/*
 * Hostile HTTP servers that this server asks: callbacks, forward's backend, the other origins of an
 * SRS cluster, the receiver of heartbeats. Each connection gets a part of the input (sim_origin.h).
 * Meanwhile an encoder publishes over RTMP and a viewer plays.
 */
#include "sim_origin.h"
#include "sim_server.h"

#include "app/http/http_listener.h"
#include "app/rtmp/rtmp_listener.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define STEPS_MAX 4096
#define AFTER     (8 * USEC_PER_SEC)

static const char conf[] =
    "listen 1935; max_connections 30;\n"
    "http_server { enabled on; listen 8080; }\n"
    "heartbeat { enabled on; interval 20; url http://192.0.2.9/beat; summaries on; ports on; }\n"
    "vhost __defaultVhost__ {\n"
    " http_hooks { enabled on; timeout 2; retry_time 4; secret 0123456789abcdef;\n"
    "  on_connect http://192.0.2.1/c; on_close http://192.0.2.1/x;\n"
    "  on_publish http://192.0.2.1/p http://192.0.2.2/p; on_unpublish http://192.0.2.1/u;\n"
    "  on_play http://192.0.2.1/y; on_stop http://192.0.2.1/s;\n"
    "  on_demand http://192.0.2.1/d; on_idle http://192.0.2.1/i; idle_time 1; }\n"
    " forward { enabled on; backend http://192.0.2.3/f; }\n"
    " http_remux { enabled on; republish_wait 1000; standby_timeout 3000; }\n"
    "}\n"
    "vhost srs.example {\n"
    " cluster { origin_cluster on; coworkers 192.0.2.4:1985; }\n"
    " http_remux { enabled on; republish_wait 1000; standby_timeout 1000; }\n"
    "}\n";

/* After a reload: other addresses, no demand, another receiver of heartbeats. */
static const char changed[] =
    "listen 1935; max_connections 30;\n"
    "http_server { enabled on; listen 8080; }\n"
    "heartbeat { enabled on; interval 5; url http://192.0.2.10/beat; }\n"
    "vhost __defaultVhost__ {\n"
    " http_hooks { enabled on; timeout 2; retry_time 4;\n"
    "  on_publish http://192.0.2.2/p; on_unpublish http://192.0.2.2/u;\n"
    "  on_play http://192.0.2.2/y; on_stop http://192.0.2.2/s; }\n"
    " http_remux { enabled on; republish_wait 1000; standby_timeout 3000; }\n"
    "}\n";

static struct server *server;

static void viewer(struct sim_socket *s, unsigned how)
{
    static const char *const heads[] = {
        "GET /live/s.flv HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /live/other.aac HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /live/s.flv?vhost=srs.example HTTP/1.1\r\nHost: h\r\n\r\n",
        "POST /live/s.ts?vhost=nobody.example HTTP/1.1\r\nHost: h\r\n\r\n"};

    sim_send(s, heads[how & 3], strlen(heads[how & 3]));
}

static void answers(usec_t time, int *steps)
{
    for (int i = 0; i < 20; i++) {
        while (sim_origin_step() && (*steps)++ < STEPS_MAX)
            continue;
        sim_run(time / 20);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sim_socket *one;
    struct sim_socket *other;
    int steps = 0;

    if (server == NULL)
        server = sim_server_start(conf);
    if (size < 2 || size > 65536)
        return 0;
    sim_again();
    size = sim_memory_arm(data, size);
    size = sim_reload_arm(data, size);
    if (size < 2)
        return 0;
    sim_origin_begin(data + 1, size - 1);
    one = sim_server_accept(server, &rtmp_listener, "192.0.2.7");
    other = sim_server_accept(server, &http_listener, "192.0.2.8");
    if (data[0] & 4)
        viewer(other, data[0]);
    sim_encoder(one);
    if (!(data[0] & 4))
        viewer(other, data[0]);
    answers(AFTER / 2, &steps);
    sim_reload(server, changed);
    answers(AFTER / 2, &steps);
    sim_release(one);
    sim_release(other);
    answers(AFTER, &steps);
    sim_origin_end();
    sim_server_rest(server);
    return 0;
}
